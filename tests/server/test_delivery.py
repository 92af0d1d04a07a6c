"""How the page reaches a browser."""

from __future__ import annotations

import re

import httpx

from tests.serving import ROOT, Server


def test_the_page_travels_compressed(public_server: Server) -> None:
    for path in ("/", "/config"):
        with httpx.stream("GET", f"{public_server.url}{path}") as answer:
            sent = sum(map(len, answer.iter_raw()))
        assert answer.headers["content-encoding"] == "gzip"
        plain = httpx.get(f"{public_server.url}{path}", headers={"accept-encoding": "identity"})
        assert len(plain.content) > 5 * sent
        assert "content-encoding" not in plain.headers


def test_a_browser_keeps_scripts_and_asks_for_pictures_again(public_server: Server) -> None:
    page = httpx.get(public_server.url).text
    script = re.search(r'"\./(assets/[^"]+\.js)"', page)[1]
    kept = httpx.get(f"{public_server.url}/{script}").headers["cache-control"]
    assert "immutable" in kept
    picture = ROOT / "examples" / "contents" / "chelsea.jpg"
    others = (script.replace(".js", "x.js"), "theme.css", f"gradio_api/file={picture}")
    answers = [httpx.get(f"{public_server.url}/{path}") for path in others]
    assert [answer.status_code for answer in answers] == [404, 200, 200]
    for answer in answers:
        assert "immutable" not in answer.headers.get("cache-control", "")
