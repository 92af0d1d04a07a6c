"""Devices: which one a run takes, and which precision is fast there."""

from __future__ import annotations

from pathlib import Path

import torch

from .errors import SettingsError

CPU_FLAGS = Path("/proc/cpuinfo")


def best_device() -> str:
    """The fastest device of this machine: "cuda", "mps" or "cpu"."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_precision(precision: str, device: str | None = None) -> str:
    """Replace "auto" by "bfloat16" or "float32".

    The answer follows from what the device is, never from a timing: the same machine always
    answers the same, and a recipe holds the answer.

    Args:
        precision: the setting; what is not "auto" stays as it is.
        device: "cuda", "mps" or "cpu"; by default the best one of this machine.

    Raises:
        SettingsError: bfloat16 is asked for on a GPU that does not know it.
    """
    if precision == "float32":  # asks no device
        return precision
    device = device or best_device()
    fast = multiplies_bfloat16(device)
    if precision == "auto":
        return "bfloat16" if fast else "float32"
    if torch.device(device).type == "cuda" and not fast:
        raise SettingsError("This GPU has no bfloat16: set precision to auto or float32.")
    return precision


def multiplies_bfloat16(device: str) -> bool:
    """Whether a device has units that multiply matrices in bfloat16.

    These are the AMX units of Intel's processors from 2023 on (8 times as fast as float32 there),
    and the tensor cores of GPUs from compute capability 8.0 on. Of Apple's GPUs and other
    processors it is not known what bfloat16 gains: they compute in float32.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind == "cpu":
        return _processor_has_amx()
    return False


def _processor_has_amx() -> bool:
    """Ask PyTorch, or the Linux kernel where this PyTorch can't tell."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        return bool(capabilities().get("amx_bf16", False))
    try:
        return "amx_bf16" in CPU_FLAGS.read_text().split()
    except OSError:  # no Linux
        return False
