from typing import Any

import pytest

from oblivion_sandbox.llm.mind import MARK, think
from oblivion_sandbox.llm.prompt import Choice, Prompt, Tool, ToolCall, Turn


def properties(required: list[str], **kinds: Any) -> dict[str, Any]:
    return {"type": "object", "properties": kinds, "required": required}


TEXT = {"type": "string"}
CREATE_ISSUE = Tool(
    "linear__create_issue",
    "Create an issue in Linear.",
    properties(
        ["title"], title=TEXT, description=TEXT, priority={"type": "string", "enum": ["low", "urgent"]}
    ),
)
SEARCH_PAGES = Tool("notion__search", "Search pages in Notion.", properties(["query"], query=TEXT))
GET_FILE = Tool(
    "get_file_contents",
    "Get the contents of a file in a GitHub repository.",
    properties(["owner", "repo", "path"], owner=TEXT, repo=TEXT, path=TEXT),
)
LIST_EVENTS = Tool("calendar__list_events", "List calendar events.", properties([], day=TEXT))
TOOLS = (CREATE_ISSUE, SEARCH_PAGES, GET_FILE, LIST_EVENTS)
ROUTE = Tool(
    "route_to_agent",
    "Choose the agent for the message.",
    properties(
        ["agent", "confidence"],
        agent={"type": "string", "enum": ["general", "notion", "calendar", "github"]},
        task={"anyOf": [{"type": "string"}, {"type": "null"}]},
        confidence={"type": "number"},
        reason=TEXT,
    ),
)
AGENTS = """Choose one of these agents:
- general: conversation and everything that no other agent does
- notion: finds, reads and writes pages and wikis in Notion
- calendar: schedules meetings, events and reminders
- github: reads repositories, pull requests and code
"""


def prompt(task: str, *before: Turn, tools: tuple[Tool, ...] = (), **more: Any) -> Prompt:
    return Prompt("sandbox", (*before, Turn("user", task)), tools, **more)


@pytest.mark.parametrize(
    ("task", "tool", "arguments"),
    [
        (
            'create an urgent ticket titled "Login is broken"',
            "linear__create_issue",
            {"title": "Login is broken", "priority": "urgent"},
        ),
        ("search Notion for launch plan", "notion__search", {"query": "launch plan"}),
        (
            "please read the README of acme/rocket",
            "get_file_contents",
            {"owner": "acme", "repo": "rocket", "path": "README.md"},
        ),
        ("which events do I have tomorrow?", "calendar__list_events", {"day": "tomorrow"}),
        ("use notion__search about pricing", "notion__search", {"query": "pricing"}),
    ],
)
def test_a_fitting_tool_is_called_with_arguments_from_the_request(
    task: str, tool: str, arguments: dict[str, str]
):
    reply = think(prompt(task, tools=TOOLS))
    assert [call.name for call in reply.calls] == [tool]
    assert arguments.items() <= reply.calls[0].arguments.items()


def test_what_is_to_be_listed_is_got_and_not_created():
    get_issues = Tool("linear__getIssues", "List issues in Linear.", properties([], team=TEXT))
    reply = think(prompt("list issues in linear", tools=(CREATE_ISSUE, get_issues)))
    assert [call.name for call in reply.calls] == ["linear__getIssues"]


@pytest.mark.parametrize("question", ["what issues are open in linear?", "which issue should I create?"])
def test_a_question_changes_nothing(question: str):
    assert think(prompt(question, tools=(CREATE_ISSUE,))).calls == ()


def test_what_goes_along_with_a_request_asks_for_nothing():
    task = "which date is good for this party?\n\nContext:\n- linear issue: create the party\n- id: 86x\n"
    reply = think(prompt(task, tools=(CREATE_ISSUE,)))
    assert reply.calls == ()
    assert "create the party" not in reply.text


def test_without_a_fitting_tool_none_is_called():
    reply = think(prompt("tell me a story about a whale", tools=TOOLS))
    assert reply.calls == ()
    assert MARK in reply.text
    assert "tell me a story about a whale" in reply.text


