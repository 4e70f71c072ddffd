"""The files of a new agent: pure text from templates, then written where nothing is overwritten."""

import os
import stat
import sys
from importlib.resources import files
from pathlib import Path
from string import Template

from oblivion_cli.errors import CommandFailed, UsageWrong

_PRIVATE = stat.S_IRUSR | stat.S_IWUSR


def module_name(agent: str) -> str:
    """The Python module of an agent: `my-agent` is in `my_agent.py`, and none hides one of Python's own."""
    name = agent.replace("-", "_")
    return f"agent_{name}" if name[0].isdigit() or name in sys.stdlib_module_names else name


def agent_files(agent: str) -> dict[str, str]:
    """File name → content."""
    module = module_name(agent)
    names = {
        f"{module}.py": "agent.py.txt",
        f"test_{module}.py": "test_agent.py.txt",
        "Dockerfile": "Dockerfile.txt",
        "agent.yaml": "agent.yaml.txt",
        "pytest.ini": "pytest.ini.txt",
        ".gitignore": "gitignore.txt",
    }
    folder = files("oblivion_cli.templates") / "agent"
    values = {"name": agent, "module": module}
    return {
        name: Template((folder / template).read_text(encoding="utf-8")).substitute(values)
        for name, template in names.items()
    }


def refuse_overwriting(folder: Path, contents: dict[str, str]) -> None:
    """Raises: UsageWrong: one of the files is there."""
    there = [name for name in contents if (folder / name).exists()]
    if there:
        raise UsageWrong(
            f"{folder} holds {', '.join(there)} already.", "Choose another name or another folder with --dir."
        )


def write_new(folder: Path, contents: dict[str, str]) -> None:
    """Write the files.

    Raises:
        UsageWrong: one of them is there; nothing is written then.
        CommandFailed: the folder cannot be written.
    """
    refuse_overwriting(folder, contents)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(
            f"{folder} cannot be written ({error.strerror}).", "Choose another folder with --dir."
        ) from error


def write_credentials(file: Path, agent_id: str, agent_secret: str) -> None:
    """Put what the agent signs in with into its `.env`, for the owner alone; other lines in it stay."""
    kept = [line for line in _lines(file) if not line.startswith(("AGENT_ID=", "AGENT_SECRET="))]
    text = "\n".join([*kept, f"AGENT_ID={agent_id}", f"AGENT_SECRET={agent_secret}", ""])
    unfinished = file.with_name(".env.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    unfinished.rename(file)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
