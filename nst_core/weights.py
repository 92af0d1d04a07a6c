"""Where the weights of the networks come from.

VGG-16 is bundled (its origin and licence are in NOTICE). VGG-19 is torchvision's ImageNet file,
read from torch's own cache folder and fetched into it when it is not there.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .errors import WeightsError
from .settings import NETWORKS

BUNDLED_VGG16 = Path(__file__).parent / "data" / "vgg16_features.safetensors"
VGG19_FILE = "vgg19-dcbb9e9d.pth"
VGG19_URL = f"https://download.pytorch.org/models/{VGG19_FILE}"


def load_weights(network: str) -> dict[str, Tensor]:
    """Convolution weights by torchvision's keys (`features.0.weight`, ...), float32 on the CPU.

    Raises:
        WeightsError: the file is missing and can't be fetched, or it is not a VGG of this kind.
    """
    if network == "vgg16":
        return {key: value.float() for key, value in load_file(BUNDLED_VGG16).items()}
    assert network in NETWORKS, network
    return _load_vgg19()


def vgg19_path() -> Path:
    """Where the VGG-19 file is looked for: the folder torch keeps downloaded models in."""
    return Path(torch.hub.get_dir()) / "checkpoints" / VGG19_FILE


def _load_vgg19() -> dict[str, Tensor]:
    path = vgg19_path()
    if not path.exists():
        _fetch_vgg19()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value.float() for key, value in state.items() if key.startswith("features.")}
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, AttributeError) as error:
        raise WeightsError(
            f"The VGG-19 weights in {path} can't be read: delete the file, or choose vgg16."
        ) from error


def _fetch_vgg19() -> None:
    try:
        # Imported only here: 1 s that nobody needs who does not need VGG-19.
        from torchvision.models import VGG19_Weights

        VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    # A torchvision built for another torch fails to import with a RuntimeError.
    except (ImportError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"The VGG-19 weights are not on this machine and can't be fetched: download "
            f"{VGG19_URL} to {vgg19_path()}, or choose vgg16, which is built in."
        ) from error
