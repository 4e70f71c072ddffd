"""What a command can end with. Every failure is one sentence and the fix; nobody reads a stack trace."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of `oblivion`, listed in docs/reference/cli.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    DEPENDENCY_AWAY = 4
    REFUSED = 5
    """The other side refuses us: a token, a scope, an invitation."""
    INTERRUPTED = 130


class CommandFailed(Exception):
    """The command did not do what was asked."""

    exit_code = ExitCode.FAILED

    def __init__(self, sentence: str, fix: str) -> None:
        super().__init__(f"{sentence} {fix}")
        self.sentence = sentence
        self.fix = fix


class UsageWrong(CommandFailed):
    """What was typed, or is set in the environment, cannot be meant."""

    exit_code = ExitCode.USAGE


class NotFound(CommandFailed):
    """What the command names does not exist."""

    exit_code = ExitCode.NOT_FOUND


class DependencyAway(CommandFailed):
    """A server that the command needs does not answer."""

    exit_code = ExitCode.DEPENDENCY_AWAY


class AnsweredElsewhere(CommandFailed):
    """An app in one team is answered for by one tenant, and there is one already."""

    def __init__(self, team_name: str) -> None:
        super().__init__(
            f"Another tenant answers the people who speak to this app in {team_name}.",
            "Connect this one with --mirror-only (lists and replies are mirrored, the other tenant answers), "
            "or the other one; or give this tenant a Slack app of its own.",
        )


class AccessRefused(CommandFailed):
    """Slack or ClickUp refuses what we present."""

    exit_code = ExitCode.REFUSED


class SlackRefused(CommandFailed):
    """Slack answered `ok: false`; `code` is its error."""

    def __init__(self, method: str, code: str, fix: str) -> None:
        super().__init__(f"Slack refuses {method}: {code}.", fix)
        self.code = code


class TokenRefused(AccessRefused, SlackRefused):
    """Slack does not take the token at all."""
