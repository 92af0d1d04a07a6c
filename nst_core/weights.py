"""Where the weights of the networks come from.

VGG-16 is bundled (its origin and licence are in NOTICE). VGG-19 was trained on ImageNet by
torchvision. It is taken from torchvision's cache or the Hugging Face Hub's, whichever has it; on
first use it is downloaded from the Hub, or from torchvision where the Hub does not answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .errors import WeightsError
from .layers import NETWORKS, convolutions

BUNDLED_VGG16 = Path(__file__).parent / "data" / "vgg16_features.safetensors"

# README's front matter names the same file, so that a Space downloads it when it is built.
HUB_REPOSITORY, HUB_FILE = "timm/vgg19.tv_in1k", "model.safetensors"
# Also known to torchvision, which takes 1.5 seconds to import.
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"

# Seconds until a server counts as unreachable.
PATIENCE = 10


def load_weights(network: str) -> dict[str, Tensor]:
    """Convolution weights by torchvision's keys (`features.0.weight`, ...), float32 on the CPU.

    Raises:
        WeightsError: the file is missing and can't be downloaded, or it is not of this network.
    """
    assert network in NETWORKS, network
    if network == "vgg16":
        return _load_file(BUNDLED_VGG16, network, "copy it from the repository again")
    if torchvision_path().exists():
        return _load_torchvision()
    try:
        path = _hub_path()
    except WeightsError:
        raise
    # The Hub's client raises errors of several libraries, and more with each release.
    except Exception as error:
        logging.getLogger(__name__).info("The Hub does not give VGG-19: %r", error)
        return _load_torchvision()
    return _load_file(path, network, "delete it, and it is downloaded again, or choose vgg16")


def torchvision_path() -> Path:
    """Where torchvision keeps its file of VGG-19: in torch's cache folder."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(TORCHVISION_URL).name


def _hub_path() -> Path:
    # Imported here, because VGG-16 does not need it.
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        is_offline_mode,
        try_to_load_from_cache,
    )

    cached = try_to_load_from_cache(HUB_REPOSITORY, HUB_FILE)
    if not isinstance(cached, str):
        if is_offline_mode():
            raise _missing("must not be downloaded while HF_HUB_OFFLINE is set")
        # This asks once. hf_hub_download asks a server that does not answer for seven minutes.
        get_hf_file_metadata(hf_hub_url(HUB_REPOSITORY, HUB_FILE), timeout=PATIENCE)
        cached = hf_hub_download(HUB_REPOSITORY, HUB_FILE)
    # The file itself, not the link to it: the message about a damaged file asks to delete it, and
    # where only the link is deleted, the Hub's client links the damaged file again.
    return Path(cached).resolve()


def _load_torchvision() -> dict[str, Tensor]:
    try:
        from torchvision.models import VGG19_Weights
    except Exception as error:  # torchvision for another release of torch raises RuntimeError
        raise WeightsError(
            "The VGG-19 weights can't be read, because torchvision can't be imported: install the "
            "torchvision that fits the installed torch, or choose vgg16."
        ) from error
    path = torchvision_path()
    try:
        if not path.exists():
            # torchvision's download waits for a server without limit. A refusal is an answer.
            with suppress(HTTPError):
                urlopen(Request(TORCHVISION_URL, method="HEAD"), timeout=PATIENCE).close()
        state = VGG19_Weights.IMAGENET1K_V1.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
        return _checked(state.__getitem__, "vgg19")
    # A pickle that is damaged can raise anything.
    except Exception as error:
        if path.exists():
            raise WeightsError(
                f"{path} does not hold the weights of vgg19: delete it, and it is downloaded "
                "again, or choose vgg16."
            ) from error
        raise _missing("can't be downloaded") from error


def _missing(reason: str) -> WeightsError:
    return WeightsError(
        f"The VGG-19 weights are not on this machine and {reason}: put {TORCHVISION_URL} into "
        f"{torchvision_path().parent}, or choose vgg16, which is built in."
    )


def _load_file(path: Path, network: str, remedy: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return _checked(file.get_tensor, network)
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{path} does not hold the weights of {network}: {remedy}.") from error


def _checked(read: Callable[[str], Tensor], network: str) -> dict[str, Tensor]:
    """The tensors that `read` gives by their keys, in float32, down to the deepest layer in use.

    Raises:
        ValueError: a tensor has another shape than in `network`, or values that are not finite.
    """
    weights: dict[str, Tensor] = {}
    for convolution in convolutions(network):
        for key, shape in convolution.shapes.items():
            weights[key] = read(key).float()
            if weights[key].shape != shape or not weights[key].isfinite().all():
                raise ValueError(f"{key} is not that of {network}")
    return weights
