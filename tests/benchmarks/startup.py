"""Seconds until `python app.py` serves the page, and how much longer the first click takes.

    python tests/benchmarks/startup.py [RUNS]

Beside it, in turns, what nothing but the imports of PyTorch and Gradio take. The first click comes
two seconds after the page is served, about as soon as a browser shows it and somebody clicks.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
from gradio_client import Client, handle_file

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PHOTO, PAINTING = EXAMPLES / "contents/astronaut.jpg", EXAMPLES / "styles/starry_night.jpg"
CLICKS = 6
SECONDS_OF_PAGE = 2


def imports() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, gradio"], check=True)
    return time.perf_counter() - start


def click(client: Client) -> float:
    """Seconds of a run of one step."""
    start = time.perf_counter()
    client.predict(
        content=handle_file(PHOTO),
        style=handle_file(PAINTING),
        size="128",
        steps="1",
        api_name="/stylize",
    )
    return time.perf_counter() - start


def serve() -> tuple[float, list[float]]:
    """Seconds until the page is served, and those of clicks from then on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                httpx.get(url, timeout=60).raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.02)
                if server.poll() is not None:
                    sys.exit("The server has ended.")
        seconds = time.perf_counter() - start
        time.sleep(SECONDS_OF_PAGE)
        client = Client(url, verbose=False)
        return seconds, [click(client) for _ in range(CLICKS)]
    finally:
        server.terminate()
        server.wait()


def main(runs: int) -> None:
    serve()  # now all files are in the cache of the disk
    print("| imports | page is served | ratio | first click | later clicks, median |")
    print("|---|---|---|---|---|")
    for _ in range(runs):
        alone = imports()
        seconds, (first, *later) = serve()
        print(
            f"| {alone:.1f} s | {seconds:.1f} s | {seconds / alone:.2f} "
            f"| {first:.2f} s | {statistics.median(later):.2f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
