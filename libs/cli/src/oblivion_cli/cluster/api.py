"""The cluster as a pod sees it: its API server, and the namespace it runs in."""

import os
import ssl
from pathlib import Path

import httpx

from oblivion_cli.cluster.secrets import SecretStore
from oblivion_cli.errors import CommandFailed

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 10.0
RETRIES = 5
"""Of connecting: a pod's network may stand a moment later than the pod."""


def secrets_here(account: Path = ACCOUNT) -> SecretStore:
    """The Secrets of this pod's namespace.

    Raises:
        CommandFailed: this is no pod, or one without a ServiceAccount's token.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if host is None or not (account / "token").exists():
        raise CommandFailed(
            "This is not a pod with a ServiceAccount's token.", "The charts' Jobs run this; you need not."
        )
    shown = f"[{host}]" if ":" in host else host
    http = httpx.AsyncClient(
        base_url=f"https://{shown}:{port}",
        headers={"Authorization": f"Bearer {(account / 'token').read_text().strip()}"},
        transport=httpx.AsyncHTTPTransport(verify=_trusting(account / "ca.crt"), retries=RETRIES),
        timeout=TIMEOUT_S,
    )
    return SecretStore(http, (account / "namespace").read_text().strip())


def _trusting(certificates: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates))
