"""Asks for secrets, hidden, when they were given neither by flag nor by environment."""

import sys

import typer

from oblivion_cli.errors import UsageWrong


def secret(given: str | None, flag: str, question: str) -> str:
    """The secret given, else the one typed.

    Raises:
        UsageWrong: nothing was given, and nobody is there to ask.
    """
    if given:
        return given.strip()
    if not sys.stdin.isatty():
        raise UsageWrong(f"{question} is missing.", f"Give it by {flag} or its environment variable.")
    return str(typer.prompt(question, hide_input=True)).strip()
