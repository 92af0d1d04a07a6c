"""Masks: protected regions, and regions with a style of their own."""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps
from test_losses import in_float64, naive_features, random

from nst_core import ImageError, Settings, SettingsError, load_mask, preview, stylize
from nst_core.losses import Guide, gram_matrix
from nst_core.regions import soften
from nst_core.settings import DEFAULTS

SMALL = Settings(size=96, steps=6)


def ellipse(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse((width // 4, height // 4, width * 3 // 4, height), fill=255)
    return mask


def test_a_mask_is_brought_to_the_photos_size() -> None:
    mask = load_mask(ellipse((100, 75)), (400, 300))
    assert (mask.mode, mask.size) == ("L", (400, 300))
    with pytest.raises(ImageError, match="shape of the photo"):
        load_mask(ellipse((300, 400)), (400, 300))


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("L", 0), ("RGB", "black"), ("RGBA", "#fff0"), ("RGBA", "#0000"), ("I;16", 0), ("1", 0)],
)
def test_a_mask_with_nothing_in_it_is_refused(mode: str, colour: str | int) -> None:
    with pytest.raises(ImageError, match="nothing in it: paint the region white"):
        load_mask(Image.new(mode, (400, 300), colour), (400, 300))


def colours_of_labels(shape: Image.Image, background: str, *labels: str) -> Image.Image:
    """A picture of a label map, which has a label in each part of its shape, from left to right."""
    image = Image.new("RGB", shape.size, background)
    for number, label in enumerate(labels):
        part = Image.new("L", shape.size)
        box = (number * shape.width // len(labels), 0, shape.width, shape.height)
        part.paste(shape.crop(box), box)
        image.paste(Image.new("RGB", shape.size, label), (0, 0), part)
    return image


def one_colour_on_clear(shape: Image.Image, colour: str) -> Image.Image:
    image = Image.new("RGB", shape.size, colour)
    image.putalpha(shape)
    return image


MASKS = {
    "white on black": lambda shape: shape,
    "0 and 1": lambda shape: shape.point(lambda v: v // 255),
    "0, 7 and 21": lambda shape: Image.composite(
        Image.new("L", shape.size, 21), shape.point(lambda v: v // 255 * 7), ImageOps.flip(shape)
    ),
    "black on transparent": lambda shape: one_colour_on_clear(shape, "black"),
    "grey on transparent": lambda shape: one_colour_on_clear(shape, "#555"),
    "red on transparent": lambda shape: one_colour_on_clear(shape, "red"),
    "black and white on transparent": lambda shape: Image.merge(
        "RGBA",
        [*[shape] * 3, Image.linear_gradient("L").resize(shape.size).point([0, *[255] * 255])],
    ),
    "palette of a label map": lambda shape: colours_of_labels(
        shape, "black", "#800000", "#004080", "#404040", "#e0e0c0"
    ).quantize(8),
    "colours of a label map": lambda shape: colours_of_labels(
        shape, "black", "#008000", "#400000", "white"
    ),
    "label map without black": lambda shape: colours_of_labels(
        shape, "#440154", "#21918c", "#fde725"
    ),
    "red on white": lambda shape: colours_of_labels(shape, "white", "red"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_what_is_not_background_is_painted(kind: str) -> None:
    shape = ellipse((400, 300))
    made = MASKS[kind](shape)
    want = shape
    if kind == "0, 7 and 21":
        want = ImageChops.lighter(shape, ImageOps.flip(shape))
    assert load_mask(made, shape.size).tobytes() == want.tobytes()


def test_a_soft_mask_stays_soft() -> None:
    soft = ellipse((400, 300)).filter(ImageFilter.GaussianBlur(9))
    assert load_mask(soft, soft.size).tobytes() == soft.tobytes()
    assert load_mask(one_colour_on_clear(soft, "black"), soft.size).tobytes() == soft.tobytes()
    jpeg = BytesIO()
    soft.save(jpeg, "JPEG")
    assert abs(np.asarray(load_mask(jpeg, soft.size), int) - np.asarray(soft)).max() < 20


@pytest.mark.parametrize("size", [(96, 64), (451, 300), (3000, 2000)])
def test_a_protected_region_is_photo_inside_and_untouched_outside(size: tuple[int, int]) -> None:
    picture, photo = Image.new("RGB", size, (250, 10, 90)), Image.new("RGB", size, (20, 200, 100))
    mask = ellipse(size)
    found = np.asarray(Image.composite(photo, picture, soften(mask))).astype(int)
    region = np.asarray(mask) > 0
    assert (found[~region] == (250, 10, 90)).all()
    assert (found == (20, 200, 100)).all(axis=2).sum() > 0.7 * region.sum()
    edge = found[(found != (20, 200, 100)).any(axis=2) & region]
    assert len(np.unique(edge[:, 0])) > 2  # soft


def test_protecting_does_not_change_the_run(photo: Image.Image, painting: Image.Image) -> None:
    mask = ellipse(photo.size)
    *_, plain = stylize(photo, painting, SMALL)
    *_, masked = stylize(photo, painting, SMALL, mask=mask)
    assert masked.image.tobytes() == plain.image.tobytes()
    shown = np.asarray(preview(masked.image, photo, SMALL, mask)).astype(int)
    outside = np.asarray(mask.resize(plain.image.size)) == 0
    assert (shown[outside] == np.asarray(plain.image)[outside]).all()
    inside = np.asarray(mask.resize(plain.image.size).reduce(1)) == 255
    small = np.asarray(photo.resize(plain.image.size)).astype(int)
    core = inside & np.roll(inside, 3, 0) & np.roll(inside, -3, 0)
    core &= np.roll(inside, 3, 1) & np.roll(inside, -3, 1)
    assert abs(shown - small)[core].mean() <= 2


def test_guided_gram_matrix_is_the_sum_over_the_region() -> None:
    features, mask = random(1, 3, 8, 6), (random(1, 1, 8, 6, seed=1) > 0.5).double()
    inside = features[0, :, mask[0, 0] > 0]
    assert torch.allclose(gram_matrix(features, mask), inside @ inside.T)
    guide = Guide(mask)
    assert guide.at(1).shape == (1, 1, 4, 3)
    assert guide.share(1) == pytest.approx(mask.mean().item())


@pytest.mark.parametrize("in_strips", [False, True])
def test_two_regions_against_the_formula(in_strips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The style term of two regions agrees with sums over their positions, in float64."""
    monkeypatch.setattr("nst_core.strips.STRIP_PIXELS", 12 * 40)
    images = random(1, 3, 48, 40), random(1, 3, 40, 40, seed=1), random(1, 3, 32, 56, seed=2)
    image = random(1, 3, 48, 40, seed=3)
    mask = torch.zeros(1, 1, 48, 40, dtype=torch.float64)
    mask[..., :32, :24] = 1
    names = DEFAULTS.style_layers
    weights = dict(zip(names, (4.0, 2.0, 1.6, 0.2, 0.02), strict=True))
    found, *paintings = (naive_features(x, names) for x in (image, *images[1:]))
    total = 0.0
    for name in names:
        step = image.shape[2] // found[name].shape[2]
        region = mask[0, 0, ::step, ::step][: found[name].shape[2], : found[name].shape[3]] > 0
        if name == "relu5_1":  # its positions lie in both regions
            continue
        for inside, painting in ((~region, paintings[0]), (region, paintings[1])):
            positions = found[name][0][:, inside]
            gram = positions @ positions.T / positions.shape[1]
            paint = painting[name][0].flatten(1)
            target = paint @ paint.T / paint.shape[1]
            loss = (gram - target).square().mean() / target.square().mean()
            total += weights[name] * inside.double().mean().item() * loss.item()
    settings = Settings(style_layers=names[:4])
    terms, grad = in_float64(images, settings, mask, in_strips).evaluate(image)
    scale = 75 / sum(weights[name] for name in names[:4])
    assert terms["style"].item() == pytest.approx(scale * total, rel=1e-6)
    whole = in_float64(images, settings, mask).evaluate(image)[1]
    assert (grad - whole).norm() / whole.norm() < 1e-6


def test_each_region_goes_to_its_painting(photo: Image.Image, painting: Image.Image) -> None:
    light = painting.convert("L")
    red, blue = (ImageOps.colorize(light, "black", color) for color in ("red", "blue"))
    settings = Settings(size=96, steps=20, region="style")
    mask = Image.new("L", photo.size)
    mask.paste(255, (photo.width // 2, 0, photo.width, photo.height))
    *_, frame = stylize(photo, [red, blue], settings, mask=mask)
    x = np.asarray(frame.image).astype(float)
    left, right = x[:, : x.shape[1] // 3], x[:, -x.shape[1] // 3 :]
    assert left[..., 0].mean() > left[..., 2].mean() + 30
    assert right[..., 2].mean() > right[..., 0].mean() + 30
    with pytest.raises(SettingsError, match="second painting"):
        next(stylize(photo, red, settings, mask=mask))


def test_several_styles_are_blended_in_the_statistics() -> None:
    first, second, content = (random(1, 3, 32, 32, seed=k) for k in range(3))
    grams = []
    for styles, mix in (((first,), "1"), ((second,), "1"), ((first, second), "0.2,0.6")):
        objective = in_float64((content, *styles), Settings(style_mix=mix))
        grams.append(objective.full.style["relu3_1"][0].target)
    assert torch.allclose(grams[2], 0.25 * grams[0] + 0.75 * grams[1])
    images = [Image.new("RGB", (64, 64), "red")] * 3
    with pytest.raises(SettingsError, match="2 weights for 3"):
        next(stylize(images[0], images, Settings(style_mix="1,1")))
    with pytest.raises(SettingsError, match="1 to 4"):
        next(stylize(images[0], images * 2))
    with pytest.raises(SettingsError, match="weight 0"):
        next(stylize(images[0], images, Settings(style_mix="0,0,0,1")))


def test_a_sharp_mask_stays_within_0_to_1_at_the_second_scale() -> None:
    """Resizing a mask overshoots 0 and 1; the loss takes the root of a mask."""
    images = random(1, 3, 24, 400), random(1, 3, 24, 40, seed=1), random(1, 3, 24, 40, seed=2)
    mask = (torch.arange(400) % 50 < 20).double().expand(1, 1, 24, 400)
    terms, grad = in_float64(images, Settings(), mask).evaluate(images[0])
    assert math.isfinite(terms["total"].item())
    assert grad.isfinite().all()
