"""The server as a stranger on the internet meets it: in a process of its own, over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.serving import ROOT, Server, running_server, wait_until_idle

FILE_DATA = {"_type": "gradio.FileData"}
API = "/gradio_api"


@pytest.fixture(scope="module")
def public(public_server: Server) -> Server:
    return public_server


@pytest.fixture(scope="module")
def client(public: Server) -> Client:
    return Client(public.url, verbose=False)


def log_lines(server: Server) -> list[dict]:
    lines = server.log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def run(client: Client, photo: Path, painting: Path, **settings: object) -> str:
    return client.predict(
        content=handle_file(photo), style=handle_file(painting), **settings, api_name="/stylize"
    )


def test_health_and_one_line_a_run(
    public: Server, client: Client, photo_path: Path, painting_path: Path
) -> None:
    wait_until_idle(public.url)  # from what other tests have left
    run(client, photo_path, painting_path, size=64, steps=2)
    line = log_lines(public)[-1]
    assert line.pop("time").startswith("20")
    assert line.pop("seconds") > 0
    expected = {"event": "run", "size": 64, "steps": 2, "made": 2, "outcome": "finished"}
    assert line == expected
    text = public.log.read_text()
    assert photo_path.name not in text
    assert "127.0.0.1" not in text.partition("{")[2]


def test_more_than_the_operator_allows_is_a_sentence(
    client: Client, photo_path: Path, painting_path: Path
) -> None:
    with pytest.raises(AppError, match="what this server allows for one run"):
        run(client, photo_path, painting_path, size=2048, steps=2000)
    with pytest.raises(AppError, match="memory_budget of at most 16"):
        run(client, photo_path, painting_path, size=64, memory_budget=17)


@pytest.mark.full
def test_a_run_out_of_time_gives_what_it_has(
    tmp_path: Path, photo_path: Path, painting_path: Path
) -> None:
    with running_server(tmp_path, NST_SECONDS="2", NST_KEEP="4") as server:
        client = Client(server.url, verbose=False, download_files=False)
        result = run(client, photo_path, painting_path, size=64, steps=2000)
        assert log_lines(server)[-1]["outcome"] == "out of time"
        picture = Image.open(BytesIO(httpx.get(result["url"]).content))
        assert (picture.format, picture.size) == ("PNG", Image.open(photo_path).size)
        # Uploads, previews and the result are deleted after NST_KEEP.
        deadline = time.monotonic() + 30
        while any(x.is_file() for x in server.files.rglob("*")) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not [x for x in server.files.rglob("*") if x.is_file()]
        assert httpx.get(result["url"]).status_code == 403
        # And all folders on exit, also in the midst of a run.
        client.submit(
            content=handle_file(photo_path),
            style=handle_file(painting_path),
            size=128,
            steps=2000,
            api_name="/stylize",
        )
        while not server.health()["running"]:
            time.sleep(0.05)
        assert server.stop() == 0
        assert not server.files.exists()
        assert not list((tmp_path / "tmp").glob("pictures-*"))


def test_the_page_is_built_without_pytorch() -> None:
    """Its import takes seconds; the server does it while the page loads."""
    code = (
        "import sys, app; service = app.make_service(); app.build_demo(service); service.close(); "
        "import nst_core.__main__; print('gradio' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "True False\n", done.stderr


@pytest.mark.full
@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_it_may_be_stopped_while_it_warms_up(tmp_path: Path, seconds: float) -> None:
    with running_server(tmp_path, warmed_up=False) as server:
        time.sleep(seconds)
        assert server.stop() == 0, server.log.read_text()
        assert "Traceback" not in server.log.read_text()


def test_a_wrong_limit_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught, running_server(tmp_path, NST_QUEUE="some"):
        pass
    assert "NST_QUEUE must be a whole number" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.fixture
def secret(public: Server) -> Iterator[Path]:
    """A file outside of what is served, to which a link inside points."""
    file = public.log.parent / "secret.txt"
    file.write_text("secret")
    link = public.files / "link.txt"
    link.symlink_to(file)
    yield file
    link.unlink()
    file.unlink()


def test_no_file_of_the_server_is_served(public: Server, secret: Path) -> None:
    files = public.files
    served = f"{API}/file={ROOT}/examples/contents/chelsea.jpg"
    assert httpx.get(public.url + served).status_code == 200
    paths = [
        *("/etc/passwd", "//etc/passwd", "/proc/self/environ", "app.py", ".git/config"),
        *(f"{ROOT}/app.py", f"{ROOT}/examples/paint_styles.py", f"{ROOT}/examples/examples.json"),
        f"{ROOT}/examples/contents/../paint_styles.py",
        f"{ROOT}/examples/contents/%2e%2e/paint_styles.py",
        f"{ROOT}/examples/contents/..%2fpaint_styles.py",
        f"{ROOT}/examples/contents",
        f"{ROOT}/.gitignore",
        *(secret, files / "link.txt", files / ".." / secret.name, files),
        "file:///etc/passwd",
        "%00",
    ]
    prefixes = [f"{API}/file=", f"{API}/file/", "/file=", "/file/", "/static/", "/assets/"]
    with socket.create_connection(("127.0.0.1", int(public.url.rpartition(":")[2]))) as raw:
        # As it stands, where a client would tidy the path up.
        raw.sendall(b"GET /gradio_api/file=/x/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 403 " in raw.recv(100)
    for prefix in prefixes:
        for path in paths:
            answer = httpx.get(f"{public.url}{prefix}{path}")
            assert answer.status_code in (400, 403, 404), (prefix, path)
            assert b"secret" not in answer.content.replace(secret.name.encode(), b"")


class Listener:
    """A server that must not be asked: it counts connections."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/picture.png"
        self.count = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            self.socket.accept()[0].close()
            self.count += 1


