"""A server in a process of its own, as `python app.py` starts it, and what can be seen of it."""

from __future__ import annotations

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

import httpx

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A running `python app.py`.

    Attributes:
        url: its address, without a slash at the end.
        log: the file of its output.
        files: the folder of its uploads, previews and results.
    """

    process: subprocess.Popen
    url: str
    log: Path
    files: Path

    def health(self) -> dict:
        return httpx.get(f"{self.url}/health", timeout=20).json()

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
        """Megabytes it has in memory."""
        return self._status("VmRSS") / 1024

    def peak(self) -> float:
        """The most megabytes it has ever had in memory."""
        return self._status("VmHWM") / 1024

    def seconds_until_idle(self, most: float) -> float:
        """How long it goes on computing; `most` where it does not end."""
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
    """Start one that writes into `folder` alone.

    Args:
        command: what is run, with the arguments of `app.py` after it.
        root: the folder it is run in.
        warmed_up: whether to wait until the network is, and not only until the server answers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files, temporary = folder / "files", folder / "tmp"
    temporary.mkdir(parents=True)
    environment = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(files),
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
    server = Server(process, f"http://127.0.0.1:{port}", log, files)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                server.health()
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
        if warmed_up:
            server.seconds_until_idle(30)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
