"""The port that `oblivion up` serves on."""

import socket

from oblivion_cli.up.ports import choose_port, is_free


def test_a_port_that_is_taken_gives_way_to_a_free_one():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        assert not is_free(taken)
        chosen = choose_port(taken)
        assert chosen != taken
        assert is_free(chosen)
    assert choose_port(taken) == taken
