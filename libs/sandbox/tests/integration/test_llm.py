"""The model through the clients that the product uses."""

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import openai
import pytest
from langchain.chat_models import init_chat_model
from langchain_core.tools import tool

from oblivion_sandbox.testing import RunningSandbox


@tool
def create_ticket(title: str, priority: str = "normal") -> str:
    """Create a ticket in the tracker."""
    return f"created {title} ({priority})"


def chat(sandbox: RunningSandbox, **more: Any) -> Any:
    return init_chat_model(
        "openai:sandbox",
        base_url=sandbox.llm_base_url,
        api_key="any",
        max_retries=0,
        stream_usage=True,
        **more,
    )


def claude(sandbox: RunningSandbox, **more: Any) -> Any:
    url = sandbox.llm_base_url.removesuffix("/v1")
    return init_chat_model("anthropic:sandbox", base_url=url, api_key="any", max_retries=0, **more)


MODELS = [pytest.param(chat, id="openai"), pytest.param(claude, id="anthropic")]


@pytest.mark.parametrize("model", MODELS)
async def test_langchain_gets_an_answer_with_usage(sandbox: RunningSandbox, model: Callable[..., Any]):
    answer = await model(sandbox).ainvoke("hello")
    assert answer.text.startswith("Hello!")
    assert answer.usage_metadata["input_tokens"] > 0
    assert answer.usage_metadata["output_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
async def test_langchain_streams_the_same_answer_in_pieces(
    sandbox: RunningSandbox, model: Callable[..., Any]
):
    whole = await model(sandbox).ainvoke("tell me about whales")
    pieces = [piece async for piece in model(sandbox).astream("tell me about whales")]
    assert len([piece for piece in pieces if piece.text]) > 5
    joined = pieces[0]
    for piece in pieces[1:]:
        joined += piece
    assert joined.text == whole.text
    assert joined.usage_metadata["output_tokens"] == whole.usage_metadata["output_tokens"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_langchain_sees_a_tool_call_and_hands_its_result_back(
    sandbox: RunningSandbox, model: Callable[..., Any], streaming: bool
):
    bound = model(sandbox).bind_tools([create_ticket])
    asked: list[Any] = [("user", 'create a ticket titled "Fix the door"')]
    if streaming:
        pieces = [piece async for piece in bound.astream(asked)]
        answer = pieces[0]
        for piece in pieces[1:]:
            answer += piece
    else:
        answer = await bound.ainvoke(asked)
    assert [(call["name"], call["args"]["title"]) for call in answer.tool_calls] == [
        ("create_ticket", "Fix the door")
    ]
    result = await create_ticket.ainvoke(answer.tool_calls[0])
    last = await bound.ainvoke([*asked, answer, result])
    assert last.tool_calls == []
    assert "created Fix the door" in last.text


@pytest.mark.parametrize("model", MODELS)
async def test_a_forced_tool_is_called(sandbox: RunningSandbox, model: Callable[..., Any]):
    bound = model(sandbox).bind_tools([create_ticket], tool_choice="create_ticket")
    answer = await bound.ainvoke("whatever")
    assert answer.tool_calls[0]["name"] == "create_ticket"


async def test_models_are_listed(sandbox: RunningSandbox):
    async with openai.AsyncOpenAI(base_url=sandbox.llm_base_url, api_key="any") as client:
        names = [model.id async for model in client.models.list()]
    assert names == ["sandbox"]


async def test_a_bad_request_is_refused_in_the_providers_words(sandbox: RunningSandbox):
    async with httpx.AsyncClient(base_url=sandbox.llm_base_url, trust_env=False) as http:
        answers = [
            await http.post("/chat/completions", json={"model": "m"}),
            await http.post("/chat/completions", content=b"{"),
            await http.post("/messages", json={"messages": [{"role": "user", "content": "x"}]}),
        ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert answers[0].json()["error"]["type"] == "invalid_request_error"
    assert answers[2].json()["error"]["message"].startswith("max_tokens")


async def test_it_is_down_on_command(sandbox: RunningSandbox):
    await sandbox.control.llm.misbehave("chat.completions", "error", times=1, status=503)
    with pytest.raises(openai.InternalServerError) as failed:
        await chat(sandbox).ainvoke("hello")
    assert failed.value.status_code == 503
    assert (await chat(sandbox).ainvoke("hello")).text


@pytest.mark.parametrize(
    ("model", "error"),
    [
        pytest.param(chat, openai.RateLimitError, id="openai"),
        pytest.param(claude, anthropic.RateLimitError, id="anthropic"),
    ],
)
async def test_it_limits_on_command(sandbox: RunningSandbox, model: Callable[..., Any], error: Any):
    await sandbox.control.llm.misbehave("*", "rate_limited", times=1, retry_after=7)
    with pytest.raises(error) as limited:
        await model(sandbox).ainvoke("hello")
    assert limited.value.response.headers["Retry-After"] == "7"


async def test_it_is_slow_on_command_for_one_tool_alone(sandbox: RunningSandbox):
    await sandbox.control.llm.misbehave("tool:create_ticket", "slow", seconds=600)
    assert (await chat(sandbox).ainvoke("hello")).text
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await chat(sandbox).bind_tools([create_ticket]).ainvoke("hello")


@pytest.mark.parametrize("how", ["arguments", "values", "unknown_tool", "blank"])
async def test_it_talks_nonsense_within_the_protocol(sandbox: RunningSandbox, how: str):
    await sandbox.control.llm.misbehave("*", "nonsense", how=how)
    answer = await chat(sandbox).bind_tools([create_ticket]).ainvoke('create a ticket titled "x"')
    names = [call["name"] for call in answer.tool_calls]
    assert (names, answer.text) == {
        "arguments": ([], ""),
        "values": (["create_ticket"], ""),
        "unknown_tool": (["no_such_tool"], ""),
        "blank": ([], ""),
    }[how]
    assert bool(answer.invalid_tool_calls) is (how == "arguments")


@pytest.mark.parametrize("how", ["empty", "invalid_json"])
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_it_breaks_the_protocol_on_command(sandbox: RunningSandbox, how: str, streaming: bool):
    await sandbox.control.llm.misbehave("*", "nonsense", how=how)
    async with httpx.AsyncClient(base_url=sandbox.llm_base_url, trust_env=False) as http:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": streaming}
        answer = await http.post("/chat/completions", json=body)
    assert answer.status_code == 200
    assert '"content":"H' not in answer.text


async def test_a_stream_is_cut_on_command(sandbox: RunningSandbox):
    await sandbox.control.llm.misbehave("*", "stream_cut", times=1)
    received: list[str] = []

    async def receive() -> None:
        async for piece in chat(sandbox).astream("tell me about whales"):
            received.append(piece.text)  # noqa: PERF401  # what came before the cut is kept

    with pytest.raises(Exception, match=r"(?i)peer closed|incomplete|connection|read"):
        await receive()
    assert "".join(received).startswith("You asked:")


async def test_it_says_what_it_was_told_to(sandbox: RunningSandbox):
    await sandbox.control.llm.say("forty-two", match="*answer*")
    await sandbox.control.llm.call_tool("create_ticket", {"title": "told"}, match="*ticket*")
    told = await chat(sandbox).ainvoke("what is the answer?")
    called = await chat(sandbox).ainvoke("ticket")
    assert told.text == "forty-two"
    assert called.tool_calls[0]["args"] == {"title": "told"}
    assert [request["task"] for request in await sandbox.control.llm.requests()] == [
        "what is the answer?",
        "ticket",
    ]


async def test_deliveries_cannot_go_wrong_where_there_are_none(sandbox: RunningSandbox):
    with pytest.raises(Exception, match="action must be one of"):
        await sandbox.control.llm.misbehave("*", "lose")
    with pytest.raises(Exception, match="action must be one of"):
        await sandbox.control.slack.misbehave("*", "nonsense")
