"""The page, its assets, and the accounts to try it with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quart import Blueprint, Response
from werkzeug.exceptions import NotFound

from protocol.errors import ErrorCode, ProtocolError
from server.http.assets import read_assets
from server.http.route import Access, Answer, Call, NoQuery, Route
from server.http.schemas import DemoAccount, DemoAccounts

PAGES = {"/": "index.html", "/admin": "admin.html", "/sw.js": "service_worker.js"}
"""By path; what they load is under ``/assets/``. A worker serves what is below its own address."""


def pages_blueprint(folder: Path) -> Blueprint:
    """The pages and ``/assets/…`` out of *folder*: only what was there when the server started."""
    blueprint = Blueprint("pages", __name__)
    assets = read_assets(folder)

    async def asset(name: str) -> Response:
        if name not in assets or name in PAGES.values():
            raise NotFound
        return assets[name].response()

    for path, name in PAGES.items():

        async def page(name: str = name) -> Response:
            return assets[name].response()

        endpoint = Path(name).stem
        blueprint.add_url_rule(path, endpoint, page, provide_automatic_options=False)
    blueprint.add_url_rule("/assets/<name>", view_func=asset, provide_automatic_options=False)
    return blueprint


class DemoRoutes:
    """Who may be tried; not found where there is nobody."""

    def __init__(self, accounts: Sequence[DemoAccount]) -> None:
        self._accounts = list(accounts)

    async def show(self, _: Call[None, NoQuery]) -> Answer:
        """The demo accounts with their passwords."""
        if not self._accounts:
            raise ProtocolError(ErrorCode.NOT_FOUND, "this server has no demo accounts")
        return Answer(200, DemoAccounts(self._accounts))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/demo",
                name="show_demo",
                summary="Accounts to try the server with, where it has them",
                access=Access.ANYBODY,
                handler=self.show,
                answers={200: DemoAccounts},
                refusals=(404,),
            ),
        )
