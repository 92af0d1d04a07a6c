"""Two processes behind nginx, by the file in the server's README."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.load import SETTLED_SECONDS, cuts, waits_or_cancels
from tests.serving import ROOT, Server, running_server

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
README = ROOT / "nst_core" / "server" / "README.md"
GOOD = {"picture", "message", "cancelled", "cut"}

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx)"),
]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        limits = {"NST_RUNS": "60", "NST_QUEUE": "200"}
        folders = (tmp_path / "first", tmp_path / "second")
        yield [stack.enter_context(running_server(folder, **limits)) for folder in folders]


@pytest.fixture
def front(tmp_path: Path, servers: list[Server]) -> Iterator[str]:
    """The address of nginx; its file is that of the README, but for ports and folders."""
    (text,) = re.findall(r"```nginx\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    for port, server in zip(("7861", "7862"), servers, strict=True):
        assert f"127.0.0.1:{port}" in text
        text = text.replace(f"127.0.0.1:{port}", server.url.removeprefix("http://"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in kinds)
    text = text.replace("http {", f"http {{\naccess_log off;\n{paths}")
    file = tmp_path / "nginx.conf"
    file.write_text(f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\n{text}")
    log = tmp_path / "nginx.log"
    command = [NGINX, "-p", str(tmp_path), "-e", str(log), "-c", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.STDOUT, stdout=log.open("a"))
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                assert httpx.get(f"{url}/health").json()["status"] == "ok"
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def runs(server: Server) -> int:
    return len(server.log_lines())


def test_many_clients_of_two_processes_of_which_one_ends(
    servers: list[Server], front: str, tmp_path: Path
) -> None:
    first, second = servers
    both = Server(first.process, front, first.log, first.files)

    def client(number: int) -> str:
        try:
            if number % 3 == 2:
                return cuts(both, tmp_path, number)
            return waits_or_cancels(both, tmp_path, number, cancels=number % 3 == 1)
        except Exception as error:
            return f"FAILED: {type(error).__name__} {error}"

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(client, range(18)))
    assert set(found) <= GOOD, found
    assert found.count("picture") >= 4
    assert runs(first)
    assert runs(second)

    # One ends in the midst; whoever comes then is served by the other.
    done = runs(second)
    with ThreadPoolExecutor(9) as pool:
        going = [pool.submit(client, number) for number in range(20, 47, 3)]  # cut their connection
        time.sleep(3)
        first.stop(signal.SIGKILL)
        found = [each.result() for each in going]
    assert not [x for x in found if "ANOTHER" in x]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(client, range(48, 57)))
    assert set(found) <= GOOD, found
    assert "picture" in found
    assert runs(second) > done
    deadline = time.monotonic() + SETTLED_SECONDS
    while second.health()["running"] or second.health()["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "Traceback" not in second.log.read_text()


def test_a_visitor_stays_with_one_process(front: str) -> None:
    """By the cookie of the first answer; later answers do not change it."""
    with httpx.Client(base_url=front) as browser:
        assert "nst=" in browser.get("/").headers["set-cookie"]
        for _ in range(4):
            assert "set-cookie" not in browser.get("/config").headers
        found = {browser.get("/gradio_api/app_id").json()["app_id"] for _ in range(8)}
    assert len(found) == 1
    # Programs without cookies are known by their address.
    alone = {httpx.get(f"{front}/gradio_api/app_id").json()["app_id"] for _ in range(8)}
    assert len(alone) == 1
    visitors = set()
    for _ in range(24):
        with httpx.Client(base_url=front) as browser:
            browser.get("/")
            visitors.add(browser.get("/gradio_api/app_id").json()["app_id"])
    assert len(visitors) == 2
