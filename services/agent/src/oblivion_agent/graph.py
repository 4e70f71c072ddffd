"""Start → Read → Think → Act as a LangGraph graph; Think and Act alternate while tools are called."""

from typing import Annotated, Any, Literal, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import END, START, StateGraph  # pyright: ignore[reportMissingTypeStubs]
from langgraph.graph.message import add_messages  # pyright: ignore[reportMissingTypeStubs]

from oblivion_agent.checkpointer import RunCheckpointer
from oblivion_agent.model import Model, no_usable_answer
from oblivion_agent.prompts import news_text, request_text, system_prompt, thread_text
from oblivion_agent.spans import as_span
from oblivion_agent.tools import Toolbox
from oblivion_client import Run

_LAST_ROUND = "You have used all your tool calls. Answer now with what you have, and say what is missing."
_EMPTY = "That was empty. Answer the request."


class State(TypedDict):
    """What travels between the steps, and is stored after each."""

    messages: Annotated[list[AnyMessage], add_messages]
    rounds: int
    """How often tools were called."""


class Thinking:
    """The steps of one run."""

    def __init__(
        self,
        run: Run,
        model: Model,
        toolbox: Toolbox,
        *,
        mark: str,
        notices: list[str],
        rounds_max: int,
    ) -> None:
        self._run = run
        self._model = model
        self._toolbox = toolbox
        self._mark = mark
        self._notices = notices
        self._rounds_max = rounds_max

    async def answer(self) -> str:
        """The answer; continues from the last checkpoint where there is one."""
        checkpointer = RunCheckpointer(self._run, self._mark)
        graph = self._graph().compile(checkpointer=checkpointer)
        start = None if checkpointer.restored else State(messages=[], rounds=0)
        config: Any = {
            "configurable": {"thread_id": str(self._run.id)},
            "recursion_limit": 4 * self._rounds_max + 10,
        }
        final = cast("State", await graph.ainvoke(start, config))
        return text_of(final["messages"][-1])

    def _graph(self) -> Any:
        graph: Any = StateGraph(State)
        for name, step in (("read", self._read), ("think", self._think), ("act", self._act)):
            graph.add_node(name, as_span(name, step))
        graph.add_edge(START, "read")
        graph.add_edge("read", "think")
        graph.add_conditional_edges("think", _next_step, {"act": "act", "end": END})
        graph.add_edge("act", "think")
        return graph

    async def _read(self, state: State) -> dict[str, Any]:
        task = self._run.task
        await self._run.progress(10, "reading the thread")
        messages: list[AnyMessage] = [SystemMessage(system_prompt(task, self._mark, self._notices))]
        thread = thread_text(task.messages, self._mark)
        if thread:
            messages.append(HumanMessage(thread))
        messages.append(HumanMessage(request_text(task)))
        return {"messages": messages, "rounds": state["rounds"]}

    async def _think(self, state: State) -> dict[str, Any]:
        await self._run.progress(_percent(state["rounds"], self._rounds_max), "thinking")
        said = list[AnyMessage]()
        # Only what the model is told counts as read: what comes later is for a run of its own.
        if news := news_text(self._run.new_updates(), self._mark):
            said.append(HumanMessage(news))
        is_last = state["rounds"] >= self._rounds_max
        if is_last:
            said.append(HumanMessage(_LAST_ROUND))
        answer = await self._ask([*state["messages"], *said], [] if is_last else self._toolbox.specs)
        return {"messages": [*said, answer]}

    async def _ask(self, messages: list[AnyMessage], tools: list[dict[str, Any]]) -> AIMessage:
        """The model's answer, asked for once more when it is empty."""
        for asked in (messages, [*messages, HumanMessage(_EMPTY)]):
            answer = await self._model.answer(asked, tools)
            spent = self._model.spent(answer)
            await self._run.report_usage(
                self._model.name,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
                cost_usd=spent.cost_usd,
            )
            if text_of(answer).strip() or ((answer.tool_calls or answer.invalid_tool_calls) and tools):
                return answer
        raise no_usable_answer(self._model.name)

    async def _act(self, state: State) -> dict[str, Any]:
        asked = cast("AIMessage", state["messages"][-1])
        results = [
            ToolMessage(
                await self._toolbox.use(
                    call["name"], call["args"], f"{state['rounds']}.{number}.{call['id']}"
                ),
                tool_call_id=str(call["id"]),
                name=call["name"],
            )
            for number, call in enumerate(asked.tool_calls)
        ]
        results += [
            ToolMessage(
                "The arguments were no JSON object.", tool_call_id=str(call["id"]), name=str(call["name"])
            )
            for call in asked.invalid_tool_calls
        ]
        return {"messages": results, "rounds": state["rounds"] + 1}


def _next_step(state: State) -> Literal["act", "end"]:
    answer = state["messages"][-1]
    wants_tools = isinstance(answer, AIMessage) and (answer.tool_calls or answer.invalid_tool_calls)
    return "act" if wants_tools else "end"


def _percent(rounds: int, rounds_max: int) -> int:
    """Grows with each round and never arrives."""
    return 20 + int(70 * rounds / (rounds_max + 1))


def text_of(message: AnyMessage) -> str:
    """A message's text, whichever blocks it consists of."""
    return str(message.text)
