"""Lead each address to its screen."""

from __future__ import annotations

import logging
from collections.abc import Generator
from functools import partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from footfall.page.downloads import make_download
from footfall.page.guard import Guard
from footfall.page.live import find_news, find_running
from footfall.page.making import NotThereError, Screen, make_screen, make_trouble
from footfall.page.options import Given
from footfall.page.rendering import FILES, read_static
from footfall.page.screens.funnel import FUNNEL
from footfall.page.screens.loads import LOADS, REJECTS, make_load_screen
from footfall.page.screens.overview import OVERVIEW
from footfall.page.screens.people import PRODUCTS, USERS, make_product_screen, make_user_screen
from footfall.page.screens.retention import RETENTION
from footfall.page.screens.sessions import SESSIONS
from footfall.page.screens.trends import TRENDS
from footfall.page.streaming import Head, ScreenResponse
from footfall.settings import Settings

log = logging.getLogger("footfall")
SCREENS = (OVERVIEW, TRENDS, FUNNEL, RETENTION, SESSIONS, PRODUCTS, LOADS, REJECTS)
A_YEAR = "max-age=31536000, immutable"
LOAD_ID_MAX = 2**31 - 1


def make_app(settings: Settings, *, allowed_hosts: tuple[str, ...] = (), token: str | None = None) -> ASGIApp:
    """Give the application: every request passes the guard before it is routed."""

    def answer(screen: Screen, request: Request) -> ScreenResponse:
        return ScreenResponse(partial(make_screen, settings, screen, request.query_params.multi_items()))

    def route(screen: Screen) -> Route:
        async def show(request: Request) -> ScreenResponse:
            return answer(screen, request)

        return Route(screen.path, show)

    async def show_load(request: Request) -> ScreenResponse:
        load_id = request.path_params["load_id"]
        return answer(make_load_screen(load_id), request) if load_id <= LOAD_ID_MAX else answer_not_there(request)

    async def show_product(request: Request) -> ScreenResponse:
        return answer(make_product_screen(request.path_params["identifier"]), request)

    async def show_user(request: Request) -> ScreenResponse:
        return answer(make_user_screen(request.path_params["identifier"]), request)

    async def show_users(request: Request) -> ScreenResponse:
        identifier = request.query_params.get("user")
        if identifier and "question" not in request.query_params:  # an id that cannot stand in a path
            pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "user"]
            return ScreenResponse(partial(make_screen, settings, make_user_screen(identifier), pairs))
        return answer(USERS, request)

    async def download(request: Request) -> ScreenResponse:
        name, form = request.path_params["name"], request.path_params["form"]
        return ScreenResponse(partial(make_download, settings, name, form, request.query_params.multi_items()))

    async def answer_news(request: Request) -> Response:
        return await run_in_threadpool(find_news, settings, dict(request.query_params))

    async def answer_running(request: Request) -> Response:
        return await run_in_threadpool(find_running, settings)

    def answer_not_there(request: Request) -> ScreenResponse:
        screen = Screen(request.url.path, "Not there", lambda view: (), parent="")

        def make(_: object) -> Generator[Head | str, None, None]:
            error = NotThereError(f"There is no screen {request.url.path[:200]}. The seven above are all there are.")
            return make_trouble(settings, screen, error, "missing", given=Given(screen.path))

        return ScreenResponse(make)

    async def find_nothing(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code != 404:
            return PlainTextResponse(f"{error.detail}\n", error.status_code)
        return answer_not_there(request)  # type: ignore[return-value]  # any ASGI application will do

    async def fail(request: Request, error: Exception) -> Response:
        log.error("unexpected %s at %s", type(error).__name__, request.url.path)
        return PlainTextResponse("Something went wrong that Footfall did not foresee; its log has more.\n", 500)

    routes = [
        *(route(screen) for screen in SCREENS),
        Route("/loads/{load_id:int}", show_load),
        Route("/products/{identifier:path}", show_product),
        Route("/users/{identifier:path}", show_user),
        Route("/users", show_users),
        Route("/query/{name}.{form}", download),
        Route("/live", answer_news),
        Route("/running", answer_running),
        Route("/static/{name:path}", give_file),
    ]
    app = Starlette(routes=routes, exception_handlers={404: find_nothing, HTTPException: find_nothing, Exception: fail})
    return Guard(app, frozenset(host.lower() for host in allowed_hosts), token)


async def give_file(request: Request) -> Response:
    """Give one of the page's own files."""
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    return Response(read_static(name), media_type=FILES[name], headers={"Cache-Control": A_YEAR})
