"""Calls of MCP tools, as the gate in front of the server sees them.

Pictures come as data URLs, or as addresses of files that have been uploaded to this server: those
are read from its disk. No address is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.responses import JSONResponse

PATH = re.compile(r"/gradio_api/mcp(/http)?/?")
# Tells the call to the request that Gradio makes of it to its own server: the session of that is
# the same for all calls.
HEADER = "x-tool-call"
PREFIX = "tool-call-"
# Each holds a thread of the server, of which there are 40, until it ends.
MOST_CALLS = 8
PICTURES = ("content", "style", "style_2", "style_3", "style_4", "mask", "start", "picture")
# Of these there are none, and Gradio would run a tool in the place of an unknown prompt.
CLOSED = ("prompts/get", "resources/read", "resources/subscribe")
INVALID_PARAMS = -32602  # of JSON-RPC

_LETTER = "[A-Za-z0-9+/]"
_DATA = re.compile(
    rf"data:image/[\w.+-]+;base64,(?:{_LETTER}{{4}})*(?:{_LETTER}{{4}}|{_LETTER}{{3}}=|{_LETTER}{{2}}==)"
)


def is_mcp(path: str, data: Any) -> bool:
    return PATH.fullmatch(path) is not None and isinstance(data, dict)


def is_tool_call(path: str, data: Any) -> bool:
    return is_mcp(path, data) and data.get("method") == "tools/call"


def uploaded(address: str) -> str | None:
    """The file that an address of a Gradio server names: whether it is here is not said."""
    _, found, file = address.partition("/gradio_api/file=")
    return unquote(file) if found and re.match(r"https?://", address) else None


def refusal(data: dict[str, Any], may_name: Callable[[str], bool]) -> str | None:
    """What is wrong with the pictures of a call, as a sentence; None if nothing is.

    Args:
        data: the JSON of the request.
        may_name: whether a file may be named in a request.
    """
    try:
        arguments = data["params"]["arguments"].items()
    except (AttributeError, KeyError, TypeError):  # said by the MCP server
        return None
    for name, value in arguments:
        if name not in PICTURES or not isinstance(value, str):
            continue
        file = uploaded(value)
        if file is None and not _DATA.fullmatch(value):
            return (
                f"{name} must be a data URL (data:image/jpeg;base64,...), or the address of a file "
                "uploaded to this server: other addresses are not fetched, and files elsewhere "
                "can't be read."
            )
        if file is not None and not may_name(file):
            return f"{name} is not an upload that is still here: upload it again."
    return None


def answer(data: dict[str, Any], text: str) -> JSONResponse:
    """An error; that of a call is its result, which the model that has made it gets to read."""
    if data.get("method") == "tools/call":
        content = [{"type": "text", "text": text}]
        outcome = {"result": {"content": content, "isError": True}}
    else:
        outcome = {"error": {"code": INVALID_PARAMS, "message": text}}
    return JSONResponse({"jsonrpc": "2.0", "id": data.get("id"), **outcome})
