"""The gate in front of the server, over an app that answers whatever passes."""

from __future__ import annotations

import asyncio
import json
import re
import time
import warnings
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from httpx import Response as Answer
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from nst_core.server import bodies
from nst_core.server.answers import FAILED, GONE
from nst_core.server.bodies import (
    DEEPEST,
    LONGEST_BODY,
    LONGEST_PATH,
    LONGEST_TOOL_CALL,
    MOST_FILES,
    MOST_VALUES,
    Folders,
)
from nst_core.server.gate import OPEN, Gate
from nst_core.server.limits import Limits

API = "/gradio_api"
STYLIZE, RECIPE, TOOLS = f"{API}/call/stylize", f"{API}/call/recipe", f"{API}/mcp/"
CONFIG = {
    "dependencies": [
        {"id": 0, "api_name": "stylize", "inputs": [1, 2]},
        {"id": 4, "api_name": "recipe", "inputs": [3]},
        {"id": 5, "api_name": "stop", "inputs": [], "queue": False},
        {"id": 6, "api_name": "choose", "inputs": [], "queue": False, "collects_event_data": True},
    ]
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as Gradio does in cases that are hard to bring about, and else what it was asked."""
    path = scope["path"]
    message = await receive()
    body = message.get("body", b"")
    answer: Any = {"path": path, "headers": [name.decode() for name, _ in scope["headers"]]}
    status = 200
    if path == "/config":
        answer = CONFIG
    elif path == "/assets/null":
        await Response(b'a = {"error": null}')(scope, receive, send)
        return
    elif path == f"{API}/queue/status":
        answer = {"msg": "estimation", "queue_size": 7}
    elif body:
        answer["data"] = json.loads(body)
        if answer["data"].get("session_hash") == "untold":
            answer, status = {"error": None, "visible": True}, 500
        elif answer["data"].get("session_hash") == "told":
            answer, status = {"error": "Choose a layer.", "visible": True}, 500
        elif answer["data"].get("session_hash") == "raises":
            raise KeyError("inside of Gradio")
    elif "raises" in path:
        raise KeyError("inside of Gradio")
    await JSONResponse(answer, status)(scope, receive, send)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "photo 1.png").write_bytes(b"picture")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def left() -> list[str]:
    """The sessions that the gate has said to be gone."""
    return []


@pytest.fixture
def gate(uploads: Path, left: list[str]) -> Gate:
    return Gate(app, [uploads], left.append, lambda: {"status": "ok", "running": 2})


@pytest.fixture
def client(gate: Gate) -> TestClient:
    return TestClient(gate, raise_server_exceptions=False)


def sentence(answer: Answer) -> str:
    """The text of a refusal."""
    text = answer.json()["error"]
    assert text.endswith(".")
    assert len(text) < 150
    return str(text)


# What Gradio serves of what is in use here. A route that a later version adds is not in it.
ROUTES = {
    *("GET /", "HEAD /", "GET /config", "GET /theme.css", "GET /favicon.ico", "GET /robots.txt"),
    *("GET /manifest.json", "GET /pwa_icon", "GET /pwa_icon/{size}"),
    *("GET /assets/{path}", "GET /static/{path}"),
    *(f"GET {API}/info", f"GET {API}/openapi.json", f"GET {API}/app_id"),
    *(f"GET {API}/startup-events", f"GET {API}/heartbeat/{{session_hash}}"),
    *(f"GET {API}/file={{path_or_url}}", f"HEAD {API}/file={{path_or_url}}"),
    *(f"POST {API}/upload", f"GET {API}/upload_progress"),
    *(f"POST {API}/queue/join", f"GET {API}/queue/data", f"POST {API}/run/{{api_name}}"),
    *(f"POST {API}/call/{{api_name}}", f"GET {API}/call/{{api_name}}/{{event_id}}"),
    *(f"POST {API}/call/v2/{{api_name}}", f"GET {API}/call/v2/{{api_name}}/{{event_id}}"),
    *(f"POST {API}/cancel", f"POST {API}/reset"),
}


def test_the_routes_in_use_are_open_and_no_other_of_gradio() -> None:
    with gr.Blocks() as blocks:
        pass
    with warnings.catch_warnings(action="ignore"):  # two functions of Gradio have one name
        paths = blocks.app.openapi()["paths"]
    known = {
        f"{method.upper()} {path.rstrip('/') or '/'}"
        for path, methods in paths.items()
        for method in methods
    }
    assert len(known) > len(ROUTES) + 20

    def is_open(route: str) -> bool:
        method, _, path = re.sub(r"\{\w+\}", "7", route).partition(" ")
        routes = OPEN.get(method.replace("HEAD", "GET"), ())
        return any(pattern.fullmatch(path.rstrip("/")) for pattern in routes)

    assert {route for route in known if is_open(route)} == ROUTES


@pytest.mark.parametrize(
    "path",
    [
        *("/x", "/login", "/logout", "/monitoring", f"{API}/", f"{API}/proxy=http://x.example/"),
        *(f"{API}/queue/status", f"{API}/component_server", f"{API}/file/etc/passwd"),
        *(f"{API}/mcp/sse", f"{API}/mcp/messages/", f"/x{API}/info", f"{API}/info/x"),
        *(f"{API}/queue/data/x", "/assets", "/configs", "/health/x", f"{API}/call/stylize"),
    ],
)
def test_whatever_is_not_open_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert sentence(answer) == "There is nothing here."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("PUT", f"{API}/queue/join"), ("GET", f"{API}/queue/join"), ("POST", "/config")),
        *(("DELETE", "/"), ("OPTIONS", "/"), ("TRACE", "/"), ("POST", "/")),
    ],
)
def test_a_route_is_open_to_its_methods_alone(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path, json={}).status_code == 404


def test_what_is_open_passes(client: TestClient) -> None:
    for path in ("/", f"{API}/info/", f"{API}/heartbeat/45b3-62f2", "/assets/a/b.js"):
        answer = client.get(path, params={"__theme": "dark"})
        assert (answer.status_code, answer.json()["path"]) == (200, path)
    assert client.head("/").status_code == 200
    for path in ("mcp", "mcp/", "mcp/http", "mcp/schema"):
        assert client.get(f"{API}/{path}").status_code == 200


def test_websockets_are_closed(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{API}/queue/join"):
        pass


def test_health_tells_how_many_run_and_wait(client: TestClient) -> None:
    expected = {"status": "ok", "running": 2, "waiting": 7}
    assert client.get("/health").json() == client.get("/health/").json() == expected


def test_only_uploads_are_served(client: TestClient, uploads: Path) -> None:
    assert client.get(f"{API}/file={uploads}/photo 1.png").status_code == 200
    for path in (
        *(uploads / "none.png", uploads / "link.png", uploads, "/etc/passwd", "http://x.example/"),
        *(f"{uploads}/../secret.txt", f"{uploads}/%2e%2e/secret.txt", "photo 1.png", "%00"),
        f"{uploads}{'/x' * 200}/photo 1.png",
    ):
        answer = client.get(f"{API}/file={path}")
        assert (answer.status_code, sentence(answer)) == (403, "This file is not served.")


def test_an_address_has_a_length(client: TestClient) -> None:
    for length, status in ((LONGEST_PATH, 403), (LONGEST_PATH + 1, 414)):
        assert client.get(f"{API}/file={'x' * length}").status_code == status
    for length, status in ((LONGEST_PATH - 2, 200), (LONGEST_PATH, 414)):
        assert client.get(f"/?x={'x' * length}").status_code == status


def call(client: TestClient, value: Any, path: str = RECIPE) -> Answer:
    return client.post(path, json={"data": [value]})


ADDRESSES = [
    *("http://x.example/", "HTTPS://x.example/", "  http://x.example/", "//x.example/a"),
    *("/\\x.example/a", "ftp://x.example/", "file:///etc/passwd", "https:x.example", "\thttp:x"),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_passes(client: TestClient, address: str) -> None:
    for value in (
        *(address, [[address]], {"path": address}, {"path": [address]}, {"x": {"y": address}}),
        {"path": address, "url": address, "meta": {"_type": "gradio.FileData"}},
    ):
        answer = call(client, value)
        assert answer.status_code == 422
        assert "upload the file" in sentence(answer)
        assert answer.json()["detail"][0]["message"] == sentence(answer)
    body = json.dumps({"data": [address]}).encode("utf-16")
    assert "upload the file" in sentence(client.post(RECIPE, content=body))


def test_only_uploads_may_be_named(client: TestClient, uploads: Path) -> None:
    for path in (
        *("/etc/passwd", f"{uploads}/link.png", f"{uploads}/../secret.txt", "x", "\0", "", "."),
        *(str(uploads), f"{uploads}/{'x' * LONGEST_PATH}"),
    ):
        for value in ({"path": path}, {"path": [path]}, [{"a": {"path": path}}]):
            answer = call(client, value)
            assert answer.status_code == 422
            assert "not an upload that is still here" in sentence(answer)
    value = {"path": f"{uploads}/photo 1.png", "url": "http://x.example/", "orig_name": "//"}
    assert call(client, value).json()["data"] == {"data": [value]}


def test_the_address_of_an_upload_becomes_its_path(client: TestClient, uploads: Path) -> None:
    path = f"{uploads}/photo 1.png"
    for host in ("http://127.0.0.1:7860", "https://user-space.hf.space", "http://x.example/a/b"):
        address = f"{host}{API}/file={uploads}/photo%201.png"
        assert call(client, {"path": address}).json()["data"]["data"] == [{"path": path}]
        assert "upload the file" in sentence(call(client, address))  # it is not file data
    for file in ("/etc/passwd", f"{uploads}/link.png", "http://x.example/"):
        answer = call(client, {"path": f"http://x.example{API}/file={file}"})
        assert answer.status_code == 422


def test_the_app_gets_what_was_judged(client: TestClient) -> None:
    body = b'\xef\xbb\xbf{"data": [1], "data": [2], "x": "\\u00e4"}'
    chunks = iter([body[:9], body[9:]])
    answer = client.post(RECIPE, content=chunks).json()
    assert answer["data"] == {"data": [2], "x": "ä"}
    assert "transfer-encoding" not in answer["headers"]
    assert answer["headers"].count("content-length") == 1


JOIN, RUN, V2 = f"{API}/queue/join", f"{API}/run/predict", f"{API}/call/v2"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RECIPE, {"data": [1]}),
        (STYLIZE, {"data": [1, 2]}),
        (f"{V2}/recipe", {}),
        (JOIN, {"data": [1], "fn_index": 4}),
        (RUN, {"data": [1, 2], "fn_index": 0}),
        (f"{API}/run/recipe", {"data": [1]}),
    ],
)
def test_a_call_passes(client: TestClient, path: str, body: Any) -> None:
    assert client.post(path, json=body).json()["data"] == body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{API}/call/none", {"data": []}),
        (f"{V2}/none", {}),
        *((JOIN, {"data": [1], "fn_index": x}) for x in (1, -1, "x", [], {}, None, 4.5)),
        (JOIN, {"data": []}),
        (RUN, {"data": []}),
    ],
)
def test_a_function_that_is_not_there_is_said(client: TestClient, path: str, body: Any) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 404
    assert "no such function" in sentence(answer)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (STYLIZE, {"data": [1]}),
        (STYLIZE, {"data": [1, 2, 3]}),
        (STYLIZE, {"data": "ab"}),
        (STYLIZE, {}),
        (STYLIZE, [1, 2]),
        (STYLIZE, None),
        (JOIN, {"fn_index": 0}),
        (RUN, {"data": [], "fn_index": 4}),
    ],
)
def test_values_are_counted(client: TestClient, path: str, body: Any) -> None:
    answer = client.post(path, content=json.dumps(body))
    assert answer.status_code == 422
    assert "API page" in sentence(answer) or "an object" in sentence(answer)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 4000, b'{"data":9' + b"9" * 5000])
def test_what_is_not_json_is_said(client: TestClient, body: bytes) -> None:
    answer = client.post(STYLIZE, content=body)
    assert answer.status_code == 400
    assert sentence(answer) == "This request is not JSON."


def nested(depth: int, kind: str) -> bytes:
    """So many lists, or objects, within each other."""
    return b"[" * depth + b"]" * depth if kind == "lists" else b'{"":' * depth + b"0" + b"}" * depth


@pytest.mark.parametrize("kind", ["lists", "objects"])
def test_depth_has_a_limit(client: TestClient, kind: str) -> None:
    for depth, status in ((DEEPEST, 200), (DEEPEST + 1, 422), (900, 422)):
        inside = nested(depth - 2, kind)  # the object of the call and its data are two
        answer = client.post(RECIPE, content=b'{"data":[' + inside + b"]}")
        assert answer.status_code == status
    assert "nested too deeply" in sentence(answer)


def test_the_number_of_values_and_files_has_a_limit(client: TestClient, uploads: Path) -> None:
    for count, status in ((MOST_VALUES - 10, 200), (MOST_VALUES, 422)):
        assert call(client, [0] * count).status_code == status
    files = [{"path": f"{uploads}/{k}.png"} for k in range(MOST_FILES + 1)]
    for file in files:
        Path(file["path"]).touch()
    assert call(client, files[1:]).status_code == 200
    assert "too many files" in sentence(call(client, files))
    assert call(client, files[1:] * 10).status_code == 200  # the same ones again


def test_the_length_has_a_limit(client: TestClient) -> None:
    for path, body in ((RECIPE, LONGEST_BODY), (TOOLS, LONGEST_TOOL_CALL)):
        frame = len('{"data":[""]}')
        for length, status in ((body - frame, 200), (body - frame + 1, 413)):
            content = b'{"data":["' + b"x" * length + b'"]}'
            assert client.post(path, content=content).status_code == status


HOSTILE = {
    "deep lists": nested(LONGEST_BODY // 2 - 10, "lists"),
    "deep objects": nested(LONGEST_BODY // 6, "objects"),
    "lists at the limit": nested(MOST_VALUES - 1, "lists"),
    "wide": b"[" + b"[],[]," * (LONGEST_BODY // 6 - 2) + b"0]",
    "wide at the limit": b"[" + b"0," * (MOST_VALUES - 2) + b"0]",
    "a path": b'{"path":"' + b"/a" * 1_200_000 + b'"}',
    "a path of one name": b'{"path":"' + b"a" * 2_400_000 + b'"}',
    "a path up and up": b'{"path":"' + b"../" * 800_000 + b'"}',
    "an address of a file": b'{"path":"http://x/gradio_api/file=' + b"%2f" * 800_000 + b'"}',
    "blanks": b'"' + b" " * 2_400_000 + b'"',
    "a word": b'"' + b"a" * 2_400_000 + b'"',
    "escapes": b'"' + b"\\u0041" * 400_000 + b'"',
    "a number": b"[0." + b"1" * 2_400_000 + b"]",
    "names": json.dumps({"a" * 400 + str(k): 0 for k in range(MOST_VALUES - 1)}).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_body_is_judged_at_once(gate: Gate, name: str) -> None:
    """Seconds of the processor, which other programs on this machine take nothing of."""
    body = HOSTILE[name]
    assert len(body) <= LONGEST_BODY
    headers = [(b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask(path: str) -> None:
        parts = [body[k : k + 65536] for k in range(0, len(body), 65536)]
        messages = [{"type": "http.request", "body": x, "more_body": True} for x in parts]
        waiting = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            return next(waiting)

        await gate({**scope, "path": path}, receive, send)

    for path in (f"{API}/queue/join", f"{API}/run/predict", f"{API}/cancel", TOOLS):
        begin = time.process_time()
        asyncio.run(ask(path))
        assert time.process_time() - begin < 1, path
    assert sent[0]["status"] < 500


def test_files_are_looked_up_once(uploads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    have = Folders.have

    def count(folders: Folders, path: str) -> bool:
        asked.append(path)
        return have(folders, path)

    monkeypatch.setattr(Folders, "have", count)
    gate = Gate(app, [uploads], print, dict)
    call(TestClient(gate), [{"path": f"{uploads}/photo 1.png"}] * 500)
    assert asked == [f"{uploads}/photo 1.png"]


def test_failures_inside_are_sentences(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    for session, text in (("untold", FAILED), ("told", "Choose a layer."), ("raises", FAILED)):
        body = {"data": [1], "session_hash": session}
        answer = client.post(RECIPE, json=body)
        assert (answer.status_code, sentence(answer)) == (422, text)
    answer = client.get("/assets/raises")
    assert (answer.status_code, sentence(answer)) == (500, FAILED)
    # In the log it is a line.
    assert [len(record.getMessage().splitlines()) for record in caplog.records] == [1, 1]
    assert all(record.exc_info is None for record in caplog.records)


async def stream(gate: Gate, path: str, query: bytes, chunks: list[bytes]) -> bytes:
    """What a client that goes in the midst of a stream has got of it."""

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    messages = iter([{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])
    got = b""

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        nonlocal got
        got += message.get("body", b"")

    gate.joins.app = streaming
    for name in ("abc", "0f0f"):  # have joined the queue
        await gate.joins.visitors.enter(name, "203.0.113.1")
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": query}
    await gate(scope, receive, send)
    return got


@pytest.mark.parametrize(
    ("path", "query", "session"),
    [
        (f"{API}/queue/data", b"session_hash=abc", ["abc"]),
        (f"{API}/call/stylize/0f0f", b"", ["0f0f"]),
        (f"{API}/call/v2/stylize/0f0f", b"", ["0f0f"]),
        (f"{API}/queue/data", b"", []),
        (f"{API}/heartbeat/abc", b"", []),
    ],
)
def test_a_cut_stream_is_told(
    gate: Gate, left: list[str], path: str, query: bytes, session: list[str]
) -> None:
    asyncio.run(stream(gate, path, query, []))
    assert left == session


def test_failures_in_a_stream_are_sentences(gate: Gate, client: TestClient) -> None:
    chunks = [b'event: error\ndata: {"error": null}\n\n', b'data: {"output":{"error":null}}\n\n']
    got = asyncio.run(stream(gate, f"{API}/call/stylize/0f0f", b"", chunks)).decode()
    found = [json.loads(line.partition(":")[2]) for line in got.splitlines() if "data" in line]
    assert found == [{"error": FAILED}, {"output": {"error": FAILED}}]
    assert client.get("/assets/null").content == b'a = {"error": null}'


def test_events_of_nobody_are_said_in_the_form_of_events(client: TestClient) -> None:
    answer = client.get(f"{API}/queue/data", params={"session_hash": "unknown"})
    message = json.loads(answer.text.partition("data: ")[2])
    assert (message["message"], message["session_not_found"]) == (GONE, True)
    answer = client.get(f"{API}/call/stylize/unknown")
    assert answer.text == f"event: error\ndata: {json.dumps({'error': GONE})}\n\n"


def test_no_browser_guesses_what_an_answer_is(client: TestClient) -> None:
    for path in ("/", "/none", "/health", "/assets/raises"):
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_body_that_stands_still_is_cut_off(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE_SECONDS", 0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(10)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in (RECIPE, f"{API}/upload"):
        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
        asyncio.run(gate(scope, receive, send))
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert [start["status"] for start in starts] == [408, 408]
    assert all((b"connection", b"close") in start["headers"] for start in starts)


def test_uploads_need_room(uploads: Path) -> None:
    for room, status in ((1e9, 507), (0, 200)):
        gate = Gate(app, [uploads], print, dict, Limits(room=room))
        assert TestClient(gate).post(f"{API}/upload", content=b"{}").status_code == status


def test_what_needs_no_queue_does_not_join_it(client: TestClient) -> None:
    body = {"data": [], "fn_index": 5}
    assert client.post(RUN, json=body).status_code == 200
    answer = client.post(JOIN, json=body)
    assert (answer.status_code, "not one of the queue" in sentence(answer)) == (422, True)


def test_a_click_says_what_it_is_on(client: TestClient) -> None:
    for clicked, status in (({"index": 0, "value": 1}, 200), ("x", 422), ({"index": 0}, 422)):
        body = {"data": [], "fn_index": 6, "event_data": clicked}
        assert client.post(RUN, json=body).status_code == status


def tool(client: TestClient, method: str = "tools/call", **arguments: Any) -> Any:
    """The answer to a request of MCP."""
    params = {"name": "stylize", "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = client.post(TOOLS, json=body)
    assert answer.status_code == 200
    return answer.json()


def test_tools_take_the_addresses_of_uploads_alone(client: TestClient, uploads: Path) -> None:
    data = "data:image/png;base64,AAAA"
    address = f"http://x.example{API}/file={uploads}/photo%201.png"
    passed = tool(client, content=data, start=address)["data"]["params"]["arguments"]
    assert passed == {"content": data, "start": address}
    for value in (
        *ADDRESSES,
        *(f"http://x.example{API}/file=/etc/passwd", f"http://x.example{API}/file=http://x/"),
        *({"path": "/etc/passwd"}, {"path": "http://x.example/"}, ["http://x.example/"]),
    ):
        result = tool(client, content=value)["result"]
        assert result["isError"]
        assert "pload" in result["content"][0]["text"]


@pytest.mark.parametrize("method", ["prompts/get", "resources/read", "resources/subscribe"])
def test_there_are_tools_alone(client: TestClient, method: str) -> None:
    answer = tool(client, method)
    assert answer["id"] == 7
    assert answer["error"] == {"code": -32602, "message": "There are tools alone here."}
