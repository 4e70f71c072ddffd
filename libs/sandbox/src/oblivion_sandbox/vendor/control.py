"""/{side}/control/*: the account, everything there is, and the common switches."""

from starlette.requests import Request
from starlette.routing import Route

from oblivion_sandbox.control_routes import CommonControls, control
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.service import Vendor


class VendorControls:
    """The controls of one vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    def routes(self) -> list[Route]:
        at = f"/{self._vendor.side}/control"
        return [
            *CommonControls(self._vendor.side, self._vendor).routes(),
            control(f"{at}/account", "GET", self._account),
            control(f"{at}/account", "PATCH", self._change_account),
            control(f"{at}/documents/{{kind}}", "GET", self._documents),
            control(f"{at}/documents/{{kind}}/{{key}}", "PATCH", self._change_document),
        ]

    async def _account(self, _request: Request, _body: Json) -> object:
        return self._vendor.account

    async def _change_account(self, _request: Request, body: Json) -> object:
        return self._vendor.change_account(**body)

    async def _documents(self, request: Request, _body: Json) -> object:
        """Everything of a kind that was ever created, also what was deleted since."""
        return {"documents": self._vendor.documents.all(request.path_params["kind"])}

    async def _change_document(self, request: Request, body: Json) -> object:
        kind, key = request.path_params["kind"], request.path_params["key"]
        if self._vendor.documents.get(kind, key) is None:
            raise ValueError(f"there is no {kind} {key}")
        return self._vendor.documents.change(kind, key, **body)
