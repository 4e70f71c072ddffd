from hypothesis import given
from hypothesis import strategies as st

from oblivion_mcp_hub.domain.tool_names import qualified

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@given(NAMES, st.text(max_size=300))
def test_every_name_is_one_that_models_take(connection, tool):
    name = qualified(connection, tool)
    assert len(name) <= 64
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@given(NAMES, NAMES, st.text(max_size=100), st.text(max_size=100))
def test_no_connection_can_make_a_name_of_another(one, other, tool, other_tool):
    if one != other:
        assert qualified(one, tool) != qualified(other, other_tool)
    assert qualified(one, tool).startswith(f"{one}__")


def test_long_names_that_begin_alike_stay_apart():
    assert qualified("wiki", "n" * 200) != qualified("wiki", "n" * 201)
