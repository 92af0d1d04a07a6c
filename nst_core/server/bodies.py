"""The bodies of requests: how one is read, and what of it is refused.

While a body is judged, nobody else is served. Within the limits below it takes at most 50 ms:
nothing here recurses, and length and number of values bound the time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.types import Message, Receive

from .answers import Refusal

# A region painted on the page is a data URL of at most 2,000,000 characters; settings and names of
# files are short.
LONGEST_BODY = 2_500_000
# A call of a tool may hold pictures as data URLs.
LONGEST_TOOL_CALL = 4_000_000
# The page sends a hundred values; to judge this many takes 10 ms.
MOST_VALUES = 5_000
DEEPEST = 20
MOST_FILES = 50
LONGEST_PATH = 4096
MOST_FOLDERS = 60
# Seconds that the next piece of a body may take, and a whole body, and a whole upload.
PIECE_SECONDS = 20.0
BODY_SECONDS = 120.0
UPLOAD_SECONDS = 1800.0
# Fields of file data that nothing opens: the address for a browser, and the name for a download.
HARMLESS = ("url", "orig_name")

SLOW = "This request takes too long: send it again."

_ADDRESS = re.compile(r"(\w[\w+.-]*:)?/[/\\]|https?:", re.IGNORECASE)


class Folders:
    """The folders of uploads and examples. A request may name no file outside of them."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.resolve() for folder in folders]

    def have(self, path: str) -> bool:
        """Whether `path` is a file in one of the folders, after `..` and links are followed."""
        # `resolve` copies the rest of a path at each part: one of 1 MB would take 45 seconds.
        if len(path) > LONGEST_PATH or path.count("/") > MOST_FOLDERS:
            return False
        try:
            found = Path(path).resolve()
            return found.is_file() and any(found.is_relative_to(x) for x in self._folders)
        except (OSError, RuntimeError, ValueError):
            return False


async def read(receive: Receive, most: int) -> bytes:
    """The whole body of a request.

    Raises:
        Refusal: it is longer than `most` bytes, it takes too long, or its sender has gone.
    """
    body = bytearray()
    receive = in_time(receive, BODY_SECONDS)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(400, "The request was cut off.")
        body += message.get("body", b"")
        if len(body) > most:
            raise Refusal(413, "This request is too long: upload pictures as files.")
        if not message.get("more_body"):
            return bytes(body)


def in_time(receive: Receive, seconds: float = UPLOAD_SECONDS) -> Receive:
    """A `receive` that refuses a body which stands still, or is not whole after so many seconds."""
    ends = anyio.current_time() + seconds
    whole = False

    async def received() -> Message:
        nonlocal whole
        if whole:  # what is waited for now is that the sender goes
            return await receive()
        with anyio.CancelScope(deadline=min(anyio.current_time() + PIECE_SECONDS, ends)):
            message = await receive()
            whole = not message.get("more_body")
            return message
        raise Refusal(408, SLOW)

    return received


def parse(body: bytes) -> Any:
    """The JSON in a body.

    Raises:
        Refusal: it is not JSON, or holds more values than any request needs.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise Refusal(422, "This request has too many values.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "This request is not JSON.") from None


def judge(data: Any, folders: Folders, addresses: bool = False) -> list[str]:
    """Refuse data that names another server, or a file that no request may name.

    `data` is changed in place: where the path of file data is the address of an upload, as a client
    was told it, the path itself is put there. Gradio would fetch the address.

    Args:
        addresses: whether a text may be the address of an upload, too, as tools take it.

    Returns:
        The files that it names.

    Raises:
        Refusal: a text is the address of a server, or a path that is no upload.
    """
    known: dict[str, bool] = {}

    def check(key: str, text: str) -> None:
        path = uploaded(text) if addresses else None
        if path is None and is_address(text):
            text = "Addresses of other servers are not fetched: upload the file instead."
            raise Refusal(422, text)
        if path is None and key == "path":
            path = text
        if path is None:
            return
        if path not in known:
            if len(known) == MOST_FILES:
                raise Refusal(422, "This request names too many files.")
            known[path] = folders.have(path)
        if not known[path]:
            raise Refusal(422, "This file is not an upload that is still here: upload it.")

    waiting: list[tuple[str, Any, int]] = [("", data, 1)]
    while waiting:
        key, value, depth = waiting.pop()
        if isinstance(value, dict):
            _put_path(value)
            inside = list(value.items())
        elif isinstance(value, list):
            inside = [(key, each) for each in value]
        else:
            if isinstance(value, str) and key not in HARMLESS:
                check(key, value)
            continue
        if depth > DEEPEST:
            raise Refusal(422, "This request is nested too deeply.")
        waiting += [(name, each, depth + 1) for name, each in inside]
    return list(known)


def _put_path(data: dict[str, Any]) -> None:
    address = data.get("path")
    if isinstance(address, str) and (path := uploaded(address)):
        data["path"] = path


def uploaded(address: str) -> str | None:
    """The file that an address of a Gradio server names, whether or not it is on this server."""
    if len(address) > 3 * LONGEST_PATH or not re.match("https?://", address):
        return None
    return unquote(address.partition("/gradio_api/file=")[2]) or None


def is_address(text: str) -> bool:
    """Whether something that opens `text` might ask another server for it."""
    return bool(_ADDRESS.match(text.lstrip()[:100]))
