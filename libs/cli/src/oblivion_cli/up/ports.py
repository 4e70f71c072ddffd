"""Ports of this machine."""

import socket

from oblivion_platform.embedded.process import free_port

DEFAULT_PORT = 8300


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 and of ::1, where there is one."""
    return _can_bind(socket.AF_INET, "127.0.0.1", port) and (
        not has_ipv6_loopback() or _can_bind(socket.AF_INET6, "::1", port)
    )


def has_ipv6_loopback() -> bool:
    """Whether `localhost` may mean ::1 here."""
    return socket.has_ipv6 and _can_bind(socket.AF_INET6, "::1", 0)


def choose_port(wanted: int) -> int:
    """`wanted` when it is free, else any free one."""
    return wanted if is_free(wanted) else free_port()


def _can_bind(family: int, host: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True