def test_no_address_is_fetched(public: Server, client: Client, painting_path: Path) -> None:
    listener = Listener()
    addresses = [
        listener.url,
        listener.url.upper(),
        listener.url.replace("http", "https"),
        "http://198.51.100.7/picture.png",
        "//198.51.100.7/picture.png",
    ]
    parameters = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    count = len(parameters["/stylize"]["parameters"])
    for address in addresses:
        for path in (f"{API}/file={address}", f"{API}/proxy={address}"):
            assert httpx.get(public.url + path).status_code in (403, 404)
        for value in ({"path": address, "meta": FILE_DATA}, {"url": address, "path": address}):
            data = [value, *[None] * (count - 1)]
            for body in (
                {"data": data},
                {"data": [[value], *data[1:]]},
                {"data": data, "path": address},
            ):
                answer = httpx.post(f"{public.url}{API}/call/stylize", json=body)
                assert answer.status_code == 422
                assert "upload the file" in answer.json()["error"]
                utf16 = json.dumps(body).encode("utf-16")
                kind = {"content-type": "application/json"}
                answer = httpx.post(f"{public.url}{API}/call/stylize", content=utf16, headers=kind)
                assert answer.status_code == 422
    with pytest.raises(ValueError, match="upload the file"):
        client.predict(
            content=handle_file(listener.url),
            style=handle_file(painting_path),
            api_name="/stylize",
        )
    time.sleep(0.2)
    assert listener.count == 0


def test_only_uploads_may_be_named(public: Server, secret: Path) -> None:
    for path in ("/etc/passwd", str(ROOT / "app.py"), str(public.files / "link.txt"), "\0", "x"):
        body = {"data": [{"path": path, "meta": FILE_DATA}]}
        answer = httpx.post(f"{public.url}{API}/call/recipe", json=body)
        assert answer.status_code == 422
        assert "not an upload" in answer.json()["error"]


