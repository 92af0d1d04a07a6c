"""A server in a process of its own, as `python app.py` starts it, and what tests see of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]


def health(url: str) -> dict[str, Any]:
    """What the server at this address says of itself: its runs, and who waits."""
    return httpx.get(f"{url.rstrip('/')}/health", timeout=20).json()


def wait_until_idle(url: str, most: float = 30) -> None:
    """Wait until the server has no run, and nobody waits for one."""
    deadline = time.monotonic() + most
    while (found := health(url)) != {"status": "ok", "running": 0, "waiting": 0}:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@dataclass(frozen=True)
class Server:
    """A running `python app.py`.

    Attributes:
        url: its address, without a slash at the end.
        log: the file of its output.
        files: the folder of its uploads, previews and results.
    """

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    files: Path

    def health(self) -> dict[str, Any]:
        return health(self.url)

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged of its runs."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(x for x in text.splitlines() if x.startswith(f"{name}:")).split()[1])

    def threads(self) -> int:
        return self._status("Threads")

    def memory(self) -> float:
        """Megabytes it holds in memory."""
        return self._status("VmRSS") / 1024

    def peak(self) -> float:
        """The most megabytes it has ever held in memory."""
        return self._status("VmHWM") / 1024

    def seconds_until_idle(self, most: float) -> float:
        """How long it goes on computing; `most` if it does not end before."""
        start = time.monotonic()
        while (passed := time.monotonic() - start) < most:
            before = self.cpu()
            time.sleep(0.5)
            if self.cpu() - before < 0.1:
                return passed
        return most

    def stop(self, number: int = signal.SIGTERM, most: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(most)


@contextmanager
def running_server(
    folder: Path,
    command: Sequence[str] = (sys.executable, "app.py"),
    root: Path = ROOT,
    warmed_up: bool = True,
    **environment: str,
) -> Iterator[Server]:
    """Start a server that writes into `folder` alone, and kill it at the end.

    Args:
        command: what is run; the port is added to it.
        root: the folder it is run in.
        warmed_up: whether to wait until the network is loaded, too, which the server does in the
            background after it has begun to answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parent, temporary = folder / "files", folder / "tmp"
    temporary.mkdir(parents=True)
    environment = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(parent),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TMPDIR": str(temporary),
        **environment,
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                health(url)
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
        # The app makes a folder of its own in the one that it is given.
        server = Server(process, url, log, next(parent.glob("nst-*"), parent))
        if warmed_up:
            server.seconds_until_idle(30)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
