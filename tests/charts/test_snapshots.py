"""All that the umbrella renders, as it was last looked at: whoever changes it sees in the diff what it does.

make chart-snapshots    writes them again, with the helm that is on the PATH
"""

import os
from pathlib import Path

import pytest
import yaml

from tests.charts.conftest import Json, Render, of_kind
from tests.charts.test_rendering import EVERYTHING
from tests.charts.test_ways import NAMED

FOLDER = Path(__file__).parent / "snapshots"


def known_by(manifest: Json) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def text_of(manifests: list[Json]) -> str:
    """In an order and a form that no version of helm decides on."""
    # Agents are data of the squad, which has tests of its own.
    shown = [each for each in manifests if each["kind"] != "Agent"]
    ordered = sorted(shown, key=known_by)
    return "".join(f"---\n{yaml.safe_dump(each, width=120, default_flow_style=None)}" for each in ordered)


@pytest.fixture
def rendered(render: Render) -> dict[str, str]:
    """What there is by default; what there is beside it when everything is switched on; the ways that are
    open when values name addresses."""
    defaults = render("helm/oblivion")
    known = set(map(known_by, defaults))
    more = [each for each in render("helm/oblivion", EVERYTHING) if known_by(each) not in known]
    named = of_kind(render("helm/oblivion", NAMED), "NetworkPolicy")
    return {"defaults": text_of(defaults), "more": text_of(more), "named": text_of(named)}


@pytest.mark.parametrize("name", ["defaults", "more", "named"])
def test_what_is_rendered_is_what_was_last_looked_at(rendered: dict[str, str], name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    if "OBLIVION_WRITE_SNAPSHOTS" in os.environ:
        file.write_text(rendered[name])
    assert rendered[name] == file.read_text(), "after a look at the difference: make chart-snapshots"
