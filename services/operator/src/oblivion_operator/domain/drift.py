"""Whether somebody changed a child: its fingerprint, without what others are meant to write."""

import hashlib
import json

from oblivion_operator.domain.manifests import Body, part

_OTHERS_ANNOTATIONS = "deployment.kubernetes.io/"


def fingerprint(body: Body) -> str:
    """The same for what was applied and for what is seen later, as long as nobody changed it.

    Left out: status, replicas (they go by the scale subresource), and what the Deployment controller notes.
    """
    metadata = part(body, "metadata")
    spec = {key: value for key, value in part(body, "spec").items() if key != "replicas"}
    annotations = part(metadata, "annotations")
    told = {
        "labels": metadata.get("labels"),
        "annotations": {k: v for k, v in annotations.items() if not k.startswith(_OTHERS_ANNOTATIONS)},
        "owners": metadata.get("ownerReferences"),
        "spec": spec,
        "automount": body.get("automountServiceAccountToken"),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
