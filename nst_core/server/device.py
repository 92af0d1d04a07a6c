"""What the device of this machine can do, for what the page offers by itself."""

from __future__ import annotations

import os
from functools import cache


def runs_on_zerogpu() -> bool:
    """Whether GPU functions run in forked processes; nothing may compute before a fork."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


@cache
def is_fast_device() -> bool:
    """Whether a preview takes less than about 3 s: on a GPU, or with bfloat16 matrix units.

    A GPU of ZeroGPU is lent for each run and counted: previews would use a visitor's minutes up.
    """
    if runs_on_zerogpu():
        return False
    from ..devices import best_device, multiplies_bfloat16  # not above: they import PyTorch

    device = best_device()
    return device != "cpu" or multiplies_bfloat16(device)
