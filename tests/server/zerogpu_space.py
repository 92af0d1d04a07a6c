"""The app as a ZeroGPU Space runs it: `python -m tests.server.zerogpu_space`.

All of `spaces` is the real thing: the emulated CUDA of the parent, the scheduling, the forked
workers and their queues. Only the two steps that need a GPU in a worker are left out, so that it
computes on the CPU. Prints one line of JSON, what was seen before the app was served, and then
serves as `python app.py` does, with its arguments.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What the app imports; whatever threads these start are not the app's.
import av  # noqa: F401
import gradio as gr
import pandas as pd  # noqa: F401
import torch

if torch.version.cuda is None:  # a build for the CPU alone, of which `spaces` asks these
    torch.version.cuda = "12.8"
    torch._C._cuda_init = torch.cuda.init
    torch.cuda._is_in_bad_fork = bool

import spaces
from spaces.zero import decorator, wrappers


def threads() -> int:
    """Those of C too."""
    return len(list(Path("/proc/self/task").iterdir()))


threads_of_libraries = threads()

import app  # noqa: E402
from nst_core import Frame, Settings, load_image  # noqa: E402
from nst_core.server.jobs import Images  # noqa: E402
from nst_core.vgg import load_vgg  # noqa: E402

EXAMPLES = Path(app.__file__).parent / "examples"

# In a worker: take the GPU of this name, and move the tensors of the parent to it.
wrappers.torch.init = lambda uuid: None
wrappers.torch.move = lambda callback=None: None


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


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def seen_before_serving() -> dict[str, Any]:
    """What importing the app has left behind, and what comes back from a worker."""
    state = {
        "zero_gpu": spaces.config.Config.zero_gpu,
        # Of every GPU function its parameters, and those of what says how long it takes.
        "gpu_functions": {
            task.__name__: [
                parameters(task),
                parameters(inspect.getclosurevars(task).nonlocals["duration"]),
            ]
            for task in set(decorator.decorated_cache.values())
        },
        "emulated_cuda": torch.cuda.is_available(),
        "cuda_initialised": torch.cuda.is_initialized(),
        "networks_loaded": load_vgg.cache_info().currsize,
        "threads_of_app": threads() - threads_of_libraries,
        "python_threads": threading.active_count(),
    }
    photo = load_image(EXAMPLES / "contents" / "coffee.jpg")
    painting = load_image(EXAMPLES / "styles" / "mosaic.jpg")
    settings = Settings(size=64, steps=4)
    images = Images(photo, (painting,))
    arguments = (images, settings, "nobody/1")
    assert pickle.loads(pickle.dumps(arguments)) == arguments
    frames: list[Frame] = list(app._frames(*arguments))
    state["steps"] = [frame.step for frame in frames]
    state["done"] = [frame.done for frame in frames]
    state["kinds"] = sorted({kind for frame in frames for kind in kinds(frame)})
    try:
        list(app._frames(images, dataclasses.replace(settings, init="image"), "nobody/2"))
    except gr.Error as error:
        state["error"] = [error.message, error.print_exception]
    return state


if __name__ == "__main__":
    print(json.dumps(seen_before_serving()), flush=True)
    app.main()
