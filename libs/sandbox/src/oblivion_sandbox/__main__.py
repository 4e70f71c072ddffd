"""`python -m oblivion_sandbox`: serve both stand-ins until a signal comes."""

import asyncio
import gc
import logging
import sys

import uvloop
from pydantic import ValidationError

from oblivion_sandbox.app import Sandbox
from oblivion_sandbox.server import listen, make_server
from oblivion_sandbox.settings import SandboxSettings


def main() -> int:
    """Returns the exit code: 0 after a signal, 2 when the settings are not usable."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = SandboxSettings()
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"]) or "settings"
            print(f"{where}: {fault['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    listener = listen(settings.host, settings.port)
    server = make_server(Sandbox(settings).asgi())
    host, port = listener.getsockname()[:2]
    logging.getLogger(__name__).info("sandbox on http://%s:%s, state in %s", host, port, settings.state_dir)
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve([listener]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
