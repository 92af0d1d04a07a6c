"""Images: every kind of file becomes clean pixels, or is refused in a sentence."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from nst_core import ImageError, Settings, finish, load_image
from nst_core.images import contained, working_size
from nst_core.tensors import to_tensor
from tests.corpus import STORED, swapped_profile

ROOT = Path(__file__).parents[2]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TURNED = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
RED, BLUE = (220, 30, 20), (20, 40, 200)


def two_colours(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.quantize(8) if mode == "P" else image.convert(mode)


def assert_two_colours(image: Image.Image, tolerance: int = 12) -> None:
    pixels = image.convert("RGB")
    width, height = image.size
    for x, colour in ((width // 4, RED), (3 * width // 4, BLUE)):
        got = pixels.getpixel((x, height // 2))
        assert all(abs(a - b) <= tolerance for a, b in zip(got, colour, strict=True)), got


def saved(image: Image.Image, file_format: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "file_format", ["PNG", "JPEG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF", "MPO"]
)
def test_formats(file_format: str) -> None:
    image = load_image(saved(two_colours(), file_format))
    assert image.mode == "RGB"
    assert image.size == (48, 32)
    assert image.info == {}
    assert_two_colours(image)


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("P", "GIF"), ("RGBA", "PNG")],
)
def test_modes_with_colour(mode: str, file_format: str) -> None:
    image = load_image(saved(two_colours(mode), file_format))
    assert image.mode == "RGB"
    assert_two_colours(image, tolerance=20)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "I;16", "I", "F"])
def test_modes_of_grey(mode: str) -> None:
    grey = Image.new("L", (20, 20), 0)
    grey.paste(255, (10, 0, 20, 20))
    if mode == "I;16":
        image = Image.frombytes("I;16", grey.size, b"".join(bytes([v, v]) for v in grey.tobytes()))
    elif mode == "I":
        image = grey.convert("I").point(lambda v: v * 257 + 0)
    elif mode == "F":
        image = grey.convert("F").point(lambda v: v * (1 / 255) + 0)
    else:
        image = grey.convert(mode)
    loaded = load_image(saved(image, "TIFF" if mode in ("I", "F") else "PNG"))
    assert loaded.mode == "RGB"
    assert loaded.getpixel((5, 5)) == (0, 0, 0)
    assert loaded.getpixel((15, 5)) == (255, 255, 255)


def test_sixteen_bits_in_between() -> None:
    image = Image.frombytes("I;16", (20, 20), bytes([0x00, 0x80]) * 400)
    red, green, blue = load_image(saved(image, "PNG")).getpixel((0, 0))
    assert red == green == blue
    assert 127 <= red <= 128


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int) -> None:
    stored = two_colours()
    if orientation in STORED:
        stored = stored.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image(saved(stored, "JPEG", exif=exif, quality=95))
    assert loaded.size == (48, 32)
    assert_two_colours(loaded)


def test_location_does_not_reach_the_result(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "Secret camera"
    photo = load_image(saved(two_colours(), "JPEG", exif=exif, comment=b"secret"))
    finish(photo, photo, Settings()).save(tmp_path / "out.png")
    finish(photo, photo, Settings()).save(tmp_path / "out.jpg")
    for path in (tmp_path / "out.png", tmp_path / "out.jpg"):
        assert b"ecret" not in path.read_bytes()
        assert not dict(Image.open(path).getexif())


def test_profile_is_converted_to_srgb() -> None:
    """A profile with red and blue swapped turns a red image blue."""
    image = load_image(
        saved(Image.new("RGB", (20, 20), (255, 0, 0)), "PNG", icc_profile=swapped_profile())
    )
    red_value, _, blue_value = image.getpixel((5, 5))
    assert blue_value > 200
    assert red_value < 60
    assert image.info == {}


def test_broken_profile_and_exif_are_ignored() -> None:
    image = load_image(saved(two_colours(), "PNG", icc_profile=b"no profile", exif=b"Exif\0\0junk"))
    assert_two_colours(image)


def test_transparency_is_white_to_the_network_and_comes_back() -> None:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((*RED, 255), (20, 0, 40, 20))
    for file_format in ("PNG", "WEBP"):
        loaded = load_image(saved(image, file_format, lossless=True))
        assert loaded.mode == "RGBA"
        tensor = to_tensor(loaded, loaded.size)
        assert tensor[0, :, 10, 5].tolist() == [1, 1, 1]
        result = finish(Image.new("RGB", (20, 10), "green"), loaded, Settings())
        assert result.mode == "RGBA"
        assert result.size == (40, 20)
        assert result.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_palette_with_transparency() -> None:
    image = two_colours("P")
    loaded = load_image(saved(image, "GIF", transparency=image.getpixel((0, 0))))
    assert loaded.mode == "RGBA"
    assert loaded.getpixel((0, 0))[3] == 0


def test_first_frame_of_an_animation() -> None:
    first, second = two_colours(), Image.new("RGB", (48, 32), "white")
    for file_format in ("GIF", "WEBP", "PNG"):
        file = saved(first, file_format, save_all=True, append_images=[second])
        assert_two_colours(load_image(file), tolerance=20)


@pytest.mark.parametrize("data", [b"", b"text that says it is a picture", b"\x89PNG\r\n\x1a\n"])
def test_garbage_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"picture\.png"):
        load_image(path)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_cut_off_files_are_refused(file_format: str) -> None:
    whole = saved(Image.effect_noise((200, 200), 80).convert("RGB"), file_format).getvalue()
    with pytest.raises(ImageError, match=r"damaged or cut off|not an image"):
        load_image(io.BytesIO(whole[: len(whole) // 2]))


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageError, match="can't be opened"):
            load_image(path)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    bomb = saved(Image.new("1", (8000, 7000)), "PNG")
    assert len(bomb.getvalue()) < 20_000
    with pytest.raises(ImageError, match="8000 x 7000"):
        load_image(bomb)


def test_size_limits() -> None:
    assert load_image(Image.new("RGB", (16, 16))).size == (16, 16)
    with pytest.raises(ImageError, match="too small"):
        load_image(Image.new("RGB", (15, 400)))


def test_what_is_shown_keeps_its_shape_and_is_never_enlarged() -> None:
    small = Image.new("RGBA", (100, 50))
    assert contained(small, 100) is small
    assert contained(small, 64).size == (64, 32)
    assert contained(Image.new("RGB", (3000, 1000), "red"), 160).getpixel((80, 20)) == (255, 0, 0)


def test_working_size_scales_the_long_side_and_keeps_a_minimum() -> None:
    assert working_size((4000, 3000), 512) == (512, 384)
    assert working_size((30, 40), 512) == (384, 512)
    assert working_size((5000, 20), 512) == (512, 16)


MEASURED = """
import resource, sys
from nst_core import load_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
width, height = load_image(sys.argv[1]).size
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(peak * 1024 / (width * height))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in kilobytes")
@pytest.mark.parametrize(
    ("options", "most"), [({"icc_profile": SRGB}, 5), ({"exif": TURNED, "icc_profile": SRGB}, 9)]
)
def test_a_photo_is_decoded_in_place(tmp_path: Path, options: dict, most: float) -> None:
    """A pixel takes 4 bytes, and twice that where the photo is turned."""
    Image.linear_gradient("L").resize((4000, 3000)).convert("RGB").save(
        tmp_path / "photo.jpg", **options
    )
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "photo.jpg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < most
