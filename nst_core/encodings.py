"""From code values to sRGB: primaries, transfer curves, and the toning of HDR.

A PNG with cICP, or a file without an ICC profile, says how to read its values by numbers of ITU-T
H.273 (cICP in PNG, nclx in AVIF and HEIF) or by gamma and chromaticities (gAMA and cHRM in PNG).
HDR becomes what Chromium shows of it on an ordinary screen: the reference white tone mapping of
SMPTE ST 2094-50.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Curve = Callable[[Floats], Floats]
# x and y of white, red, green and blue, in the order of cHRM.
Chromaticities = tuple[float, ...]

_D65, _C = (0.3127, 0.329), (0.31, 0.316)
# The primaries by their number in H.273.
PRIMARIES: dict[int, Chromaticities] = {
    1: (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1, 0, 0, 1, 0, 0),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*_D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
SRGB_PRIMARIES, BT2020_PRIMARIES = PRIMARIES[1], PRIMARIES[9]
# Adaptation to another white in the Bradford cone space, as ICC profiles do it.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_BT2020_LUMINANCE = np.array([0.2627, 0.678, 0.0593], np.float32)

# The light of HDR is counted in whites of an ordinary picture. Without a word in the file, the
# brightest light of HDR is `PEAK`; both in nits (candela a square metre).
WHITE, PEAK = 203.0, 1000.0
# How round the knee of the tone curve is: `kappa` in SMPTE ST 2094-50.
ROUNDNESS = 0.65

# Rows at a time, so that a large photo takes little memory on top of its pixels.
ROWS = 64


def _power(exponent: float) -> Curve:
    return lambda v: v**exponent


def _broken(low: float, slope: float, offset: float, exponent: float) -> Curve:
    """A line of `slope` below the value `low`, and a power of the value above it."""
    return lambda v: np.where(v < low, v / slope, ((v + offset) / (1 + offset)) ** exponent)


def _pq(v: Floats) -> Floats:
    """Perceptual quantizer, SMPTE ST 2084, in whites."""
    power = v ** (32 / 2523)
    light = np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)
    whites: Floats = light ** np.float32(16384 / 2610) * np.float32(10_000 / WHITE)
    return whites


def _hlg(v: Floats) -> Floats:
    """Hybrid log-gamma, ITU-R BT.2100: the light of the scene, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(v <= 0.5, v * v / 3, (np.exp((v - c) / a) + b) / 12)


_SRGB = _broken(0.04045, 12.92, 0.055, 2.4)
PQ, HLG = 16, 18
# The transfer curves, from code value to light, by their number in H.273.
CURVES: dict[int, Curve] = {
    # Television: browsers take the curve of the screen, BT.1886, and not that of the camera.
    **dict.fromkeys((1, 6, 11, 14, 15), _power(2.4)),
    4: _power(2.2),
    5: _power(2.8),
    7: _broken(0.0913, 4, 0.1115, 1 / 0.45),
    8: _power(1.0),
    **dict.fromkeys((12, 13), _SRGB),
    PQ: _pq,
    17: lambda v: v**2.6 * (52.37 / 48),
    HLG: _hlg,
}


@dataclass(frozen=True)
class Encoding:
    """How light becomes code values.

    Attributes:
        primaries: chromaticities of white, red, green and blue.
        curve: from code values (0 to 1) to light.
        transfer: the number of the curve in H.273, if it has one.
        peak: nits of the brightest light of HDR.
    """

    primaries: Chromaticities
    curve: Curve
    transfer: int = 0
    peak: float = PEAK


SRGB = Encoding(SRGB_PRIMARIES, _SRGB, 13)


def encoding_of_numbers(primaries: int, transfer: int, peak: float = PEAK) -> Encoding | None:
    """Return the encoding with these numbers in H.273; None if one of them is unknown."""
    if primaries not in PRIMARIES or transfer not in CURVES:
        return None
    return Encoding(PRIMARIES[primaries], CURVES[transfer], transfer, peak)


