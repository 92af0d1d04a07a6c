"""A prepared run: images are read once, checked in the order of cost, and planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nst_core import (
    ImageError,
    Recipe,
    Settings,
    SettingsError,
    load_image,
    load_mask,
    paint,
    prepare,
    stylize,
)
from nst_core.devices import resolve_precision
from nst_core.plan import make_plan
from nst_core.transfer import as_sources

SMALL = Settings(size=64, steps=2)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The sources that were decoded so far."""
    found: list[object] = []

    def watched(source: object, load: Callable = load_image) -> Image.Image:
        found.append(source)
        return load(source)

    for module in ("transfer", "regions"):
        monkeypatch.setattr(f"nst_core.{module}.load_image", watched)
    return found


def test_a_run_holds_clean_images_settings_and_plan(
    photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    photo = load_image(photo_path)
    mask_path = tmp_path / "mask.png"
    Image.linear_gradient("L").resize((90, 60)).save(mask_path)
    settings = Settings(size=300, init="image", region="style")
    transfer = prepare(
        photo_path,
        [painting_path, photo],
        settings,
        mask=mask_path,
        start=painting_path.open("rb"),
    )
    assert transfer.content.tobytes() == photo.tobytes()
    assert [x.size for x in transfer.styles] == [load_image(painting_path).size, photo.size]
    assert transfer.mask is not None
    assert transfer.mask.tobytes() == load_mask(mask_path, photo.size).tobytes()
    assert transfer.start is not None
    assert transfer.start.tobytes() == transfer.styles[0].tobytes()
    assert transfer.guided
    assert transfer.plan == make_plan(settings, photo.size, guided=True)
    assert transfer.work == sum(stage.work for stage in transfer.plan)
    assert transfer.settings == replace(settings, precision=resolve_precision("auto"))
    assert transfer.recipe() == Recipe.of(
        transfer.settings, transfer.content, transfer.styles, transfer.mask, transfer.start
    )


def test_every_image_is_decoded_once(
    photo_path: Path, painting_path: Path, tmp_path: Path, decoded: list[object]
) -> None:
    Image.new("L", (90, 60), "white").save(tmp_path / "mask.png")
    sources = photo_path, painting_path, tmp_path / "mask.png", photo_path
    settings = Settings(size=64, steps=1, init="image")
    transfer = prepare(*sources[:2], settings, mask=sources[2], start=sources[3])
    for _ in paint(transfer):
        pass
    assert sorted(map(str, decoded)) == sorted(map(str, sources))
    decoded.clear()
    prepare(photo_path, [photo_path], SMALL)
    assert decoded == [photo_path]


def test_cheap_checks_come_before_images_are_decoded(
    photo_path: Path, tmp_path: Path, decoded: list[object]
) -> None:
    missing = tmp_path / "none.png"
    with pytest.raises(SettingsError, match="1 to 4"):
        prepare(missing, [missing] * 5, SMALL)
    with pytest.raises(SettingsError, match="leave it out"):
        prepare(missing, missing, SMALL, start=missing)
    assert decoded == []
    with pytest.raises(SettingsError, match="memory_budget"):
        prepare(photo_path, missing, Settings(size=4096, memory_budget=1))
    assert decoded == [photo_path]
    with pytest.raises(ImageError, match=r"none\.png"):
        prepare(photo_path, missing, SMALL)


def test_a_mask_with_nothing_in_it_is_refused(photo: Image.Image) -> None:
    with pytest.raises(ImageError, match="nothing in it"):
        prepare(photo, photo, Settings(region="style"), mask=Image.new("L", photo.size))
    protected = prepare(photo, photo, SMALL, mask=Image.new("L", photo.size, "white"))
    assert protected.mask is not None
    assert not protected.guided


def test_each_of_two_regions_needs_a_style(photo: Image.Image) -> None:
    mask = Image.new("L", photo.size, "white")
    for mix in ("0,1", "0,1,0,1"):
        with pytest.raises(SettingsError, match="others have the weight 0"):
            prepare(photo, [photo] * 2, Settings(region="style", style_mix=mix), mask=mask)
    settings = Settings(region="style", style_mix="0,0,1")
    assert prepare(photo, [photo] * 3, settings, mask=mask).guided
    assert prepare(photo, [photo] * 2, Settings(style_mix="0,1"), mask=mask).mask is not None


def test_one_style_or_several() -> None:
    image = Image.new("RGB", (20, 20))
    for one in ("style.png", Path("style.png"), image):
        assert as_sources(one) == (one,)
    assert as_sources([image, "style.png"]) == (image, "style.png")


def test_painting_a_prepared_run_is_to_stylize(photo: Image.Image, painting: Image.Image) -> None:
    *_, painted = paint(prepare(photo, painting, SMALL))
    *_, stylized = stylize(photo, painting, SMALL)
    assert painted.image.tobytes() == stylized.image.tobytes()
    assert painted.losses == stylized.losses
