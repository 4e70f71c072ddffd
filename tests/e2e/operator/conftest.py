"""Fixtures: a scene for each test."""

import base64
import ssl
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lightkube import AsyncClient

from oblivion_gateway.testing import running_world
from oblivion_platform.testing import FreshDatabase
from tests.e2e.operator.scene import ACCOUNT, Scene, clear, grant_rights, small_image


@pytest.fixture
async def kube() -> AsyncGenerator[AsyncClient]:
    """As the cluster's admin."""
    client = AsyncClient()
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def scene(
    kube: AsyncClient,
    agent_resource: None,
    database: FreshDatabase,
    redis_url: str,
    tmp_path: Path,
    socket_enabled: Callable[[], Any],
) -> AsyncGenerator[Scene]:
    image = await small_image(kube)
    if image is None:
        pytest.skip("no node has an image to stand in for an agent's: one whose name holds `pause`")
    system = f"system-{uuid4().hex[:8]}"
    await grant_rights(kube, system)
    async with running_world(
        database,
        redis_url,
        operator_account=f"{system}:{ACCOUNT}",
        address_requests_per_minute=1_000_000,
    ) as world:
        server, authority = authority_of(kube)
        scene = Scene(
            kube=kube,
            world=world,
            tenant=await world.new_tenant(),
            system=system,
            image=image,
            folder=tmp_path,
            server=server,
            tls=ssl.create_default_context(cadata=base64.b64decode(authority).decode()),
            authority=authority,
        )
        try:
            yield scene
        finally:
            await clear(kube, scene)


def authority_of(kube: AsyncClient) -> tuple[str, str]:
    """The API server's address and the certificate, in base64, that vouches for it."""
    cluster = kube.config.cluster
    if cluster.certificate_auth_data:
        return cluster.server, cluster.certificate_auth_data
    file = kube.config.abs_file(cluster.certificate_auth)
    return cluster.server, base64.b64encode(Path(file).read_bytes()).decode()
