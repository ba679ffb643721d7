"""The server's app: both surfaces, sessions, health and metrics behind one front door."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from narrate.errors import NarrateError
from narrate.server import lmnt, openai
from narrate.server.answers import Premises, json_answer, refuse
from narrate.server.description import description
from narrate.server.front import Front
from narrate.server.sessions import session
from narrate.wire.serving import Fault
from narrate.wire.session import PATH as SESSIONS


def build(premises: Premises, *, hosts: Collection[str] = (), origins: Collection[str] = ()) -> ASGIApp:
    """The app of a server with these premises. ``hosts`` and ``origins`` as in ``Front``."""
    # refuse() takes whatever a handler could not answer; Starlette asks for one handler a class
    handlers: Mapping[Any, Any] = dict.fromkeys((Fault, NarrateError, HTTPException, Exception), refuse)
    app = Starlette(
        routes=[
            *lmnt.ROUTES,
            *openai.ROUTES,
            WebSocketRoute(SESSIONS, session),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/openapi.json", openapi, methods=["GET"]),
        ],
        exception_handlers=handlers,
        middleware=[
            Middleware(
                CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["*"],  # those that are asked for: SDKs send a dozen of their own
                expose_headers=["request-id"],
            )
        ] if origins else [],
    )  # fmt: skip
    app.router.redirect_slashes = False  # an address that is nearly right is told so, in the surface's words
    app.state.premises = premises
    return Front(app, premises, hosts=hosts, origins=origins)


async def healthz(request: Request) -> Response:
    """Whether the server takes requests (the front door says 503 once it is ending). Needs no key."""
    return json_answer({"status": "ok", "engine": request.app.state.premises.engine})


async def metrics(request: Request) -> Response:
    """For Prometheus; where there are keys, one is needed."""
    here: Premises = request.app.state.premises
    here.who(request)
    page, kind = here.metrics.page()
    return Response(page, media_type=kind)


async def openapi(request: Request) -> Response:
    """What the server answers, as OpenAPI 3.1."""
    here: Premises = request.app.state.premises
    return json_answer(description(here.engine, keys=here.keys.needed))
