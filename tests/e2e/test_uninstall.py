"""What is left when the release goes: the keys, the passwords and the data of Postgres."""

import pytest

from tests.e2e.cluster import Installed, namespace

KINDS = "deploy,sts,job,pod,svc,cm,sa,role,rolebinding,ingress,networkpolicy,pdb,hpa,pvc,secret"
OF_THE_NAMESPACE = {"default", "kube-root-ca.crt"}


@pytest.mark.timeout(600)
async def test_uninstalling_leaves_what_it_promises_to_keep_and_nothing_else() -> None:
    with namespace("oblivion-e2e-uninstall") as room:
        system = Installed(room)
        system.install({"sandbox": {"enabled": True}})
        await system.wait_for_job("connect")
        system.uninstall()
        left = {
            f"{each['kind']}/{each['metadata']['name']}"
            for each in room.objects(KINDS)
            if each["metadata"]["name"] not in OF_THE_NAMESPACE
        }
    assert left == {
        "Secret/oblivion-keys",
        "Secret/oblivion-database",
        "Secret/oblivion-squad",
        "Secret/oblivion-squad-environment",
        "PersistentVolumeClaim/data-oblivion-postgres-0",
    }
