"""One visitor can't stop the others: attacks on a real server, beside which an honest one works.

The attacker and the honest client share an address, as people of a school do.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browsing import CHROMIUM, picture_address, set_number, small_run, thumbnails
from tests.serving import Server, running_server, wait_until_idle
from tests.unkind import cuts_an_upload, upload

API = "/gradio_api"
# Seconds within which an honest client has its picture on an idle machine, whatever others do; or
# so many times those that it takes alone, where other programs keep the machine busy.
SOON, TIMES = 10.0, 5
# Threads of Gradio, and pages that it remembers.
THREADS = 40
MOST_SESSIONS = 500
LONG = {"size": 256, "steps": 2000}

full = pytest.mark.full


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the limits as they are by default."""
    with running_server(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture(scope="module")
def soon(default: Server, photo_path: Path, painting_path: Path) -> float:
    """Seconds within which an honest client has to have its picture during an attack."""
    return max(SOON, TIMES * honest(default, photo_path, painting_path))


@pytest.fixture
def attacked(request: pytest.FixtureRequest) -> Server:
    """The server of a test: one of its own kind for those that take long, or the one of all."""
    full = request.node.get_closest_marker("full")
    server: Server = request.getfixturevalue("default" if full else "public_server")
    return server


@pytest.fixture
def http(attacked: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{attacked.url}{API}", timeout=60) as client:
        yield client
    wait_until_idle(attacked.url, most=60)


@pytest.fixture
def files(http: httpx.Client, photo_path: Path, painting_path: Path) -> dict[str, Any]:
    """An uploaded pair."""
    return pair_of(http, photo_path, painting_path)


def pair_of(http: httpx.Client, photo: Path, painting: Path) -> dict[str, Any]:
    return {"content": upload(http, photo), "style": upload(http, painting)}


def functions(attacked: Server) -> list[dict[str, Any]]:
    return httpx.get(f"{attacked.url}/config").json()["dependencies"]


def honest(attacked: Server, photo: Path, painting: Path) -> float:
    """Seconds until an honest client has its picture."""
    begin = time.monotonic()
    patient = {"timeout": 300}
    client = Client(attacked.url, verbose=False, download_files=False, httpx_kwargs=patient)
    try:
        values = {"size": 64, "steps": 2, "api_name": "/stylize"}
        result = client.predict(content=handle_file(photo), style=handle_file(painting), **values)
    finally:
        client.close()
    picture = httpx.get(result["url"], timeout=60)
    assert picture.headers["content-type"] == "image/png"
    return time.monotonic() - begin


@contextmanager
def attacking(attack: Callable[[threading.Event], None]) -> Iterator[None]:
    """Attack in a thread of its own, which is to end when its event is set."""
    ends = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        attacks = pool.submit(attack, ends)
        try:
            yield
        finally:
            ends.set()
        attacks.result()


@full
def test_heavy_bodies(attacked: Server, photo_path: Path, painting_path: Path, soon: float) -> None:
    """A picture comes while bodies arrive that took half a minute each."""
    bodies = (
        b'{"data":' + b"[" * 400 + b"[]," * 300_000 + b"0" + b"]" * 400 + b"}",
        b'{"data":[{"path":"' + b"/a" * 500_000 + b'"}]}',
    )

    def attack(ends: threading.Event) -> None:
        with httpx.Client(base_url=attacked.url, timeout=60) as client:
            for number in range(200):
                for path in ("queue/join", "run/predict", "cancel", "mcp/"):
                    if ends.is_set():
                        return
                    body = bodies[number % len(bodies)]
                    kind = {"content-type": "application/json"}
                    client.post(f"{API}/{path}", content=body, headers=kind)

    with attacking(attack):
        assert honest(attacked, photo_path, painting_path) < soon


@full
def test_a_function_that_needs_no_queue_is_not_queued(attacked: Server, http: httpx.Client) -> None:
    asked = [x for x in functions(attacked) if x["backend_fn"]]  # the others run in the browser
    at_once = [x for x in asked if x["queue"] is False]
    assert len(at_once) > 5
    for function in at_once:
        values = [None] * len(function["inputs"])
        body = {"fn_index": function["id"], "data": values, "session_hash": "queued"}
        body["event_data"] = {"index": 0, "value": 0}
        answer = http.post("/queue/join", json=body)
        assert (answer.status_code, attacked.health()["waiting"]) == (422, 0)
        assert "not one of the queue" in answer.json()["error"]


@full
def test_runs_that_nobody_reads(
    attacked: Server,
    http: httpx.Client,
    files: dict[str, Any],
    photo_path: Path,
    painting_path: Path,
    soon: float,
) -> None:
    wait_until_idle(attacked.url, most=60)
    answers = [http.post("/call/v2/stylize", json={**files, **LONG}) for _ in range(66)]
    accepted = [x.json()["event_id"] for x in answers if x.status_code == 200]
    assert len(accepted) == 3
    assert "You have 3 runs waiting or going on" in answers[-1].json()["error"]
    assert honest(attacked, photo_path, painting_path) < soon
    wait_until_idle(attacked.url)
    late = http.get(f"/call/stylize/{accepted[-1]}").text
    assert late.startswith("event: error")
    assert "nobody asked for its events" in late


@full
def test_runs_that_nobody_reads_end_on_their_own(
    attacked: Server, http: httpx.Client, files: dict[str, Any]
) -> None:
    for _ in range(2):
        assert http.post("/call/v2/stylize", json={**files, **LONG}).status_code == 200
    wait_until_idle(attacked.url, most=45)


@full
def test_pages_of_one_address_are_counted_by_themselves(
    attacked: Server, photo_path: Path, painting_path: Path
) -> None:
    """Thirty honest pages of a school, all at once."""
    with ThreadPoolExecutor(30) as pool:
        pages = [pool.submit(honest, attacked, photo_path, painting_path) for _ in range(30)]
        assert all(page.result() for page in pages)


@pytest.mark.parametrize("count", [60, pytest.param(400, marks=full)])
def test_reloads_that_wait_take_no_threads(
    attacked: Server, http: httpx.Client, files: dict[str, Any], count: int
) -> None:
    """A page that is reloaded during its run waits for the result; Gradio has 40 threads."""
    token = "the-token-of-a-browser"
    reload = next(x for x in functions(attacked) if x["api_name"] == "reload")
    click = next(x for x in functions(attacked) if x["api_name"] == "stop")

    async def attack() -> int:
        """How many reloads are answered before a click that needs a thread."""
        limits = httpx.Limits(max_connections=count + 1, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=http.base_url, timeout=300, limits=limits) as client:
            body = {"fn_index": reload["id"], "data": [token], "session_hash": "reloads"}
            waiting = [
                asyncio.create_task(client.post("/run/predict", json=body)) for _ in range(count)
            ]
            await asyncio.sleep(0.5)
            body = {"fn_index": click["id"], "data": [], "session_hash": "clicks"}
            assert (await client.post("/run/predict", json=body)).status_code == 200
            answered = sum(call.done() for call in waiting)
            assert {(await call).status_code for call in waiting} == {200}
        return answered

    with run_of_a_page(attacked, http, files, token):
        assert asyncio.run(attack()) < THREADS


@contextmanager
def run_of_a_page(
    attacked: Server, http: httpx.Client, files: dict[str, Any], token: str, steps: int = 2000
) -> Iterator[Iterator[str]]:
    """A run of a page with this token, which goes on meanwhile; the lines of its events."""
    config = httpx.get(f"{attacked.url}/config").json()
    values = {x["id"]: x["props"].get("value") for x in config["components"]}
    names = {x["id"]: x["props"].get("elem_id") for x in config["components"]}
    kinds = {x["id"]: x["type"] for x in config["components"]}
    labels = {x["id"]: x["props"].get("label") for x in config["components"]}
    take = next(x for x in config["dependencies"] if x["api_name"] == "take_turn")
    run = next(x for x in config["dependencies"] if x["api_name"] == "run")
    body = {"session_hash": "runs", "data": [], "fn_index": take["id"]}
    assert http.post("/run/predict", json=body).status_code == 200

    def value(number: int) -> Any:
        if kinds[number] == "browserstate":
            return token
        by_name = {"content": files["content"], "style": files["style"]}
        by_label = {"Size": 64, "Steps": steps}
        return by_name.get(names[number]) or by_label.get(labels[number]) or values[number]

    data = [value(number) for number in run["inputs"]]
    body |= {"data": data, "fn_index": run["id"]}
    assert http.post("/queue/join", json=body).status_code == 200
    with http.stream("GET", "/queue/data", params={"session_hash": "runs"}) as stream:
        lines = stream.iter_lines()
        next(line for line in lines if "process_generating" in line)
        yield lines


WRONG = ("W" * 100_000, {"path": 7, "a": {"b": "W" * 1000}}, ["W" * 1000, [1]])


def test_wrong_values_are_a_line_in_the_log(attacked: Server, http: httpx.Client) -> None:
    """Every function of the page and of the API, with values of no use to any of them."""
    before = attacked.log.stat().st_size
    for function in functions(attacked):
        body: dict[str, Any] = {"fn_index": function["id"]}
        for wrong in WRONG if function["inputs"] else WRONG[:1]:
            body["data"] = [wrong] * len(function["inputs"])
            body["session_hash"] = f"wrong-{function['id'] % 20}"
            clicks = [{"index": wrong, "value": wrong}, wrong]
            for click in clicks if function["collects_event_data"] else [None]:
                send(http, function, {**body, "event_data": click})
    for path in ("/queue/data?session_hash=unknown", "/call/stylize/unknown", "/heartbeat/x"):
        with http.stream("GET", path):
            pass
    text = attacked.log.read_text()[before:]
    assert "Traceback" not in text
    assert [line for line in text.splitlines() if len(line) > 400] == []


def send(http: httpx.Client, function: dict[str, Any], body: dict[str, Any]) -> None:
    """Call a function as its page would, to the end."""
    if function["queue"] is False:
        http.post("/run/predict", json=body)
        return
    answer = http.post("/queue/join", json=body)
    if answer.status_code != 200:
        return
    query = {"session_hash": body["session_hash"]}
    with http.stream("GET", "/queue/data", params=query) as stream:
        next(line for line in stream.iter_lines() if "process_completed" in line)


def test_nothing_of_the_operators_folder_is_served(attacked: Server, http: httpx.Client) -> None:
    """The folder that `GRADIO_TEMP_DIR` names."""
    theirs = attacked.files.parent / "theirs.png"
    theirs.write_bytes(b"of the operator")
    for path in (theirs, attacked.files.parent, attacked.files / ".." / theirs.name):
        assert http.get(f"/file={path}").status_code == 403
    answer = http.post("/call/recipe", json={"data": [{"path": str(theirs), "meta": {}}]})
    assert answer.status_code == 422


def test_browsers_do_not_guess_what_an_answer_is(
    attacked: Server, http: httpx.Client, files: dict[str, Any]
) -> None:
    answers = [
        http.get(f"{attacked.url}/"),
        http.get(f"{attacked.url}/health"),
        http.get(f"{attacked.url}/none"),
        http.get(f"/file={files['content']['path']}"),
        http.post("/run/predict", json={}),
    ]
    assert [x.status_code for x in answers] == [200, 200, 404, 200, 404]
    assert {x.headers["x-content-type-options"] for x in answers} == {"nosniff"}
    # Other pages may still hold this one in a frame.
    assert not {"x-frame-options", "content-security-policy"} & set(answers[0].headers)


def test_a_local_server_answers_to_its_own_names_alone(attacked: Server) -> None:
    for host, status in (
        *(("127.0.0.1", 200), ("localhost:80", 200), ("[::1]:1", 200)),
        *(("evil.example", 400), ("127.0.0.1.evil.example:7860", 400)),
    ):
        answer = httpx.get(f"{attacked.url}/health", headers={"host": host})
        assert answer.status_code == status, host


@full
def test_half_bodies_are_cut_off(
    attacked: Server, photo_path: Path, painting_path: Path, soon: float
) -> None:
    host, port = "127.0.0.1", int(attacked.url.rpartition(":")[2])
    before = attacked.open_files()
    opened = []
    for number in range(400):
        path = ("run/predict", "queue/join", "upload", "call/stylize")[number % 4]
        kind = "multipart/form-data; boundary=x" if path == "upload" else "application/json"
        raw = socket.create_connection((host, port), timeout=60)
        head = f"POST {API}/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n"
        begun = b"--x\r\n" if path == "upload" else b"{"
        raw.sendall(head.encode() + b"Content-Length: 9999\r\n\r\n" + begun)
        opened.append(raw)
    deadline = time.monotonic() + 10  # it takes connections one after the other
    while attacked.open_files() < before + 300:
        assert time.monotonic() < deadline, attacked.open_files()
        time.sleep(0.05)
    assert honest(attacked, photo_path, painting_path) < soon
    for raw in opened:
        answer = b""
        while piece := raw.recv(4096):
            answer += piece
        raw.close()
        assert b" 408 " in answer[:20]
        assert b"takes too long" in answer
    deadline = time.monotonic() + 30
    while attacked.open_files() > before + 10:
        assert time.monotonic() < deadline, attacked.open_files()
        time.sleep(0.2)


@full
def test_what_is_old_goes_whoever_left_it(
    tmp_path: Path, photo_path: Path, painting_path: Path
) -> None:
    """Uploads that were cut off, results, films, in a server that keeps them for six seconds."""
    with running_server(tmp_path, NST_KEEP="6") as attacked:
        for _ in range(3):
            cuts_an_upload(attacked)
        client = Client(attacked.url, verbose=False, download_files=False)
        pair = {"content": handle_file(photo_path), "style": handle_file(painting_path)}
        film = client.predict(**pair, size=64, steps=3, api_name="/timelapse")["url"]
        assert httpx.get(film).status_code == 200
        http = httpx.Client(base_url=f"{attacked.url}{API}", timeout=60)
        files = pair_of(http, photo_path, painting_path)
        with run_of_a_page(attacked, http, files, "the-token-of-a-browser", steps=3) as lines:
            text = "".join(line for line in lines if "process_" in line)
        page_film = text.rpartition(".mp4")[0].rpartition('"path":"')[2] + ".mp4"
        deadline = time.monotonic() + 30
        folders = (attacked.files, tmp_path / "tmp")
        while left := [x for y in folders for x in y.rglob("*") if x.is_file()]:
            assert time.monotonic() < deadline, left
            time.sleep(0.5)
        assert httpx.get(film).status_code == 403
        assert http.get(f"/file={page_film}").status_code == 403


@full
def test_a_full_disk_refuses_uploads(tmp_path: Path, photo_path: Path) -> None:
    with running_server(tmp_path, NST_ROOM="1e9", warmed_up=False) as attacked:
        with photo_path.open("rb") as file:
            answer = httpx.post(f"{attacked.url}{API}/upload", files={"files": file}, timeout=60)
        assert answer.status_code == 507
        assert "no room for uploads" in answer.json()["error"]
        assert not [x for x in attacked.files.rglob("*") if x.is_file()]


@full
def test_uploads_of_a_run_that_waits_are_kept(
    tmp_path: Path, photo_path: Path, painting_path: Path
) -> None:
    """It waits longer than files are kept."""
    with running_server(tmp_path, NST_KEEP="4", NST_SECONDS="20") as attacked:
        http = httpx.Client(base_url=f"{attacked.url}{API}", timeout=90)
        first, second = (
            {**pair_of(http, photo_path, painting_path), "size": 64, "steps": steps}
            for steps in (2000, 2)
        )
        ahead = http.post("/call/v2/stylize", json=first).json()["event_id"]
        with http.stream("GET", f"/call/stylize/{ahead}"):
            event = http.post("/call/v2/stylize", json=second).json()["event_id"]
            begin = time.monotonic()
            with http.stream("GET", f"/call/stylize/{event}") as stream:
                events = [line for line in stream.iter_lines() if line.startswith("event: ")]
            assert time.monotonic() - begin > 10
        assert events[-1] == "event: complete"


@full
def test_previews_of_large_pictures_share_a_limit(
    attacked: Server, http: httpx.Client, tmp_path: Path
) -> None:
    """Eight pictures of 50 megapixels at once, each a small file."""
    large = tmp_path / "large.png"
    Image.new("RGB", (10_000, 5_000), "teal").save(large)
    check = next(x for x in functions(attacked) if x["api_name"] == "check_upload")
    values = [upload(http, large)]
    wait_until_idle(attacked.url)
    before = attacked.memory()
    most = [before]

    def preview(number: int) -> None:
        with httpx.Client(base_url=http.base_url, timeout=120) as client:
            body = {"data": values, "session_hash": f"preview-{number}"}
            send(client, check, {**body, "fn_index": check["id"]})

    with ThreadPoolExecutor(8) as pool:
        previews = [pool.submit(preview, number) for number in range(8)]
        while not all(each.done() for each in previews):
            most.append(attacked.memory())
            time.sleep(0.05)
        for each in previews:
            each.result()
    assert max(most) - before < 1500


@full
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_page_that_is_forgotten_asks_to_be_loaded_again(tmp_path: Path, browser: Browser) -> None:
    """Its strength would blend another picture with its photo."""
    with running_server(tmp_path, NST_CLIENTS="10000") as attacked:
        page = browser.new_page()
        page.goto(attacked.url)
        small_run(page)
        function = next(x for x in functions(attacked) if x["api_name"] == "stop")
        body = {"fn_index": function["id"], "data": []}
        with httpx.Client(base_url=f"{attacked.url}{API}", timeout=60) as http:
            for number in range(MOST_SESSIONS + 20):
                http.post("/run/predict", json={**body, "session_hash": f"new{number}"})
        seen = picture_address(page)
        set_number(page, "Strength", 0.5)
        expect(page.get_by_text("reload the page").first).to_be_visible()
        assert picture_address(page) == seen
        page.reload()
        expect(page.locator("#start")).to_be_visible()
        thumbnails(page).first.click()
        expect(page.locator("#refine")).to_be_visible()
        page.close()


# After these, the address has opened as many sessions as it may: no test may come behind them.


@full
def test_joins_with_new_names_that_nobody_reads(
    attacked: Server,
    http: httpx.Client,
    files: dict[str, Any],
    photo_path: Path,
    painting_path: Path,
    soon: float,
) -> None:
    """Gradio remembers 2,000 sessions: the stream of a client that was there before goes on."""
    recipe = next(x for x in functions(attacked) if x["api_name"] == "recipe")
    values = {**files, "size": 64, "steps": 60}
    event = http.post("/call/v2/stylize", json=values).json()["event_id"]
    with http.stream("GET", f"/call/stylize/{event}") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if "generating" in line)
        body = {"fn_index": recipe["id"], "data": [files["content"]]}
        with httpx.Client(base_url=http.base_url, timeout=60) as other:
            answers = [
                other.post("/queue/join", json={**body, "session_hash": f"new{k}"})
                for k in range(1000)
            ]
            refused = [x for x in answers if x.status_code != 200]
            assert len(refused) > 700
            assert "came in a short time" in refused[-1].json()["error"]
        assert honest(attacked, photo_path, painting_path) < soon
        assert any("complete" in line for line in lines)


@full
def test_calls_with_new_names(
    attacked: Server, http: httpx.Client, photo_path: Path, painting_path: Path, soon: float
) -> None:
    """Gradio remembers the states of 500 pages."""
    function = next(x for x in functions(attacked) if x["queue"] is False and not x["inputs"])
    body = {"fn_index": function["id"], "data": []}
    answers = [
        http.post("/run/predict", json={**body, "session_hash": f"call{k}"}) for k in range(520)
    ]
    assert sum(x.status_code == 429 for x in answers) >= 300
    assert honest(attacked, photo_path, painting_path) < soon
