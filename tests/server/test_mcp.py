"""The server's tools, as a client of the Model Context Protocol meets them."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from PIL import Image
from test_server import Listener, log_lines

from nst_core import Settings, read_recipe
from nst_core.settings import OPTIONS
from nst_core.transfer import with_precision
from tests.serving import Server, running_server

mcp = pytest.importorskip("mcp", reason="mcp is not installed: pip install 'gradio[mcp]==6.31.0'")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

SMALL = {"size": 64, "steps": 2}
LONG = {"size": 256, "steps": 2000}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tools")
    # What is older than half a minute is looked for every 8 s.
    limits = {"NST_WORK": "1e6", "NST_KEEP": "30"}
    with running_server(folder, GRADIO_MCP_SERVER="true", **limits) as server:
        yield server


def data_url(path: Path) -> str:
    image, file = Image.open(path).convert("RGB"), BytesIO()
    image.thumbnail((128, 128))
    image.save(file, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def picture_size(url: str) -> tuple[int, int]:
    """That of the picture in a data URL."""
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).size


@pytest.fixture
def pair(photo_path: Path, painting_path: Path) -> dict[str, str]:
    return {"content": data_url(photo_path), "style": data_url(painting_path)}


async def request(server: Server, method: str, *values: Any) -> Any:
    """What a real client gets for one request, in a session of its own; an error is returned."""
    async with (
        streamable_http_client(f"{server.url}/gradio_api/mcp/") as (receive, send, *_),
        mcp.ClientSession(receive, send) as session,
    ):
        await session.initialize()
        try:
            return await asyncio.wait_for(getattr(session, method)(*values), 60)
        except mcp.McpError as error:
            return error


def call(server: Server, tool: str, **arguments: Any) -> Any:
    return asyncio.run(request(server, "call_tool", tool, arguments))


def refusal(server: Server, tool: str, **arguments: Any) -> str:
    """The text of an error."""
    result = call(server, tool, **arguments)
    assert result.isError
    (content,) = result.content
    assert "Traceback" not in content.text
    return content.text


def upload(server: Server, path: Path) -> str:
    """The address of an uploaded file."""
    with path.open("rb") as file:
        answer = httpx.post(f"{server.url}/gradio_api/upload", files={"files": file})
    return f"{server.url}/gradio_api/file={answer.json()[0]}"


def test_tools_tell_what_they_take(tools: Server) -> None:
    found = asyncio.run(request(tools, "list_tools")).tools
    assert [tool.name for tool in found] == ["stylize", "timelapse", "sweep", "recipe"]
    assert found[0].description.startswith("Repaint the photo")
    values = found[0].inputSchema["properties"]
    assert found[0].inputSchema["required"] == ["content", "style"]
    assert "data URL" in values["content"]["description"]
    for name, option in OPTIONS.items():
        assert option.help in values[name]["description"]
    assert not asyncio.run(request(tools, "list_resources")).resources
    assert not asyncio.run(request(tools, "list_prompts")).prompts


def picture(content: Any) -> Image.Image:
    """The picture in an answer, as a client gets to see it."""
    return Image.open(BytesIO(base64.b64decode(content.data)))


def test_a_picture_comes_back_with_its_address(
    tools: Server, pair: dict[str, str], tmp_path: Path
) -> None:
    seen, text = call(tools, "stylize", **pair, **SMALL).content
    assert (seen.mimeType, picture(seen).size) == ("image/png", (128, 85))
    assert log_lines(tools)[-1]["size"] == 64
    address = text.text.removeprefix("Image URL: ")
    result = tmp_path / "result.png"
    result.write_bytes(httpx.get(address).content)
    assert read_recipe(result).settings == with_precision(Settings(**SMALL))
    assert picture(seen).tobytes() == Image.open(result).tobytes()
    # The address is good for further calls.
    (recipe,) = call(tools, "recipe", picture=address).content
    assert "'steps': 2" in recipe.text
    assert not call(tools, "stylize", **pair, **SMALL, start=address, init="image").isError
    (film,) = call(tools, "timelapse", **pair, **SMALL).content
    with av.open(BytesIO(httpx.get(film.text).content)) as video:
        assert len(list(video.decode(video=0))) > 1


def test_an_upload_is_taken(tools: Server, pair: dict[str, str], photo_path: Path) -> None:
    values = {"content": upload(tools, photo_path), "style": pair["style"]}
    seen, _ = call(tools, "stylize", **values, **SMALL).content
    assert picture(seen).size == Image.open(photo_path).size


def test_mistakes_are_sentences(tools: Server, pair: dict[str, str]) -> None:
    text = refusal(tools, "stylize", **pair, steps=9999)
    assert text == "steps must be between 1 and 2000, not 9999."
    assert "'large' is not" in refusal(tools, "stylize", **pair, size="large")
    assert "required" in refusal(tools, "stylize", content=pair["content"])
    assert "not a valid" in refusal(tools, "stylize", **pair, unknown="x")
    for value, found in (
        ("data:image/png;base64,AAAA", "not an image"),
        ("photo.jpg", "provide a url"),
        ("/etc/passwd", "provide a url"),
        ("", "provide a url"),
    ):
        assert found in refusal(tools, "stylize", **{**pair, "content": value})
    # A further picture is taken in the same way.
    assert "not an image" in refusal(tools, "stylize", **pair, mask="data:image/png;base64,AAAA")


def test_no_address_is_fetched_and_no_file_read(
    tools: Server, pair: dict[str, str], photo_path: Path
) -> None:
    listener = Listener()
    before = tools.log.read_text()
    kind = {"meta": {"_type": "gradio.FileData"}}
    elsewhere = f"{listener.url}/gradio_api/file="
    for value in (
        listener.url,
        listener.url.replace("http", "HTTP"),
        "file:///etc/passwd",
        f"{elsewhere}/etc/passwd",
        f"{tools.url}/gradio_api/file=/etc/passwd",
        f"{tools.url}/gradio_api/file={tools.log}",
        {"path": listener.url, **kind},
        {"path": "/etc/passwd", **kind},
        {"path": f"{elsewhere}/etc/passwd", **kind},
        {"url": listener.url, "path": None, **kind},
        [listener.url],
    ):
        refusal(tools, "stylize", **{**pair, "content": value}, **SMALL)
        refusal(tools, "recipe", picture=value)
        refusal(tools, "stylize", **pair, **SMALL, style_mix=value)
        refusal(tools, "stylize", **pair, **SMALL, unknown=value)
    for method, *values in (
        ("read_resource", listener.url),
        ("read_resource", "file:///etc/passwd"),
        ("get_prompt", "recipe", {"picture": "x"}),
        ("list_tools", listener.url),
    ):
        error = asyncio.run(request(tools, method, *values))
        assert isinstance(error, mcp.McpError)
        assert "here" in str(error) or "not fetched" in str(error)
    assert tools.log.read_text() == before
    # What looks like an upload is read from this server's own disk, whatever host it names.
    own = upload(tools, photo_path).replace(tools.url, listener.url.rpartition("/")[0])
    assert not call(tools, "stylize", **{**pair, "content": own}, **SMALL).isError
    for path in ("sse", "messages/", "x/gradio_api/mcp"):
        assert httpx.get(f"{tools.url}/gradio_api/mcp/{path}").status_code == 404
    time.sleep(0.2)
    assert listener.count == 0


def test_two_calls_at_once_get_their_own_pictures(tools: Server, pair: dict[str, str]) -> None:
    async def both() -> list[Any]:
        values = [{**pair, **SMALL}, {"content": pair["style"], "style": pair["content"], **SMALL}]
        return await asyncio.gather(*(request(tools, "call_tool", "stylize", x) for x in values))

    sizes = [picture(result.content[0]).size for result in asyncio.run(both())]
    assert sizes == [picture_size(pair["content"]), picture_size(pair["style"])]
    assert tools.health() == {"status": "ok", "running": 0, "waiting": 0}


def test_pictures_sent_are_deleted_and_a_call_does_not_keep_the_server(
    tools: Server, pair: dict[str, str]
) -> None:
    """The last test of this server, which it stops."""
    call(tools, "stylize", **pair, **SMALL)
    files = [x for x in tools.files.rglob("*") if x.is_file()]
    assert len(files) > 2
    for file in files:
        os.utime(file, (0, 0))
    deadline = time.monotonic() + 60
    while left := [x for x in files if x.exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.5)

    async def stop() -> int:
        task = asyncio.create_task(request(tools, "call_tool", "stylize", {**pair, **LONG}))
        while not (await asyncio.to_thread(tools.health))["running"]:
            await asyncio.sleep(0.1)
        code = await asyncio.to_thread(tools.stop)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return code

    assert asyncio.run(stop()) == 0
    assert not tools.files.exists()
