"""The seconds until `python app.py` serves the page, and those of the first click.

    python tests/benchmarks/startup.py [RUNS]

The imports of PyTorch and Gradio alone are measured in turns with the server. The first click comes
two seconds after the page is served: a browser shows the page and a person clicks about as soon.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
from gradio_client import Client, handle_file

from tests.serving import ROOT, running_server

PHOTO = ROOT / "examples/contents/astronaut.jpg"
PAINTING = ROOT / "examples/styles/starry_night.jpg"
CLICKS = 6
SECONDS_OF_PAGE = 2


def imports() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch, gradio"], check=True)
    return time.perf_counter() - start


def click(client: Client) -> float:
    """The seconds of a run of one step."""
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
    """The seconds until the page is served, and those of every click after that."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with running_server(Path(folder), warmed_up=False) as server:
            httpx.get(server.url, timeout=60).raise_for_status()
            seconds = time.perf_counter() - start
            time.sleep(SECONDS_OF_PAGE)
            client = Client(server.url, verbose=False)
            return seconds, [click(client) for _ in range(CLICKS)]


def main(runs: int) -> None:
    serve()  # reads all files into the cache of the disk
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
