"""The card of a link, over a page as Gradio serves it."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from nst_core.server.card import SIZE, Card
from tests.serving import ROOT

PICTURE = ROOT / "examples" / "card.jpg"
PAGE = (
    Path(find_spec("gradio").origin).parent / "templates" / "frontend" / "index.html"
).read_text(encoding="utf-8")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    answer = HTMLResponse(PAGE) if scope["path"] == "/" else PlainTextResponse("other")
    await answer(scope, receive, send)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Card(app, "A & B", 'says "so"', PICTURE))


def cards(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, content in re.findall(
        r'<meta\s+(?:property|name)="([\w:]+)"\s+content="([^"]*)"', text
    ):
        found.setdefault(name, []).append(content)
    return found


def test_a_page_has_one_card_and_it_is_ours(client: TestClient) -> None:
    assert len(cards(PAGE)["og:title"]) > 1  # what Gradio writes
    answer = client.get(
        "/", headers={"x-forwarded-proto": "https", "x-forwarded-host": "a.example"}
    )
    assert int(answer.headers["content-length"]) == len(answer.content)
    found = cards(answer.text)
    assert found["og:title"] == ["A &amp; B"]
    assert found["og:description"] == found["description"] == ["says &quot;so&quot;"]
    assert found["og:image"] == ["https://a.example/card.jpg"]
    assert found["twitter:card"] == ["summary_large_image"]
    assert "og:url" not in found
    # All of it is where sites look for it, and the rest of the page is as it was.
    assert answer.text.index("og:image") < 1500
    assert answer.text.endswith(PAGE[-2000:])


def test_the_picture_is_served_and_of_the_size_that_sites_ask_for(client: TestClient) -> None:
    answer = client.get("/card.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == PICTURE.read_bytes()
    assert Image.open(PICTURE).size == SIZE == (1200, 630)
    assert PICTURE.stat().st_size < 300_000
    assert client.get("/other").text == "other"


def test_a_host_that_is_no_name_stays_text(client: TestClient) -> None:
    answer = client.get("/", headers={"x-forwarded-host": '"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text
