"""The ASGI application: routes, the page, headers, errors."""

from pathlib import Path

from litestar import Litestar, Response, get
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Message, Scope

from query.api import Api
from query.limits import BODY_BYTES_MAX
from query.problems import EXCEPTION_HANDLERS
from query.routes import ROUTES

PAGE = Path(__file__).parent / "page"

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""Of every answer, errors too."""

_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

PAGE_FILES = {
    "/": ("index.html", "text/html"),
    "/docs": ("docs.html", "text/html"),
    "/page/app.css": ("app.css", "text/css"),
    "/page/app.js": ("app.js", "text/javascript"),
    "/page/docs.js": ("docs.js", "text/javascript"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""Path to file and media type (texts are UTF-8): nothing else of the disk is served."""


def create_app(api: Api) -> Litestar:
    """Return the application over the given parts."""
    return Litestar(
        route_handlers=[*ROUTES, *(_page_file(path) for path in PAGE_FILES)],
        dependencies={"api": Provide(lambda: api, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[_secured],
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="moneyboard",
            version="1",
            path="/openapi",
            description="Rankings, prize pool, seasons and players. Money is in minor units.",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        logging_config=None,
        debug=False,
    )


def _page_file(path: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Litestar's own decorator type
    name, media_type = PAGE_FILES[path]
    content = (PAGE / name).read_bytes()

    @get(path, include_in_schema=False, media_type=media_type, name=path, sync_to_thread=False)
    def serve() -> Response[bytes]:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})

    return serve


async def _secured(message: Message, _: Scope) -> None:
    """Add the security headers to an answer as it leaves, whoever made it."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *_SECURITY]
