"""Neural Style Transfer, live: the server of the page and the API.

python app.py [--port 7860] [--share]
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import spaces
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from nst_core import Frame, StyleTransferError
from nst_core.server.card import Card
from nst_core.server.cleaning import start_cleaning
from nst_core.server.delivery import Delivery
from nst_core.server.device import runs_on_zerogpu
from nst_core.server.gate import Gate
from nst_core.server.hosts import hosts_of, trust_proxies
from nst_core.server.limits import Limits
from nst_core.server.runs import Stop
from nst_core.server.service import Service, make_folder
from nst_core.sweep import Sweep, Tile
from nst_core.transfer import Transfer

if TYPE_CHECKING:
    import gradio as gr

# Seconds between two frames that leave the loop.
FRAME_SECONDS = 0.25
# Pages and clients that Gradio remembers, a quarter of a megabyte each.
MOST_SESSIONS = 500
# What a run may take on a slow GPU: seconds for each megapixel of gradient evaluations
# (`Transfer.work`), and seconds for the start. ZeroGPU ends a run that takes longer.
GPU_SECONDS_PER_MEGAPIXEL = 0.2
GPU_SECONDS_PER_RUN = 15


def paint_seconds(transfer: Transfer, stop: Stop) -> int:
    """How long `paint` may hold the GPU of a ZeroGPU Space; takes the same arguments."""
    return round(GPU_SECONDS_PER_RUN + GPU_SECONDS_PER_MEGAPIXEL * transfer.work)


@spaces.GPU(duration=paint_seconds)
def paint(transfer: Transfer, stop: Stop) -> Generator[Frame]:
    """The frames of a run. On ZeroGPU a forked process computes them, whose `stop` never asks."""
    from nst_core.optimize import paint as frames_of
    from nst_core.page.errors import messages
    from nst_core.timelapse import LEAST_FRAMES

    with messages():
        yield from frames_of(transfer, every=FRAME_SECONDS, at_least=LEAST_FRAMES, stop=stop)


def sweep_seconds(sweep: Sweep, stop: Stop) -> int:
    """How long `paint_sweep` may hold the GPU of a ZeroGPU Space; takes the same arguments."""
    tiles = len(sweep.runs)  # each takes a second besides its steps
    return round(GPU_SECONDS_PER_RUN + tiles + GPU_SECONDS_PER_MEGAPIXEL * sweep.work)


@spaces.GPU(duration=sweep_seconds)
def paint_sweep(sweep: Sweep, stop: Stop) -> Generator[Tile]:
    """The tiles of a sweep, computed where `paint` computes."""
    from nst_core.page.errors import messages
    from nst_core.sweep import paint_sweep as tiles_of

    with messages():
        yield from tiles_of(sweep, stop=stop)


def make_service() -> Service:
    """A service with the limits of the environment and a folder of its own.

    `GRADIO_TEMP_DIR` names that folder from then on. Gradio reads the variable while it is
    imported, so this comes before any import of the page.
    """
    try:
        limits = Limits.from_environment()
    except StyleTransferError as error:
        raise SystemExit(str(error)) from error
    try:
        files = make_folder()
    except OSError as error:
        raise SystemExit(f"The folder for pictures can't be made: {error}") from error
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    return Service(limits, files, paint, paint_sweep)


def build_demo(service: Service) -> gr.Blocks:
    """The page with its events and its API, ready to be launched."""
    from nst_core.page import build_page

    demo = build_page(service)
    demo.queue(status_update_rate=2, max_size=service.limits.queue, api_open=False)
    return demo


def serve(service: Service, **launch: Any) -> tuple[Any, str, str]:
    """Launch the demo, with arguments of `Blocks.launch`; the tests launch it the same way."""
    # No warnings: those of MCP repeat what its clients send.
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    logging.getLogger("nst").setLevel(logging.INFO)
    demo = build_demo(service)
    # Not before Gradio is imported: both imports at once would make the page wait for PyTorch.
    if not runs_on_zerogpu():
        threading.Thread(target=warm_up, args=[service]).start()
    from nst_core.page import CARD, CSS_FILES, PICTURE_FOLDERS, THEME, runs_of, usable

    trust_proxies()
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=hosts_of(launch), www_redirect=False)
    gate = Middleware(
        Gate,
        folders=[service.files, *PICTURE_FOLDERS],
        left=service.runs.leave,
        health=service.health,
        limits=service.limits,
        runs=runs_of(demo),
        usable=partial(usable, demo),
    )
    defaults = {
        "css_paths": CSS_FILES,
        "theme": THEME,
        "run_history": False,
        # Node's server would stand in front of the gate.
        "ssr_mode": False,
        "footer_links": ["api", "gradio"],
        "max_file_size": f"{service.limits.upload}mb",
        "state_session_capacity": MOST_SESSIONS,
        "app_kwargs": {"middleware": [hosts, Middleware(Delivery), gate, Middleware(Card, **CARD)]},
    }
    start_cleaning(service)
    launched: tuple[Any, str, str] = demo.launch(**{**defaults, **launch})
    return launched


def warm_up(service: Service) -> None:
    """Import PyTorch, load the network, and learn the pace of this machine, while the page loads.

    The thread is no daemon: Python crashes where it ends in the midst of an import.
    """
    from nst_core.optimize import warm_up as run_once

    service.costs.begin(run_once())


def port(text: str) -> int:
    """Read the number of a port."""
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError(
            f"a port (--port or GRADIO_SERVER_PORT) is a number from 1 to 65535, not {text[:40]!r}"
        )
    return int(text)


def main() -> None:
    """Serve until Ctrl-C, or until SIGTERM, which stops a container."""
    parser = argparse.ArgumentParser(description="Neural Style Transfer, live")
    named = os.environ.get("GRADIO_SERVER_PORT")
    parser.add_argument(
        "--port",
        type=port,
        default=named,
        help="port to serve on (default: the first free one from 7860 on)",
    )
    parser.add_argument("--share", action="store_true", default=None, help="make a public link")
    arguments = parser.parse_args()
    if arguments.port:
        # Gradio reads the variable in any case, and fails with a traceback where it is no number.
        os.environ["GRADIO_SERVER_PORT"] = str(arguments.port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    service = make_service()
    try:
        with suppress(KeyboardInterrupt):  # Gradio handles it, but not while it starts
            serve(service, server_port=arguments.port, share=arguments.share)
    except OSError as error:  # as Gradio says that a port is taken
        raise SystemExit(f"The page can't be served: {error}") from error
    finally:
        service.close()


if __name__ == "__main__":
    main()
