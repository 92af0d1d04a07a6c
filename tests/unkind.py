"""Clients that a server on the open internet meets, beside the honest ones.

Each says in a word what became of it. None sends more than a hundred requests.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.serving import ROOT, Server

PHOTO = ROOT / "examples" / "contents" / "chelsea.jpg"
FILE_DATA = {"_type": "gradio.FileData"}
API = "/gradio_api"
# A server answers at once, unless it is busy with what the others ask for.
SECONDS = 60.0


def upload(http: httpx.Client, path: Path) -> dict[str, Any]:
    """File data of an upload."""
    with path.open("rb") as file:
        answer = http.post("/upload", files={"files": file})
    return {"path": answer.json()[0], "meta": FILE_DATA}


def sends_heavy_bodies(server: Server) -> str:
    """Bodies with lists in lists, and with paths that have no end."""
    bodies = (
        b'{"data":' + b"[" * 400 + b"[]," * 300_000 + b"0" + b"]" * 400 + b"}",
        b'{"data":[{"path":"' + b"/a" * 500_000 + b'"}]}',
    )
    with httpx.Client(base_url=f"{server.url}{API}", timeout=SECONDS) as http:
        answers = [http.post(x, content=y) for x in ("run/predict", "cancel") for y in bodies]
    return "refused" if all(400 <= x.status_code < 500 for x in answers) else "NOT REFUSED"


def joins_under_new_names(server: Server) -> str:
    """Sessions that nobody reads: Gradio remembers 2,000."""
    with httpx.Client(base_url=f"{server.url}{API}", timeout=SECONDS) as http:
        values = {
            "content": (file := upload(http, PHOTO)),
            "style": file,
            "size": 64,
            "steps": 2000,
        }
        for _ in range(30):
            http.post("/call/v2/stylize", json=values)
    return "left unread"


def calls_under_new_names(server: Server) -> str:
    """States of pages: Gradio remembers 500."""
    with httpx.Client(base_url=f"{server.url}{API}", timeout=SECONDS) as http:
        functions = http.get(f"{server.url}/config").json()["dependencies"]
        reload = next(x["id"] for x in functions if x["api_name"] == "reload")
        for _ in range(60):
            name = f"new-{random.getrandbits(40)}"
            body = {"fn_index": reload, "data": [name * 2], "session_hash": name}
            http.post("/run/predict", json=body)
    return "called"


def sends_half_a_body(server: Server) -> str:
    """And waits, longer than the server does."""
    host, _, port = server.url.rpartition("//")[2].partition(":")
    head = f"POST {API}/run/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 999\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=SECONDS) as raw:
        raw.sendall(head.encode() + b'{"data":')
        answer = b""
        while piece := raw.recv(4096):
            answer += piece
    return "cut off" if b" 408 " in answer[:20] else f"NOT CUT OFF: {answer[:80]!r}"


def cuts_an_upload(server: Server) -> str:
    """After 5 MB of 20."""
    host, _, port = server.url.rpartition("//")[2].partition(":")
    head = (
        f"POST {API}/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 20000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    )
    with socket.create_connection((host, int(port)), timeout=SECONDS) as raw:
        raw.sendall(head.encode() + b"\0" * 5_000_000)
        time.sleep(0.5)
    return "cut"


UNKIND: tuple[Callable[[Server], str], ...] = (
    sends_heavy_bodies,
    joins_under_new_names,
    calls_under_new_names,
    sends_half_a_body,
    cuts_an_upload,
)
UNKIND_WORDS = {"refused", "left unread", "called", "cut off", "cut"}
