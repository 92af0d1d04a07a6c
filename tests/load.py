"""Fifty clients at once, many of them unkind, against a real server.

    python -m tests.load [--rounds 3] [--clients 50]

Each round: a third of the clients wait for their pictures, a third cancel, a third cut the
connection; among them some send garbage, and some read their previews slowly. Beside them come
those of `tests/unkind.py`. Every one that waits has to get its own picture, which is checked by its
colour and size. After each round nothing is computed any more, and within 30 s open files and
threads are back to where they were after the warm-up. Prints what it finds, and ends with 1 where
something is not so.

Gradio remembers 500 sessions, each in a quarter of a megabyte, and every client is one. The warm-up
fills this table. From then on memory grows by less than 100 MB over all rounds.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.serving import ROOT, Server, running_server
from tests.unkind import UNKIND, UNKIND_WORDS, upload

STYLE = ROOT / "examples" / "styles" / "mosaic.jpg"
# No style is asked for, so that the photo comes back.
VALUES = {"size": 64, "steps": 6, "style_weight": 0, "tv_weight": 0}
# While it waits, before its first frame, in the midst, near its end: seconds.
MOMENTS = (0.1, 0.5, 2, 8)
MOST_SECONDS = 300
SETTLED_SECONDS = 30
MOST_MEGABYTES = 100
MOST_SESSIONS = 500
TRIM_SECONDS = 26
GOOD = {"picture", "message", "cancelled", "read slowly", *UNKIND_WORDS}
# All clients come from one address, and many of them are programs.
LIMITS = {"NST_QUEUE": "200", "NST_KEEP": "100", "NST_RUNS": "60", "NST_CLIENTS": "100000"}
# A keep-alive connection or a pooled thread may still be there.
SLACK = 3


def make_photo(folder: Path, number: int) -> tuple[Path, int, tuple[int, int]]:
    """A grey photo of its own shade and size, which come back if no style is asked for."""
    shade, size = 5 + 4 * number % 250, (40 + number, 50)
    path = folder / f"photo-{number}.png"
    Image.new("RGB", size, (shade,) * 3).save(path)
    return path, shade, size


def waits_or_cancels(server: Server, folder: Path, number: int, cancels: bool) -> str:
    """What became of a client, in a word or two."""
    chance = random.Random(number)
    photo, shade, size = make_photo(folder, number)
    values = {**VALUES, "content": handle_file(photo), "style": handle_file(STYLE)}
    if number % 8 == 3:
        photo.write_bytes(photo.read_bytes()[: chance.randrange(1, 60)])
    if number % 8 == 6:
        values["steps"] = "NaN"
    client = Client(
        server.url,
        verbose=False,
        download_files=str(folder / "downloads"),
        httpx_kwargs={"timeout": MOST_SECONDS},
    )
    try:
        job = client.submit(**values, api_name="/stylize")
        if cancels:
            time.sleep(chance.choice(MOMENTS))
            job.cancel()
            return "cancelled"
        result = job.result(timeout=MOST_SECONDS)
    except (AppError, ValueError) as error:
        text = str(error)
        clear = text.endswith(".") and "Traceback" not in text and len(text) < 250
        return "message" if clear else f"NO CLEAR MESSAGE: {text[:200]}"
    finally:
        client.close()
    picture = Image.open(result).convert("RGB")
    found = picture.getpixel((20, 25))[0]
    if picture.size != size or abs(found - shade) > 3:
        return f"ANOTHER'S PICTURE: {picture.size} {found} for {size} {shade}"
    return "picture"


def cuts(server: Server, folder: Path, number: int) -> str:
    """A client that is gone at some moment, and says nothing to the server about it."""
    photo, _, _ = make_photo(folder, number)
    with httpx.Client(base_url=f"{server.url}/gradio_api", timeout=MOST_SECONDS) as client:
        event = begin(client, photo, VALUES)
        with client.stream("GET", f"/call/stylize/{event}"):
            time.sleep(random.Random(number).choice(MOMENTS))
    return "cut"


def begin(client: httpx.Client, photo: Path, values: dict[str, object]) -> str:
    """Start a run; the number of its event."""
    files = {"content": upload(client, photo), "style": upload(client, STYLE)}
    return client.post("/call/v2/stylize", json={**values, **files}).json()["event_id"]


def reads_slowly(server: Server, folder: Path, number: int) -> str:
    """A client with a bad connection: events and previews reach it bit by bit."""
    photo, shade, size = make_photo(folder, number)
    with httpx.Client(base_url=f"{server.url}/gradio_api", timeout=MOST_SECONDS) as client:
        event = begin(client, photo, {**VALUES, "steps": 40})
        got = b""
        with client.stream("GET", f"/call/stylize/{event}") as events:
            for piece in events.iter_raw(32):
                got += piece
                time.sleep(0.02)
        urls = re.findall(r'"url": "([^"]+)"', got.decode())
        for url in urls:
            picture = b""
            with client.stream("GET", url) as file:
                for piece in file.iter_raw(128):
                    picture += piece
                    time.sleep(0.02)
    with Image.open(BytesIO(picture)) as result:
        found = result.convert("RGB").getpixel((20, 25))[0]
        good = result.size == size and abs(found - shade) <= 3 and len(urls) > 1
    return "read slowly" if good else f"ANOTHER'S PICTURE: {size} {shade} {len(urls)}"


def one_round(server: Server, folder: Path, clients: int) -> Counter[str]:
    def run(number: int) -> str:
        try:
            if number >= clients:
                return UNKIND[number - clients](server)
            if number % 10 == 9:
                return reads_slowly(server, folder, number)
            if number % 3 == 2:
                return cuts(server, folder, number)
            return waits_or_cancels(server, folder, number, cancels=number % 3 == 1)
        except Exception as error:
            return f"FAILED: {type(error).__name__} {error}"

    count = clients + len(UNKIND)
    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(run, range(count)))


def fill_sessions(server: Server) -> None:
    """Call a function under as many names as the server remembers."""
    with httpx.Client(base_url=server.url, timeout=MOST_SECONDS) as client:
        functions = client.get("/config").json()["dependencies"]
        stop = next(x["id"] for x in functions if x["api_name"] == "stop")
        for number in range(MOST_SESSIONS):
            body = {"fn_index": stop, "data": [], "session_hash": f"fill-{number}"}
            client.post("/gradio_api/run/predict", json=body)


def settled(server: Server, files: int, threads: int) -> float:
    """Seconds until nothing runs, and files and threads are back; the limit if they are not."""
    start = time.monotonic()
    while (passed := time.monotonic() - start) < SETTLED_SECONDS:
        health = server.health()
        quiet = health["running"] == health["waiting"] == 0
        back = server.open_files() <= files + SLACK and server.threads() <= threads + SLACK
        if quiet and back and server.seconds_until_idle(1) < 1:
            return passed
        time.sleep(0.2)
    return SETTLED_SECONDS


def memory_at_rest(server: Server) -> float:
    """Megabytes it holds when it has let go of what it keeps for the next run (NST_KEEP / 4)."""
    time.sleep(TRIM_SECONDS)
    return server.memory()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=50)
    arguments = parser.parse_args()
    good = True
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder) / "server", **LIMITS) as server,
    ):
        one_round(server, Path(folder), arguments.clients)  # the warm-up: pools of threads grow
        fill_sessions(server)
        settled(server, 0, 0)
        files, threads, memory = server.open_files(), server.threads(), memory_at_rest(server)
        print(f"after the warm-up: {files} open files, {threads} threads, {memory:.0f} MB")
        for number in range(1, arguments.rounds + 1):
            start = time.monotonic()
            found = one_round(server, Path(folder), arguments.clients)
            seconds = time.monotonic() - start
            rest = settled(server, files, threads)
            grown = memory_at_rest(server) - memory
            words = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
            print(f"round {number}: {seconds:.0f} s; {words}")
            print(
                f"  settled after {rest:.1f} s: {server.open_files()} open files, "
                f"{server.threads()} threads, {grown:+.0f} MB; {server.health()}",
                flush=True,
            )
            good &= set(found) <= GOOD
            good &= rest < SETTLED_SECONDS and grown < MOST_MEGABYTES
        good &= "Traceback" not in server.log.read_text()
    print("all as it should be" if good else "NOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
