"""The app as a ZeroGPU Space runs it: `python -m tests.server.zerogpu_space`, with its arguments.

`spaces` does what it does on a Space: it emulates CUDA in this process, asks the scheduler, and
forks workers. Only the two steps that need a GPU in a worker are left out, so that the worker
computes on the CPU. Before the app is served, one line of JSON says what the process has seen.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

# The libraries of the app come first: the threads that they start are not the app's.
import av  # noqa: F401
import gradio as gr  # noqa: F401
import pandas as pd  # noqa: F401
import torch

if torch.version.cuda is None:  # `spaces` asks a build for the CPU alone for these
    torch.version.cuda = "12.8"
    torch._C._cuda_init = torch.cuda.init
    torch.cuda._is_in_bad_fork = bool

import spaces.zero.wrappers as in_worker


def count_threads() -> int:
    """The threads of this process, those of libraries in C too."""
    return len(list(Path("/proc/self/task").iterdir()))


THREADS_OF_LIBRARIES = count_threads()

import app  # noqa: E402
from nst_core import Settings  # noqa: E402
from nst_core.server.runs import Stop  # noqa: E402
from nst_core.transfer import prepare  # noqa: E402
from nst_core.vgg import load_vgg  # noqa: E402

# The tiles of a sweep are small, and take few steps.
sweep = import_module("nst_core.sweep")
sweep.SIZE, sweep.STEPS = 64, 15

EXAMPLES = Path(app.__file__).parent / "examples"

# A worker takes the GPU of this name, and moves the tensors of its parent there.
in_worker.torch.init = lambda uuid: None
in_worker.torch.move = lambda callback=None: None


def kinds(value: Any) -> Iterator[str]:
    """The types of everything in a value, through dataclasses and containers."""
    yield f"{type(value).__module__}.{type(value).__qualname__}"
    if dataclasses.is_dataclass(value):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from kinds(part)


def seen_before_serving() -> dict[str, Any]:
    """What importing the app has left behind, and what comes back from a worker."""
    state = {
        "emulated_cuda": torch.cuda.is_available(),
        "cuda_initialised": torch.cuda.is_initialized(),
        "networks_loaded": load_vgg.cache_info().currsize,
        "threads_of_app": count_threads() - THREADS_OF_LIBRARIES,
        "python_threads": threading.active_count(),
    }
    photo, painting = EXAMPLES / "contents" / "coffee.jpg", EXAMPLES / "styles" / "mosaic.jpg"
    transfer = prepare(photo, painting, Settings(size=64, steps=4))
    assert pickle.loads(pickle.dumps(transfer)) == transfer
    frames = list(app.paint(transfer, Stop(lambda: True)))
    return {
        **state,
        "steps": [frame.step for frame in frames],
        "done": [frame.done for frame in frames],
        "kinds": sorted({kind for frame in frames for kind in kinds(frame)}),
    }


if __name__ == "__main__":
    print(json.dumps(seen_before_serving()), flush=True)
    app.main()
