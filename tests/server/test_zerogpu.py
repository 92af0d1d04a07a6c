"""The app on ZeroGPU: its GPU part runs in a forked process, as `spaces` itself does it.

The scheduler that a Space has beside it is played here, over HTTP (see `zerogpu_space`).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from serving import Server, running_server

from nst_core import Settings
from nst_core.server.jobs import Images


class Scheduler(ThreadingHTTPServer):
    """What gives GPUs to a Space: it always has one, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SchedulerRequest)
        self.calls: list[tuple[str, dict[str, str]]] = []

    def asked(self, path: str) -> list[dict[str, str]]:
        return [values for where, values in self.calls if where == path]


class SchedulerRequest(BaseHTTPRequestHandler):
    server: Scheduler

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        self.server.calls.append((url.path, dict(parse_qsl(url.query))))
        token = str(len(self.server.calls))
        grant = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": token}
        body = json.dumps(grant).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Space:
    """A running one, and what it saw before it was served."""

    server: Server
    scheduler: Scheduler
    state: dict[str, Any]

    def client(self) -> Client:
        return Client(self.server.url, verbose=False)

    def press_stop(self, client: Client) -> None:
        """As the page of this client would."""
        config = httpx.get(f"{self.server.url}/config").json()
        button = next(x["id"] for x in config["components"] if x["props"].get("elem_id") == "stop")
        event = next(
            event["id"]
            for event in config["dependencies"]
            if [button, "click"] in event["targets"] and event["backend_fn"]
        )
        answer = httpx.post(
            f"{self.server.url}/gradio_api/run/predict",
            json={"fn_index": event, "data": [], "session_hash": client.session_hash},
        )
        answer.raise_for_status()


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("zerogpu")
    scheduler = Scheduler()
    threading.Thread(target=scheduler.serve_forever, daemon=True).start()
    environment = {
        "HOME": str(folder),
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{scheduler.server_port}",
    }
    command = (sys.executable, "-m", "tests.server.zerogpu_space")
    with running_server(folder, command, **environment) as server:
        lines = server.log.read_text().splitlines()
        state = json.loads(next(line for line in lines if line.startswith("{")))
        yield Space(server, scheduler, state)
        server.stop()  # in peace, so that it ends its workers
    scheduler.shutdown()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def inputs(photo: Path, painting: Path, **settings: object) -> dict[str, Any]:
    return {"content": handle_file(photo), "style": handle_file(painting), **settings}


def test_importing_the_app_leaves_nothing_that_a_fork_would_break(space: Space) -> None:
    assert space.state["zero_gpu"]
    assert space.state["emulated_cuda"]
    assert not space.state["cuda_initialised"]
    assert space.state["networks_loaded"] == 0
    assert space.state["threads_of_app"] <= 0  # some of the libraries' end
    assert space.state["python_threads"] == 1


def test_durations_take_the_arguments_of_their_functions(space: Space) -> None:
    functions = space.state["gpu_functions"]
    assert set(functions) == {"_frames", "_tiles"}
    for parameters, of_duration in functions.values():
        assert parameters == of_duration


def test_frames_hold_data_of_the_cpu_alone(space: Space) -> None:
    assert space.state["steps"] == [1, 2, 3, 4]
    assert space.state["done"] == [False, False, False, True]
    kinds = set(space.state["kinds"])
    assert {"nst_core.frame.Frame", "PIL.Image.Image"} < kinds
    assert all(kind.split(".")[0] in ("builtins", "nst_core", "PIL") for kind in kinds)


def test_errors_in_the_worker_are_messages(space: Space) -> None:
    text, print_exception = space.state["error"]
    assert text == "There is no image to start from yet: add one, or change init."
    assert not print_exception
    assert "Traceback" not in space.server.log.read_text()


def test_a_run_is_made_by_a_worker(
    space: Space, photo_path: Path, painting_path: Path, photo: Image.Image, painting: Image.Image
) -> None:
    import app

    client = space.client()
    given = {"size": 128, "steps": 6}
    path = client.predict(**inputs(photo_path, painting_path, **given), api_name="/stylize")
    assert Image.open(path).size == photo.size
    assert space.scheduler.asked("/startup-report")
    images = Images(photo, (painting,))
    seconds = app._gpu_seconds(images, Settings(**given), "")
    assert space.scheduler.asked("/schedule")[-1]["durationSeconds"] == str(seconds)
    assert int(space.scheduler.asked("/allow")[-1]["pid"]) != space.server.process.pid
    assert space.scheduler.asked("/release")[-1]["fail"] == "false"


def test_durations_are_about_what_a_run_takes(photo: Image.Image, painting: Image.Image) -> None:
    import app

    images = Images(photo, (painting,))

    def seconds(**settings: Any) -> int:
        return app._gpu_seconds(images, replace(Settings(), **settings), "")

    assert 15 <= seconds() <= 30  # the scheduler's own default is 60
    assert seconds(steps=400) > seconds()
    assert seconds(size=1024) > seconds()
    assert 15 <= app._sweep_seconds(images, Settings(size=4096), "") <= 60


def test_the_parent_looks_at_the_stop_flag(
    space: Space, photo_path: Path, painting_path: Path
) -> None:
    """Which the worker can't see. It ends all the same, and is there for the next run."""
    client = space.client()
    granted, allowed = len(space.scheduler.asked("/release")), len(space.scheduler.asked("/allow"))
    job = client.submit(
        **inputs(photo_path, painting_path, size=256, steps=2000), api_name="/stylize"
    )
    wait_until(lambda: len(job.outputs()) >= 2)
    space.press_stop(client)
    assert Image.open(job.result(timeout=60)).format == "PNG"
    log = [json.loads(x) for x in space.server.log.read_text().splitlines() if "outcome" in x]
    assert log[-1]["outcome"] == "stopped"
    assert log[-1]["made"] < 2000
    client.predict(**inputs(photo_path, painting_path, size=64, steps=1), api_name="/stylize")
    released = space.scheduler.asked("/release")[granted:]
    assert [answer["fail"] for answer in released] == ["false", "false"]
    assert len(space.scheduler.asked("/allow")) <= allowed + 1


def test_a_sweep_stops_too(space: Space, photo_path: Path, painting_path: Path) -> None:
    client = space.client()
    asked = len(space.scheduler.asked("/schedule"))
    job = client.submit(**inputs(photo_path, painting_path), api_name="/sweep")
    wait_until(lambda: len(space.scheduler.asked("/schedule")) > asked)
    space.press_stop(client)
    paper = Image.open(job.result(timeout=60))
    assert paper.height < 0.4 * paper.width  # one row of three
