"""/llm/control/*: misbehave, prepare answers, see what was asked."""

from starlette.requests import Request
from starlette.routing import Route

from oblivion_sandbox.control_routes import CommonControls, control
from oblivion_sandbox.llm.service import Llm
from oblivion_sandbox.store import Json

AT = "/llm/control"


class LlmControls:
    """The controls of the model."""

    def __init__(self, llm: Llm) -> None:
        self._llm = llm

    def routes(self) -> list[Route]:
        return [
            *CommonControls("llm", self._llm).routes(),
            control(f"{AT}/requests", "GET", self._requests),
            control(f"{AT}/replies", "POST", self._prepare),
        ]

    async def _requests(self, _request: Request, _body: Json) -> object:
        return {"requests": list(self._llm.requests)}

    async def _prepare(self, _request: Request, body: Json) -> object:
        self._llm.prepare(body)
        return {}