@pytest.mark.parametrize("path", ["queue/join", "run/predict", "call/stylize", "call/v2/recipe"])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"data":[]}'),
        b'{"data":[1],"fn_index":99999,"session_hash":"x"}',
        b'{"data":[1],"fn_index":{},"session_hash":"x"}',
        b'{"data":"x","fn_index":"y","session_hash":7}',
        b'{"data":[' + b'"x",' * 2_000_000 + b'"x"]}',
    ],
    ids=lambda body: str(body[:20]),
)
def test_garbage_is_refused(public: Server, path: str, body: bytes) -> None:
    kind = {"content-type": "application/json"}
    answer = httpx.post(f"{public.url}{API}/{path}", content=body, headers=kind)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"].endswith(".")
    assert "Traceback" not in answer.text


def error(public: Server, endpoint: str, body: object) -> str:
    """The sentence in which a call ends, as curl sees it."""
    answer = httpx.post(f"{public.url}{API}/call/{endpoint}", json=body)
    if answer.status_code == 200:
        event = answer.json()["event_id"]
        answer = httpx.get(f"{public.url}{API}/call/{endpoint}/{event}", timeout=20)
        assert answer.text.startswith("event: error\n")
        data = json.loads(answer.text.rpartition("data: ")[2])
    else:
        assert 400 <= answer.status_code < 500
        data = answer.json()
    assert data["error"].endswith(".")
    assert "Traceback" not in answer.text
    return str(data["error"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((x, "content is not a file") for x in ("text", 7, True, ["x"], {"a": {"b": 1}})),
        ({"path": None, "meta": FILE_DATA}, "content is not a file"),
        ({"path": 7}, "content is not a file"),
        (None, "There is no photo yet"),
    ],
)
def test_a_file_of_the_wrong_kind_is_a_sentence(
    public: Server, client: Client, value: object, text: str
) -> None:
    known = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for endpoint in ("stylize", "timelapse", "sweep"):
        values = [x["parameter_default"] for x in known[f"/{endpoint}"]["parameters"]]
        for files in ([value], [value] * 7):
            data = [*files, *values[len(files) :]]
            assert error(public, endpoint, {"data": data}).startswith(text)
    picture = error(public, "recipe", {"data": [value]})
    assert picture.startswith(text.replace("content", "picture").replace("photo", "picture"))


def test_what_gradio_fails_at_is_a_sentence(public: Server) -> None:
    photo = str(ROOT / "examples" / "contents" / "chelsea.jpg")
    for more in ({"meta": "x"}, {"meta": FILE_DATA, "size": "x"}, {"meta": FILE_DATA, "url": 7}):
        text = error(public, "recipe", {"data": [{"path": photo, **more}]})
        assert text.startswith("This request can't be answered")


# A megabyte that took the server half a minute.
HEAVY = (
    b'{"data":' + b"[" * 400 + b"[]," * 300_000 + b"0" + b"]" * 400 + b"}",
    b'{"data":[{"path":"' + b"/a" * 500_000 + b'"}]}',
    b'{"data":[{"path":"http://x/gradio_api/file=' + b"/a" * 500_000 + b'"}]}',
)


