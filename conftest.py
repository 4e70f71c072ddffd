"""Fixtures that every test of the workspace may use."""

import sys
from collections.abc import Generator

import hypothesis
import pytest

# A machine may pause for longer than an example may take.
hypothesis.settings.register_profile("oblivion", deadline=None)
hypothesis.settings.load_profile("oblivion")

pytest_plugins = ["oblivion_platform.testing.plugin"]

_KEPT_CLIENTS = {
    "langchain_openai.chat_models._client_utils": "_cached_async_httpx_client",
    "langchain_anthropic._client_utils": "_get_default_async_httpx_client",
}


@pytest.fixture(autouse=True)
def _no_http_clients_of_earlier_tests() -> Generator[None]:
    """LangChain keeps one for each address; once a port comes again, its connections are of a closed loop."""
    yield
    for name, function in _KEPT_CLIENTS.items():
        if name in sys.modules:
            getattr(sys.modules[name], function).cache_clear()