def encoding_of_gamma(gamma: float, primaries: Chromaticities | None) -> Encoding | None:
    """Return the encoding that gAMA and cHRM of a PNG describe; None if they make no sense."""
    if not 0 < gamma < math.inf:
        return None
    if primaries is None:
        # 0.45455 stands for sRGB where the file says nothing else.
        return SRGB if abs(gamma - 1 / 2.2) < 1e-3 else Encoding(SRGB_PRIMARIES, _power(1 / gamma))
    try:
        np.linalg.inv(_to_xyz(primaries))
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):
        return None
    return Encoding(primaries, _power(1 / gamma))


def to_srgb_from(image: Image.Image, encoding: Encoding) -> Image.Image:
    """Convert an image in mode RGB to sRGB; colours outside of sRGB are cut to what it has."""
    if encoding == SRGB:
        return image
    # A table of all 256 values, and one from light to code that is fine enough for dark tones.
    light_of = encoding.curve(np.linspace(0, 1, 256, dtype=np.float32)).astype(np.float32)
    codes = _codes()
    matrix = _matrix(encoding.primaries, SRGB_PRIMARIES)
    result = Image.new("RGB", image.size)
    for top in range(0, image.height, ROWS):
        box = (0, top, image.width, min(top + ROWS, image.height))
        light = _toned(light_of[np.asarray(image.crop(box))], encoding) @ matrix.T
        places = (light.clip(0, 1) * (len(codes) - 1) + 0.5).astype(np.uint16)
        result.paste(Image.fromarray(codes[places]), box)
    return result


def _toned(light: Floats, encoding: Encoding) -> Floats:
    """Bring light (H, W, 3) of HDR to the range of an ordinary screen, 0 to 1."""
    if encoding.transfer not in (PQ, HLG):
        return light
    to_bt2020 = _matrix(encoding.primaries, BT2020_PRIMARIES)
    light = light @ to_bt2020.T
    if encoding.transfer == HLG:
        # BT.2100: from the scene to a screen of 1000 nits, by the power 1.2 of the luminance.
        luminance = np.maximum(light @ _BT2020_LUMINANCE, 1e-9)[..., None]
        light = light * luminance ** np.float32(0.2) * np.float32(PEAK / WHITE)
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-9)
    light = light * (_tone(brightest, encoding.peak / WHITE) / brightest)
    toned: Floats = light @ np.linalg.inv(to_bt2020).T.astype(np.float32)
    return toned


def _tone(light: Floats, peak: float) -> Floats:
    """The tone curve: a line up to white, then a Bezier curve to `peak`, which becomes 1."""
    if peak <= 1:
        return light
    white = 1 - 0.5 * min(math.log2(peak) / math.log2(PEAK / WHITE), 1)
    x = 1 - ROUNDNESS + ROUNDNESS / white
    y = (1 - ROUNDNESS) * white + ROUNDNESS
    beyond = light.clip(1, peak) - 1
    a, b = 1 - 2 * x + peak, 2 * (x - 1)
    t = 2 * beyond / (b + np.sqrt(b * b + 4 * a * beyond))
    curve = (1 - t) ** 2 * white + 2 * t * (1 - t) * y + t * t
    return np.where(light <= 1, light * np.float32(white), curve).astype(np.float32)


def _codes() -> NDArray[np.uint8]:
    """The 8-bit sRGB code of light in 65536 steps from 0 to 1."""
    light = np.linspace(0, 1, 2**16)
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(values * 255).astype(np.uint8)


def _to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ, with a white of luminance 1.

    Raises:
        ValueError, ZeroDivisionError, LinAlgError: there is no such matrix.
    """
    points = np.array([(x, y, 1 - x - y) for x, y in zip(*[iter(primaries)] * 2, strict=True)])
    if not (points[0] > 0).all():
        raise ValueError("There is no such white.")
    white, columns = points[0] / points[0][1], points[1:].T
    if abs(np.linalg.det(columns)) < 1e-4:
        raise ValueError("The primaries lie on a line.")
    matrix: NDArray[np.float64] = columns * np.linalg.solve(columns, white)
    return matrix


def _matrix(source: Chromaticities, target: Chromaticities) -> Floats:
    """The matrix from linear RGB of one kind to that of another; white stays white."""
    whites = (x[:2] for x in (source, target))
    cones = [_BRADFORD @ (x / y, 1, (1 - x - y) / y) for x, y in whites]
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD
    matrix: Floats = (np.linalg.inv(_to_xyz(target)) @ adapt @ _to_xyz(source)).astype(np.float32)
    return matrix
