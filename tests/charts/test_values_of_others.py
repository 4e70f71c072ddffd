"""Pinned values of charts that are not ours: each names what it installs."""

import re
from pathlib import Path

import pytest
import yaml

VALUES = sorted((Path(__file__).parents[2] / "infra" / "values").glob("*.yaml"))
HEADER = re.compile(r"^# (chart|repository|version|namespace): (\S+)$", re.MULTILINE)


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_it_names_chart_repository_version_and_namespace(file: Path) -> None:
    named = dict(HEADER.findall(file.read_text()))
    assert set(named) == {"chart", "repository", "version", "namespace"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", named["version"])
    assert isinstance(yaml.safe_load(file.read_text()), dict)
