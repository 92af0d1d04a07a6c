"""Small files that other programs of this kind get wrong, and what a browser shows of them.

`cases.json` has the colours of the left and of the right half. Where a file may be refused instead,
its entry says `error`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst_core import ImageError, load_image, load_mask
from tests.corpus import assert_sentence

FOLDER = Path(__file__).parent / "cases"
TABLE: dict[str, dict[str, Any]] = json.loads((FOLDER / "cases.json").read_text("utf-8"))
del TABLE["about"]
PICTURES = [name for name, case in TABLE.items() if "left" in case]


def test_every_case_is_there() -> None:
    assert {"cases.json", *TABLE} == {path.name for path in FOLDER.iterdir()}
    assert len(PICTURES) == 20


@pytest.mark.parametrize("name", PICTURES)
def test_a_case_looks_as_in_a_browser(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    case = TABLE[name]
    try:
        image = load_image(FOLDER / name)
    except ImageError as error:
        assert case.get("error")
        assert_sentence(str(error), f"{name} is a TIFF .*: save it as PNG")
    else:
        assert list(image.size) == case.get("size", [64, 48])
        for side, part in (("left", 0), ("right", 1)):
            if side in case:
                assert_colour(image, part, case[side], case.get("tolerance", 3))
    assert capfd.readouterr() == ("", "")  # libraries in C write there as well


@pytest.mark.parametrize("name", ["png_cicp_p3.png", "png_grey4_trns.png", "avif_p3_nclx.avif"])
def test_an_open_image_is_read_as_its_file_is(name: str) -> None:
    with Image.open(FOLDER / name) as image:
        found = load_image(image)
        assert image.tobytes() == Image.open(FOLDER / name).tobytes()  # it is the caller's
    assert found.tobytes() == load_image(FOLDER / name).tobytes()


def assert_colour(image: Image.Image, part: int, want: list[int], tolerance: int) -> None:
    """The mean of the left (0) or the right (1) half; its colour is free where nothing is there."""
    half = np.array_split(np.asarray(image.convert("RGBA"), float), 2, axis=1)[part]
    *colour, alpha = half.mean((0, 1))
    assert alpha == want[3]
    if alpha and min(want) >= 0:
        assert np.allclose(colour, want[:3], atol=tolerance), (colour, want)


def test_masks_of_the_table() -> None:
    for name, want in (
        ("mask_0_1.png", np.asarray(Image.open(FOLDER / "mask_0_1.png")) * 255),
        ("mask_black_on_clear.png", Image.open(FOLDER / "mask_black_on_clear.png").getchannel("A")),
    ):
        mask = np.asarray(load_mask(FOLDER / name, (451, 300)))
        assert 0.1 < (mask == 255).mean() < 0.9
        assert (mask == np.asarray(want)).all()
