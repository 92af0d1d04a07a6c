"""The card of a link: what other sites show of the page where somebody posts its address.

They read it from the head of the page, without running scripts. Gradio writes a card of its own
there, with its own name and picture, which no option changes; the card of this program takes its
place on the way out.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PICTURE = "/card.jpg"
# Width and height of the picture, as the sites ask for.
SIZE = (1200, 630)
_HEAD = b"<head>"
_OTHERS = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')


class Card:
    """ASGI middleware.

    Args:
        app: gives the page at its root.
        title, description: texts of the card.
        picture: a JPEG of `SIZE`.
    """

    def __init__(self, app: ASGIApp, title: str, description: str, picture: Path) -> None:
        self.app, self.title, self.description, self.picture = app, title, description, picture

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/") if scope["type"] == "http" else None
        if path == PICTURE:
            await FileResponse(self.picture, media_type="image/jpeg")(scope, receive, send)
        elif path == "" and scope["method"] == "GET":
            await self._send_page(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _send_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = bytearray()

        async def put(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                page = self._with_card(bytes(body), scope)
                MutableHeaders(raw=start["headers"])["content-length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, put)

    def _with_card(self, page: bytes, scope: Scope) -> bytes:
        before, head, after = page.partition(_HEAD)
        if not head:  # no page, but an error
            return page
        return before + head + self._tags(scope).encode() + _OTHERS.sub(b"", after)

    def _tags(self, scope: Scope) -> str:
        title, description = html.escape(self.title), html.escape(self.description)
        picture = html.escape(address_of(scope) + PICTURE)
        width, height = SIZE
        # No og:url: sites would take it for the address, and a link would lose its set-up.
        return f"""
<title>{title}</title>
<meta name="description" content="{description}">
<meta property="og:type" content="website">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:image" content="{picture}">
<meta property="og:image:width" content="{width}">
<meta property="og:image:height" content="{height}">
<meta property="og:image:alt" content="A photo, a painting, and the photo painted like it">
<meta name="twitter:card" content="summary_large_image">
"""


def address_of(scope: Scope) -> str:
    """The address of the app as its visitor sees it, also behind a proxy such as that of a Space.

    The sites want the address of the picture in full.
    """
    headers = Headers(scope=scope)
    url = Request(scope).base_url
    host = headers.get("x-forwarded-host", url.netloc).partition(",")[0].strip()
    scheme = headers.get("x-forwarded-proto", url.scheme).partition(",")[0].strip()
    return f"{scheme}://{host}{url.path.rstrip('/')}"
