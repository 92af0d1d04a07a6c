"""How the page travels: compressed, and its scripts once.

The page holds 0.5 MB of settings of its widgets, which a phone at 1.5 Mbit/s takes three seconds to
load; compressed they are a tenth of that. Without a word on how long they may be kept, a browser
that comes back asks for each of 90 scripts whether it has changed.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page with its widgets, and the same for programs. Scripts are compressed by Gradio.
_COMPRESSED = ("", "/config")
# Scripts and style sheets: what is in them is part of their names.
_SCRIPTS = "/assets/"
_KEPT = "public, max-age=31536000, immutable"


class Delivery:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else None
        if path is not None and path.rstrip("/") in _COMPRESSED:
            await self.compressed(scope, receive, send)
        elif path is not None and path.startswith(_SCRIPTS):
            await self.app(scope, receive, _keeping(send))
        else:
            await self.app(scope, receive, send)


def _keeping(send: Send) -> Send:
    """A `send` by which a browser keeps what it gets for a year."""

    async def kept(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)["cache-control"] = _KEPT
        await send(message)

    return kept
