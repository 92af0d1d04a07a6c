"""Values of any depth as 8 bits: what black and what white is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError

Values = NDArray[Any]
# Rows at a time, so that a large picture takes little memory on top of its values.
ROWS = 64
# Floating-point values from 0 to 1 may go a little beyond 1, as after sharpening.
OVERSHOOT = 1.5


def to_eight_bit(values: Values, full: float) -> NDArray[np.uint8]:
    """Scale values of any shape from 0 to `full` to 0 to 255; what lies outside is clipped."""
    if values.dtype == np.uint8 and full == 255:
        return values
    result = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), ROWS):
        rows = values[top : top + ROWS].astype(np.float32)
        result[top : top + ROWS] = (rows * np.float32(255 / full) + 0.5).clip(0, 255)
    return result


def full_value(values: Values) -> float:
    """Return the value that is white, for numbers that may use only a part of their range.

    Unsigned numbers of 8 and 16 bits use all of it. Longer ones often hold values of fewer bits.

    Raises:
        ImageError: floating-point values are not finite, or of HDR that has no white.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "u" and size <= 2:
        return float(np.iinfo(values.dtype).max)
    high = float(values.max())
    if kind == "f":
        if not (np.isfinite(high) and np.isfinite(values.min())):  # NaN is passed on by both
            raise ImageError(
                "The image holds values that are not finite: save it as an 8-bit file."
            )
        if high <= OVERSHOOT:
            return 1.0
        _refuse_light(values, high)
    # Signed numbers have a bit less.
    bits = [8, 16, 24, 31 if kind == "i" else 32] if size > 2 or kind == "f" else [8 * size - 1]
    return next((2.0**n - 1 for n in bits if high <= 2.0**n - 1), high)


def _refuse_light(values: Values, high: float) -> None:
    """Refuse light of HDR, which has no upper end: most of it would come out black."""
    some = values[:: max(1, len(values) // 500)].astype(np.float32)
    if np.median(some) <= 1 and (some % 1).any():
        raise ImageError(
            f"The image holds light of HDR, with values up to {high:.4g} where 1 is white: save it "
            "as a file of 8 or 16 bits."
        )
