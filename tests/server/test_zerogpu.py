"""The app on ZeroGPU: `spaces` itself runs its GPU functions in a forked process.

The scheduler that lends GPUs to Spaces is a server of this file (see also `zerogpu_space`).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from nst_core import Settings
from nst_core.server.runs import Stop
from nst_core.sweep import prepare_sweep
from nst_core.transfer import prepare
from tests.serving import Server, running_server


class Scheduler(ThreadingHTTPServer):
    """Gives GPUs to a Space: it always has one, and remembers what it was asked."""

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
    """A running Space, and what its process saw before it was served."""

    server: Server
    scheduler: Scheduler
    state: dict[str, Any]

    def client(self) -> Client:
        return Client(self.server.url, verbose=False)

    def press_stop(self, client: Client) -> None:
        """Press Stop, as the page of this client would."""
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
        # No weights of VGG-19 are on this Space, nor may they be fetched: runs with them fail.
        "HF_HOME": str(folder),
        "TORCH_HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{scheduler.server_port}",
    }
    command = (sys.executable, "-m", "tests.server.zerogpu_space")
    with running_server(folder, command, **environment) as server:
        lines = server.log.read_text().splitlines()
        state = json.loads(next(line for line in lines if line.startswith("{")))
        yield Space(server, scheduler, state)
        server.stop()  # a killed server would leave its workers behind
    scheduler.shutdown()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def inputs(photo: Path, painting: Path, **settings: object) -> dict[str, Any]:
    return {"content": handle_file(photo), "style": handle_file(painting), **settings}


@pytest.mark.full
def test_importing_the_app_leaves_nothing_that_a_fork_would_break(space: Space) -> None:
    assert space.state["emulated_cuda"]
    assert not space.state["cuda_initialised"]
    assert space.state["networks_loaded"] == 0
    assert space.state["threads_of_app"] <= 0  # the libraries may have ended some
    assert space.state["python_threads"] == 1


@pytest.mark.full
def test_frames_hold_data_of_the_cpu_alone(space: Space) -> None:
    assert space.state["steps"] == [1, 2, 3, 4]
    assert space.state["done"] == [False, False, False, True]
    kinds = set(space.state["kinds"])
    assert {"nst_core.frame.Frame", "PIL.Image.Image"} < kinds
    assert all(kind.split(".")[0] in ("builtins", "nst_core", "PIL") for kind in kinds)


@pytest.mark.full
def test_errors_in_the_worker_are_messages(
    space: Space, photo_path: Path, painting_path: Path
) -> None:
    """Where weights are read, which is nowhere but in the worker."""
    given = inputs(photo_path, painting_path, size=64, steps=1, network="vgg19")
    with pytest.raises(AppError, match=r"The VGG-19 weights are not on this machine.*\.$"):
        space.client().predict(**given, api_name="/stylize")
    assert "Traceback" not in space.server.log.read_text()


def never() -> Stop:
    return Stop(lambda: False)


@pytest.mark.full
def test_a_run_is_made_by_a_worker(space: Space, photo_path: Path, painting_path: Path) -> None:
    """For which the scheduler is asked for as many seconds as the app says."""
    import app

    client = space.client()
    given = {"size": 64, "steps": 6}
    path = client.predict(**inputs(photo_path, painting_path, **given), api_name="/stylize")
    assert Image.open(path).size == Image.open(photo_path).size
    assert space.scheduler.asked("/startup-report")
    seconds = app.paint_seconds(prepare(photo_path, painting_path, Settings(**given)), never())
    assert space.scheduler.asked("/schedule")[-1]["durationSeconds"] == str(seconds)
    assert int(space.scheduler.asked("/allow")[-1]["pid"]) != space.server.process.pid
    assert space.scheduler.asked("/release")[-1]["fail"] == "false"


def test_durations_are_about_what_a_run_takes(photo: Image.Image, painting: Image.Image) -> None:
    import app

    def seconds(**settings: Any) -> int:
        return app.paint_seconds(prepare(photo, painting, Settings(**settings)), never())

    assert 15 <= seconds() <= 30  # the scheduler's own default is 60
    assert seconds(steps=400) > seconds()
    assert seconds(size=1024) > seconds()
    sweep = prepare_sweep(photo, painting, Settings(size=4096))
    assert 15 <= app.sweep_seconds(sweep, never()) <= 60


@pytest.mark.full
def test_the_parent_looks_at_the_stop_flag(
    space: Space, photo_path: Path, painting_path: Path
) -> None:
    """The worker can't see the flag. It ends all the same, and takes the next run."""
    client = space.client()
    granted, allowed = len(space.scheduler.asked("/release")), len(space.scheduler.asked("/allow"))
    job = client.submit(
        **inputs(photo_path, painting_path, size=64, steps=2000), api_name="/stylize"
    )
    wait_until(lambda: len(job.outputs()) >= 2)
    space.press_stop(client)
    assert Image.open(job.result(timeout=60)).format == "PNG"
    line = space.server.log_lines()[-1]
    assert line["outcome"] == "stopped"
    assert line["made"] < 2000
    client.predict(**inputs(photo_path, painting_path, size=64, steps=1), api_name="/stylize")
    released = space.scheduler.asked("/release")[granted:]
    assert [answer["fail"] for answer in released] == ["false", "false"]
    assert len(space.scheduler.asked("/allow")) <= allowed + 1


@pytest.mark.full
def test_a_sweep_stops_too(
    space: Space, photo_path: Path, painting_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app

    # As in `zerogpu_space`.
    monkeypatch.setattr(import_module("nst_core.sweep"), "SIZE", 64)
    monkeypatch.setattr(import_module("nst_core.sweep"), "STEPS", 15)
    sweep = prepare_sweep(photo_path, painting_path, Settings())
    client = space.client()
    asked = len(space.scheduler.asked("/schedule"))
    job = client.submit(**inputs(photo_path, painting_path), api_name="/sweep")
    wait_until(lambda: len(space.scheduler.asked("/schedule")) > asked)
    seconds = app.sweep_seconds(sweep, never())
    assert space.scheduler.asked("/schedule")[-1]["durationSeconds"] == str(seconds)
    space.press_stop(client)
    paper = Image.open(job.result(timeout=60))
    assert paper.height < 0.4 * paper.width  # one row of three
