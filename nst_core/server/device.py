"""What the device of this server is, for estimates and for the switch of the previews."""

from __future__ import annotations

import os
from functools import cache


def runs_on_zerogpu() -> bool:
    """Whether GPU functions run in forked processes; nothing may compute before a fork."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


@cache
def is_fast_device() -> bool:
    """Whether it is a GPU, or a CPU with bfloat16 matrix units: a preview takes less than 3 s."""
    if runs_on_zerogpu():
        return True
    from ..devices import best_device, multiplies_bfloat16  # not above: they import PyTorch

    device = best_device()
    return device != "cpu" or multiplies_bfloat16(device)


def shows_previews() -> bool:
    """Whether a page begins with its previews switched on.

    A GPU of ZeroGPU is lent for each run and counted: previews would use a visitor's minutes up.
    """
    return is_fast_device() and not runs_on_zerogpu()
