"""How far an installation is, in sentences: each step done, still to be done, or failing."""

from oblivion_contracts.administration import SetupStep
from oblivion_platform.operations.setup import SetupFacts

_NAMES = {"slack": "Slack", "clickup": "ClickUp"}
_WELL = "ok"


def first_steps(facts: SetupFacts, online: int) -> list[SetupStep]:
    """In the order in which they are taken."""
    return [
        _connected(facts, "slack"),
        _connected(facts, "clickup"),
        _linked(facts),
        _agents(facts, online),
        _asked(facts),
    ]


def _connected(facts: SetupFacts, source: str) -> SetupStep:
    ours = [each for each in facts.workspaces if each.source == source]
    command = f"oblivion {source} connect"
    if not ours:
        return _step(source, "open", f"No {_NAMES[source]} workspace is connected.", command)
    for each in ours:
        if each.status != _WELL:
            words = each.detail or each.status.replace("_", " ")
            return _step(source, "failing", f"{each.name}: {words}", command)
    return _step(source, "done", f"{', '.join(each.name for each in ours)} is connected.")


def _linked(facts: SetupFacts) -> SetupStep:
    if facts.links == 0:
        return _step("link", "open", "No list is linked to a channel.", "Choose a list and a channel.")
    if facts.link_problem is not None:
        return _step("link", "failing", f"{facts.link_problem.rstrip('.')}.", "Look at the mapping.")
    many = "One list is" if facts.links == 1 else f"{facts.links} lists are"
    return _step("link", "done", f"{many} linked to a channel.")


def _agents(facts: SetupFacts, online: int) -> SetupStep:
    known = len(facts.agents)
    if known == 0:
        return _step("agent", "open", "There is no agent yet.", "oblivion agents new fixer")
    if online == 0:
        return _step("agent", "open", f"None of {known} agents is online.", "Start one.")
    return _step("agent", "done", f"{online} of {known} agents online.")


def _asked(facts: SetupFacts) -> SetupStep:
    if facts.answered:
        return _step("first_run", "done", "An agent has answered.")
    if facts.runs == 0:
        return _step("first_run", "open", "Nothing has been asked yet.", "Ask an agent something.")
    if facts.failure is not None:
        return _step("first_run", "failing", facts.failure, "Look at the run, then ask again.")
    return _step("first_run", "open", "Something was asked; nobody has answered yet.", "Look at the run.")


def _step(name: str, state: str, sentence: str, fix: str = "") -> SetupStep:
    return SetupStep.model_validate({"name": name, "state": state, "sentence": sentence, "fix": fix})
