"""`python -m oblivion_sandbox`: serve both stand-ins until a signal comes."""

import asyncio
import gc
import signal

import uvloop

from oblivion_platform.logging import configure_logging, get_logger
from oblivion_platform.settings import load
from oblivion_sandbox.app import Sandbox
from oblivion_sandbox.server import listen, make_server
from oblivion_sandbox.settings import SandboxSettings


def main() -> None:
    settings = load(SandboxSettings)
    configure_logging(settings, service="sandbox")
    listener = listen(settings.host, settings.port)
    sandbox = Sandbox(settings)
    server = make_server(sandbox.asgi(), sandbox.end_streams)
    host, port = listener.getsockname()[:2]
    get_logger(__name__).info("sandbox listens", host=host, port=port, state=str(settings.state_dir))
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            runner.get_loop().add_signal_handler(signal_number, server.stop)
        runner.run(server.run_on(listener))


if __name__ == "__main__":
    main()
