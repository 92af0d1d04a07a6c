"""What the device of this machine can do, for what the page offers by itself."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

CPU_FLAGS = Path("/proc/cpuinfo")


@cache
def is_fast_device() -> bool:
    """Whether a preview takes less than about 3 s: on a GPU, or with bfloat16 matrix units.

    A GPU of ZeroGPU is lent for each run and counted: previews would use a visitor's minutes up.
    """
    if os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true"):
        return False
    from ..optimize import best_device  # not above: PyTorch is imported when it is needed

    if best_device() != "cpu":
        return True
    return CPU_FLAGS.exists() and "amx_bf16" in CPU_FLAGS.read_text(encoding="utf-8")
