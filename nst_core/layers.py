"""The layers of VGG: names, places, channels and keys of the weights.

Simonyan and Zisserman 2014, table 1, columns D (VGG-16) and E (VGG-19). This is the one table of
the networks; no other module takes the name of a layer apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

# Convolutions in each of the five blocks. A pooling layer follows each block.
NETWORKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
DEEPEST_LAYER = "relu5_1"
CHANNELS = (64, 128, 256, 512, 512)


@dataclass(frozen=True)
class Convolution:
    """One convolution with its ReLU.

    Attributes:
        block, number: its place, both counted from 1, as in conv4_2.
        channels_in, channels: of the feature maps before and behind it.
        index: place of the convolution in torchvision's `features`.
    """

    block: int
    number: int
    channels_in: int
    channels: int
    index: int

    @property
    def conv(self) -> str:
        """Name of the feature maps before the ReLU, such as conv4_2."""
        return f"conv{self.block}_{self.number}"

    @property
    def relu(self) -> str:
        """Name of the feature maps behind the ReLU, such as relu4_2."""
        return f"relu{self.block}_{self.number}"

    @property
    def level(self) -> int:
        """How many times its feature maps have been halved."""
        return self.block - 1

    @property
    def weight_key(self) -> str:
        """Key of the kernels in torchvision's files."""
        return f"features.{self.index}.weight"

    @property
    def bias_key(self) -> str:
        """Key of the biases in torchvision's files."""
        return f"features.{self.index}.bias"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of kernels and biases, by their keys."""
        kernels = (self.channels, self.channels_in, 3, 3)
        return {self.weight_key: kernels, self.bias_key: (self.channels,)}


@lru_cache
def convolutions(network: str) -> tuple[Convolution, ...]:
    """The convolutions of `network` up to the deepest layer in use, shallow to deep."""
    found: list[Convolution] = []
    index, channels_in = 0, 3
    for block, depth in enumerate(NETWORKS[network], start=1):
        for number in range(1, depth + 1):
            found.append(Convolution(block, number, channels_in, CHANNELS[block - 1], index))
            if found[-1].relu == DEEPEST_LAYER:
                return tuple(found)
            channels_in = CHANNELS[block - 1]
            index += 2  # a convolution and its ReLU
        index += 1  # the pooling
    raise AssertionError(f"{network} has no {DEEPEST_LAYER}")


@lru_cache
def layer_names(network: str) -> tuple[str, ...]:
    """Names of the usable layers of `network`, shallow to deep: conv1_1, relu1_1, ... relu5_1."""
    return tuple(name for found in convolutions(network) for name in (found.conv, found.relu))


@lru_cache
def _by_name() -> dict[str, Convolution]:
    every = [found for network in NETWORKS for found in convolutions(network)]
    return {name: found for found in every for name in (found.conv, found.relu)}


def block_of(layer: str) -> int:
    """The block of a layer, from 1: 4 for relu4_2."""
    return _by_name()[layer].block


def level_of(layer: str) -> int:
    """How many times the feature maps of a layer have been halved: 3 for relu4_2."""
    return _by_name()[layer].level
