"""Where the weights of the networks come from.

VGG-16 is bundled (its origin and licence are in NOTICE). VGG-19 is torchvision's, trained on
ImageNet, and kept in torch's own cache folder: as torchvision's file, if somebody put it there, or
as a file of the convolutions alone, which are fetched from the Hugging Face Hub on first use.
Where the Hub does not give them, torchvision's file is downloaded.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TypeVar
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from .errors import WeightsError
from .hub import fetch_tensors
from .layers import NETWORKS, layer_names

BUNDLED_VGG16 = Path(__file__).parent / "data" / "vgg16_features.safetensors"

VGG19_HASH = "dcbb9e9d"
VGG19_FILE = f"vgg19-{VGG19_HASH}.pth"
VGG19_URL = f"https://download.pytorch.org/models/{VGG19_FILE}"
VGG19_CONVOLUTIONS = "vgg19_convolutions.safetensors"
HUB_REPOSITORY, HUB_FILE = "timm/vgg19.tv_in1k", "model.safetensors"

# Seconds until a download counts as failed: 52 MB from the Hub, 575 MB from torchvision.
HUB_PATIENCE, TORCHVISION_PATIENCE = 300, 900

T = TypeVar("T")


def load_weights(network: str) -> dict[str, Tensor]:
    """Convolution weights by torchvision's keys (`features.0.weight`, ...), float32 on the CPU.

    Raises:
        WeightsError: the file is missing and can't be fetched, or it is not a VGG of this kind.
    """
    if network == "vgg16":
        return {key: value.float() for key, value in load_file(BUNDLED_VGG16).items()}
    assert network in NETWORKS, network
    if vgg19_path().exists():
        return _load_torchvision()
    kept = vgg19_path().with_name(VGG19_CONVOLUTIONS)
    with suppress(OSError, ValueError, SafetensorError):  # not there, or damaged
        return _checked(load_file(kept))
    return _fetch_vgg19(kept)


def vgg19_path() -> Path:
    """Where torchvision's file is looked for: the folder torch keeps downloaded models in."""
    return Path(torch.hub.get_dir()) / "checkpoints" / VGG19_FILE


def _load_torchvision() -> dict[str, Tensor]:
    path = vgg19_path()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value.float() for key, value in state.items() if key.startswith("features.")}
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, AttributeError) as error:
        raise WeightsError(
            f"The VGG-19 weights in {path} can't be read: delete the file, or choose vgg16."
        ) from error


def _fetch_vgg19(kept: Path) -> dict[str, Tensor]:
    # Imported only here: nobody pays for it who does not need VGG-19.
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise _missing("must not be fetched while HF_HUB_OFFLINE is set")
    try:
        weights = _checked(
            _within(HUB_PATIENCE, lambda: fetch_tensors(HUB_REPOSITORY, HUB_FILE, _shapes()))
        )
    # Whatever a server, a proxy or a library does wrong: there is a second place to ask.
    except Exception:
        return _fetch_torchvision()
    _keep(weights, kept)
    return weights


def _fetch_torchvision() -> dict[str, Tensor]:
    path = vgg19_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _within(
            TORCHVISION_PATIENCE,
            lambda: torch.hub.download_url_to_file(VGG19_URL, str(path), VGG19_HASH, False),
        )
    except Exception as error:
        raise _missing("can't be fetched") from error
    return _load_torchvision()


def _missing(reason: str) -> WeightsError:
    return WeightsError(
        f"The VGG-19 weights are not on this machine and {reason}: download {VGG19_URL} to "
        f"{vgg19_path()}, or choose vgg16, which is built in."
    )


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` gives or raises; a TimeoutError if that takes longer than `seconds`.

    Timeouts of a connection do not end a server that sends a byte now and then, or one that asks
    to come back in an hour. The thread is left behind then; it does not keep the process alive.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(seconds)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of VGG-19 down to the deepest layer that can be chosen, by key."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for number, name in enumerate(n for n in layer_names("vgg19") if n.startswith("conv")):
        block = int(name[4])
        width = 64 * 2 ** min(block - 1, 3)
        index = 2 * number + block - 1  # each convolution has a ReLU, each block a pooling
        shapes[f"features.{index}.weight"] = (width, channels, 3, 3)
        shapes[f"features.{index}.bias"] = (width,)
        channels = width
    return shapes


def _checked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of VGG-19 in float32.

    Raises:
        ValueError: one is missing, or has another shape, or values that are not finite.
    """
    weights = {key: tensors[key].float() for key in _shapes() if key in tensors}
    for key, shape in _shapes().items():
        if key not in weights or weights[key].shape != shape or not weights[key].isfinite().all():
            raise ValueError(f"{key} is not that of VGG-19")
    return weights


def _keep(weights: dict[str, Tensor], path: Path) -> None:
    """Write `weights` to `path`, where they are seen all at once or not at all."""
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(save(weights))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        logging.getLogger(__name__).warning(
            "The VGG-19 weights can't be kept in %s (%s) and will be fetched again: make the "
            "folder writable, or set TORCH_HOME to one that is.",
            path.parent,
            error.strerror,
        )