def test_the_same_prompt_gets_the_same_answer():
    asked = prompt('create a ticket titled "x"', tools=TOOLS)
    assert think(asked) == think(asked)


def test_two_things_asked_for_are_done_one_after_the_other():
    task = 'search Notion for "launch" and then create a ticket titled "Launch"'
    asked = prompt(task, tools=TOOLS)
    first = think(asked)
    made = Turn("assistant", "", calls=first.calls)
    result = Turn("tool", '[{"title": "Launch plan"}]', name="notion__search")
    second = think(Prompt("sandbox", (*asked.turns, made, result), TOOLS))
    assert [first.calls[0].name, second.calls[0].name] == ["notion__search", "linear__create_issue"]
    again = Turn("assistant", "", calls=second.calls)
    done = Turn("tool", '{"key": "ENG-1", "url": "https://x.example/ENG-1"}', name="linear__create_issue")
    last = think(Prompt("sandbox", (*asked.turns, made, result, again, done), TOOLS))
    assert last.calls == ()
    assert "Launch plan" in last.text
    assert "ENG-1" in last.text


@pytest.mark.parametrize(
    ("message", "agent"),
    [
        ("schedule a meeting with ana on Friday", "calendar"),
        ("find the wiki page about onboarding in Notion", "notion"),
        ("review the pull request 12", "github"),
        ("hmm", "general"),
    ],
)
def test_a_message_is_routed_by_the_words_it_shares_with_an_agent(message: str, agent: str):
    reply = think(prompt(message, Turn("system", AGENTS), tools=(ROUTE,)))
    arguments = reply.calls[0].arguments
    assert reply.calls[0].name == "route_to_agent"
    assert arguments["agent"] == agent
    assert 0 < arguments["confidence"] <= 1


def test_agents_given_as_json_are_known_too():
    agents = (
        '{"agents": [{"id": "github", "description": "code"}, {"id": "calendar", "description": "events"}]}'
    )
    reply = think(prompt("put it in my calendar events", Turn("system", agents), tools=(ROUTE,)))
    assert reply.calls[0].arguments["agent"] == "calendar"


def test_a_thread_of_turns_is_summarised_by_who_said_what():
    said = (
        Turn("user", "The launch moves to Friday. Legal needs a day.", name="ana"),
        Turn("user", "Who tells the press?", name="ben"),
    )
    reply = think(prompt("<@U0000000009> summarise this thread", *said))
    assert "**ana**: The launch moves to Friday." in reply.text
    assert "**ben**: Who tells the press?" in reply.text
    assert "Questions asked" in reply.text


def test_a_thread_written_out_in_the_task_is_summarised_too():
    task = "Thread:\nana: We ship on Monday. It is ready.\nben (10:02): I disagree.\n\nTask: recap please"
    reply = think(prompt(task, tools=TOOLS))
    assert "**ana**: We ship on Monday." in reply.text
    assert "**ben**: I disagree." in reply.text


def test_a_question_is_answered_from_what_was_said():
    said = Turn("user", "ana: The budget for the launch is 400 euros. Lunch is at noon.", name="ana")
    reply = think(prompt("what was the launch budget?", said))
    assert "400 euros" in reply.text
    assert "noon" not in reply.text


def test_who_is_called_is_taken_out_whole_of_what_it_repeats():
    for name in ("@AI_Squad", r"@AI\_Squad", "<@U012>", "<@U012|oblivion>"):
        answer = think(prompt(f"{name} please paint the fence")).text
        assert "“please paint the fence”" in answer


def test_it_tells_which_tools_it_has():
    reply = think(prompt("what tools do you have?", tools=TOOLS))
    assert "`notion__search`" in reply.text


@pytest.mark.parametrize("choice", ["required", "none"])
def test_a_tool_choice_is_obeyed(choice: Choice):
    reply = think(prompt("tell me a story", tools=TOOLS, choice=choice))
    assert bool(reply.calls) is (choice == "required")