def test_heavy_requests_do_not_keep_the_others_waiting(public: Server) -> None:
    def attack(path: str) -> bool:
        kind = {"content-type": "application/json"}
        with httpx.Client(base_url=public.url, headers=kind, timeout=60) as client:
            answers = [client.post(f"{API}/{path}", content=x) for x in HEAVY * 3]
        return all("error" in answer.json() for answer in answers)

    def attack_file() -> bool:
        port = int(public.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as raw:
            path = b"/gradio_api/file=" + b"/a" * 500_000
            try:
                raw.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return raw.recv(12).startswith(b"HTTP/1.1 4")
            except ConnectionError:  # cut off before it was read
                return True

    with ThreadPoolExecutor(8) as pool:
        routes = ("queue/join", "run/predict", "cancel", "call/stylize", "mcp/")
        attacks = [pool.submit(attack, path) for path in routes]
        attacks += [pool.submit(attack_file) for _ in range(3)]
        longest = 0.0
        while not all(x.done() for x in attacks):
            begin = time.monotonic()
            assert public.health()["status"] == "ok"
            longest = max(longest, time.monotonic() - begin)
        assert all(x.result() for x in attacks)
    assert longest < 2


def test_uploads_have_a_limit(tmp_path: Path, public: Server) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(52_500_000)
    with large.open("rb") as file:
        answer = httpx.post(f"{public.url}{API}/upload", files={"files": file}, timeout=60)
    assert answer.status_code == 413


def begin(
    server: Server, photo: Path, painting: Path, address: str = "203.0.113.1", **settings: object
) -> str:
    """Start a run as a plain HTTP client; the number of its event.

    Args:
        address: that it comes from, as a proxy tells it.
    """
    headers = {"x-forwarded-for": address}
    client = httpx.Client(base_url=server.url, timeout=30, headers=headers)
    files = []
    for path in (photo, painting):
        with path.open("rb") as file:
            files += client.post(f"{API}/upload", files={"files": file}).json()
    values = {
        "content": {"path": files[0], "meta": FILE_DATA},
        "style": {"path": files[1], "meta": FILE_DATA},
        **settings,
    }
    return client.post(f"{API}/call/v2/stylize", json=values).json()["event_id"]


def work_until_idle(server: Server) -> float:
    """Seconds of processor time until nothing runs or waits; a busy machine takes none of them."""
    begin = server.cpu()
    wait_until_idle(server.url, most=60)
    server.seconds_until_idle(30)
    return server.cpu() - begin


@pytest.mark.parametrize("moment", ["waiting", "before the first frame", "running", "large"])
def test_a_cut_connection_frees_the_device(
    public: Server, photo_path: Path, painting_path: Path, moment: str
) -> None:
    """Watching the processor: when the stream of events is cut, the work ends."""
    large = {"size": 2048, "steps": 20, "coarse_to_fine": False}
    settings = large if moment == "large" else {"size": 512, "steps": 2000}
    first = begin(public, photo_path, painting_path, **settings)
    events = [first]
    if moment == "waiting":
        events.append(begin(public, photo_path, painting_path, **settings))
    for event in reversed(events):
        with httpx.stream("GET", f"{public.url}{API}/call/stylize/{event}", timeout=60) as stream:
            lines = stream.iter_lines()
            if moment == "running":
                next(line for line in lines if "preview-1" in line or "preview-2" in line)
            elif event == first:
                while not public.health()["running"]:
                    time.sleep(0.02)
                time.sleep(4 if moment == "large" else 0)
    # A step of a large picture alone takes 9 s and more.
    assert work_until_idle(public) < 10


def test_a_full_queue_is_a_sentence(public: Server, photo_path: Path, painting_path: Path) -> None:
    events, refused = [], None
    for number in range(6):
        address = f"203.0.113.{number}"
        try:
            events.append(begin(public, photo_path, painting_path, address, size=512, steps=2000))
        except KeyError:
            refused = True
            break
    assert refused
    assert public.health()["waiting"] == 3
    for event in reversed(events):
        with httpx.stream("GET", f"{public.url}{API}/call/stylize/{event}", timeout=60):
            pass
    assert work_until_idle(public) < 10


def test_a_result_outlives_its_connection(
    public: Server, photo_path: Path, painting_path: Path
) -> None:
    client = Client(public.url, verbose=False, download_files=False)
    url = run(client, photo_path, painting_path, size=64, steps=2)["url"]
    client.close()
    picture = Image.open(BytesIO(httpx.get(url).content))
    assert (picture.format, picture.size) == ("PNG", Image.open(photo_path).size)
    # Its address can't be guessed: it holds the hash of what is in it.
    name = url.rpartition("/file=")[2]
    for other in (name[:-1], name.replace(Path(name).parent.name, "0" * 64)):
        assert httpx.get(f"{public.url}{API}/file={other}").status_code == 403
    assert os.path.commonpath([name, str(public.files)]) == str(public.files)
