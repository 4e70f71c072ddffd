"""What can be wrong with a wish about an agent."""

from http import HTTPStatus

from oblivion_platform.errors import PermanentFailure


class AgentNotFound(PermanentFailure):
    """404, also for an agent of another tenant."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("agent_not_found", "There is no such agent.")


class AgentNameTaken(PermanentFailure):
    """409: an agent, or another agent's alias, has the name already."""

    http_status = HTTPStatus.CONFLICT

    def __init__(self, name: str) -> None:
        super().__init__(
            "agent_name_taken", f"Another agent is called {name!r}, by name or alias. Choose another."
        )


class SecretNotFound(PermanentFailure):
    """404: the agent has no live secret of that id."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("secret_not_found", "The agent has no such live secret.")


class AgentOfAnotherTenant(PermanentFailure):
    """409: the resource belonged to another tenant when it was registered."""

    http_status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "agent_of_another_tenant",
            "This Agent was registered in another tenant, which its namespace was labelled with. "
            "Delete it and apply it again.",
        )