def test_a_forced_tool_gets_all_that_it_requires():
    reply = think(prompt("anything", tools=TOOLS, choice="required", forced="get_file_contents"))
    assert set(reply.calls[0].arguments) == {"owner", "repo", "path"}


def test_an_answer_of_a_given_schema_has_that_shape():
    schema = properties(["title", "urgent"], title=TEXT, urgent={"type": "boolean"})
    reply = think(prompt('make "Fix it" the title', answer_schema=schema))
    assert reply.text == '{"title":"Fix it","urgent":false}'


@pytest.mark.parametrize(
    "hostile", ["", "{" * 10_000, "a" * 200_000, "\x00\x00", "and then " * 5_000, "“" * 999, "a/" * 20_000]
)
def test_hostile_text_is_answered(hostile: str):
    reply = think(prompt(hostile, Turn("system", hostile), tools=(*TOOLS, ROUTE)))
    assert reply.calls[0].name == "route_to_agent"
    assert think(prompt(hostile, tools=TOOLS)) is not None


def test_a_route_that_was_chosen_is_not_chosen_again():
    call = ToolCall("c", "route_to_agent", {})
    asked = prompt("hello", tools=(ROUTE,))
    reply = think(
        Prompt("sandbox", (*asked.turns, Turn("assistant", "", calls=(call,)), Turn("tool", "ok")), (ROUTE,))
    )
    assert reply.text


def test_material_between_marks_is_read_as_a_thread():
    material = (
        "[material k7]\nAna Maria Silva: We ship on Monday.\nIt is ready.\nben: No, on Friday.\n[end k7]"
    )
    reply = think(prompt("summarise this thread", Turn("user", material), tools=TOOLS))
    assert "**Ana Maria Silva**: We ship on Monday." in reply.text
    assert "**ben**: No, on Friday." in reply.text
    assert "[end" not in reply.text


def test_a_message_given_as_a_json_string_is_read_as_text():
    agents = "\n".join(
        [
            '{"agent": "general", "does": "conversation", "tasks": ["answer"]}',
            '{"agent": "calendar", "does": "plans meetings", "tasks": ["schedule", "cancel"]}',
        ]
    )
    reply = think(prompt('"cancel the \\u201cweekly\\u201d meeting"', Turn("system", agents), tools=(ROUTE,)))
    arguments = reply.calls[0].arguments
    assert (arguments["agent"], arguments["task"]) == ("calendar", "cancel")


def test_nothing_shared_means_hardly_any_confidence():
    reply = think(prompt("hmm", Turn("system", AGENTS), tools=(ROUTE,)))
    assert reply.calls[0].arguments["confidence"] < 0.35


@pytest.mark.parametrize(
    "nudge", ["That was empty. Answer the request.", "You have used all your tool calls. Answer now."]
)
def test_being_hurried_on_is_no_new_request(nudge: str):
    reply = think(Prompt("sandbox", (Turn("user", "tell me of whales"), Turn("user", nudge))))
    assert "tell me of whales" in reply.text


def test_a_word_in_between_does_not_make_it_forget_what_its_tools_said():
    call = ToolCall("c", "notion__search", {"query": "launch"})
    turns = (
        Turn("user", "search Notion for launch"),
        Turn("assistant", "", calls=(call,)),
        Turn("tool", '[material x]\n[{"title": "Launch plan"}]\n[end x]', name="notion__search"),
        Turn("user", "Said in the thread meanwhile:\nana: hurry"),
    )
    reply = think(Prompt("sandbox", turns, TOOLS))
    assert "- Launch plan" in reply.text


def test_what_a_tool_returned_is_shortened_when_a_summary_was_asked_for():
    call = ToolCall("c", "get_file_contents", {})
    turns = (
        Turn("user", "summarise the README of acme/rocket"),
        Turn("assistant", "", calls=(call,)),
        Turn("tool", "# rocket\n\nA countdown service. It is small.\n\n## Use", name="get_file_contents"),
    )
    reply = think(Prompt("sandbox", turns, TOOLS))
    assert "- A countdown service.\n- It is small." in reply.text
    assert "# rocket" not in reply.text
