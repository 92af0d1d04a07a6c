"""The running app, driven over its API by gradio_client."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import av
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageChops, ImageOps

from nst_core.images import working_size
from nst_core.settings import DEFAULTS, OPTIONS
from nst_core.sweep import CAPTION_HEIGHT, GAP

ROOT = Path(__file__).parents[2]
ENDPOINT = "/stylize"


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False)


def inputs(content: Path, style: Path, **settings: object) -> dict:
    return {"content": handle_file(content), "style": handle_file(style), **settings}


def test_streams_previews_and_ends_with_a_png_of_the_photos_size(
    client: Client, photo_path: Path, painting_path: Path
) -> None:
    job = client.submit(**inputs(photo_path, painting_path, size=64, steps=30), api_name=ENDPOINT)
    result = Path(job.result(timeout=120))
    looks = [Path(path) for path in job.outputs()]
    assert len({path.read_bytes() for path in looks}) >= 5
    assert all(path.suffix == ".jpg" for path in looks[:-1])
    original = Image.open(photo_path)
    assert {Image.open(path).size for path in looks} == {original.size}
    picture = Image.open(result)
    assert picture.format == "PNG"
    assert picture.size == original.size
    assert not picture.getexif()


FILES = ["content", "style", "style_2", "style_3", "style_4", "mask", "start"]


def test_settings_have_their_names_and_defaults(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == [ENDPOINT, "/timelapse", "/sweep", "/recipe"]
    for endpoint, more in ((ENDPOINT, []), ("/timelapse", ["kind"]), ("/sweep", [])):
        parameters = {p["parameter_name"]: p for p in endpoints[endpoint]["parameters"]}
        assert list(parameters) == [*FILES, *more, *OPTIONS]
        for name, option in OPTIONS.items():
            default = getattr(DEFAULTS, name)
            given = parameters[name]["parameter_default"]
            assert option.check(name, given) == default
        kinds = {name: p["python_type"]["type"] for name, p in parameters.items()}
        assert {kinds[name] for name in FILES} == {"filepath"}
        assert kinds["steps"] == "int"
        assert kinds["pooling"] == "Literal['max', 'avg']"
        required = [name for name, p in parameters.items() if not p["parameter_has_default"]]
        assert required == ["content", "style"]
        assert len(endpoints[endpoint]["returns"]) == 1


def test_several_styles_mask_and_start_image(
    client: Client, photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    photo = Image.open(photo_path)
    mask = Image.new("L", photo.size)
    mask.paste(255, (0, 0, photo.width // 2, photo.height))
    mask.save(tmp_path / "mask.png")
    files = {
        "style_2": handle_file(ROOT / "examples" / "styles" / "mosaic.jpg"),
        "mask": handle_file(tmp_path / "mask.png"),
        "start": handle_file(painting_path),
    }
    result = client.predict(
        **inputs(photo_path, painting_path, size=64, steps=3, init="image", style_mix="1,0.5"),
        **files,
        api_name=ENDPOINT,
    )
    recipe = client.predict(handle_file(result), api_name="/recipe")
    assert recipe["settings"]["style_mix"] == [1, 0.5]
    assert len(recipe["inputs"]["styles"]) == 2
    assert recipe["inputs"]["mask"]
    assert recipe["inputs"]["start"]
    left, right = (
        ImageChops.difference(Image.open(result).crop(box), photo.crop(box)).getextrema()
        for box in ((0, 0, 200, 300), (260, 0, 451, 300))
    )
    assert max(high for _, high in left) <= 2  # protected
    assert max(high for _, high in right) > 40
    with pytest.raises(AppError, match="second painting"):
        client.predict(
            **inputs(photo_path, painting_path, size=64, region="style"),
            mask=files["mask"],
            api_name=ENDPOINT,
        )


def test_a_film_is_mp4(client: Client, photo_path: Path, painting_path: Path) -> None:
    path = client.predict(
        **inputs(photo_path, painting_path, size=64, steps=6), api_name="/timelapse"
    )
    assert Path(path).suffix == ".mp4"
    with av.open(path) as video:
        pictures = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
    photo = ImageOps.grayscale(Image.open(photo_path)).resize(pictures[0].shape[::-1])
    # It begins with the photo, and moves away from it.
    distances = [np.abs(picture - np.asarray(photo, float)).mean() for picture in pictures]
    assert distances[0] < 5
    assert distances[-1] > 2 * distances[0]


def test_a_film_may_be_webp(client: Client, photo_path: Path, painting_path: Path) -> None:
    values = inputs(photo_path, painting_path, size=64, steps=6)
    with Image.open(client.predict(**values, kind="webp", api_name="/timelapse")) as film:
        assert (film.format, film.width) == ("WEBP", 400)
        assert film.n_frames > 1


@pytest.mark.usefixtures("tiny_tiles")
def test_a_sweep_is_one_picture_of_nine(
    client: Client, photo_path: Path, painting_path: Path
) -> None:
    path = client.predict(**inputs(photo_path, painting_path), api_name="/sweep")
    picture = Image.open(path)
    width, height = working_size(Image.open(photo_path).size, import_module("nst_core.sweep").SIZE)
    across, down = width + GAP, height + CAPTION_HEIGHT + GAP
    assert picture.size == (3 * across + GAP, 3 * down + GAP)
    corners = [(GAP + column * across, GAP + row * down) for row in range(3) for column in range(3)]
    tiles = {picture.crop((x, y, x + width, y + height)).tobytes() for x, y in corners}
    assert len(tiles) == 9


def test_bad_extras_are_one_sentence(client: Client, photo_path: Path, painting_path: Path) -> None:
    good = inputs(photo_path, painting_path, size=64, steps=1)
    with pytest.raises(AppError, match=r"recipe|PNG"):
        client.predict(handle_file(photo_path), api_name="/recipe")
    for word, endpoint, extra in (
        ("kind", "/timelapse", {"kind": "gif"}),
        ("start from", ENDPOINT, {"start": handle_file(photo_path)}),
        ("style_mix", ENDPOINT, {"style_mix": "0"}),
        ("no style_2, .* in order", ENDPOINT, {"style_3": handle_file(painting_path)}),
    ):
        with pytest.raises(AppError, match=word) as caught:
            client.predict(**good, **extra, api_name=endpoint)
        assert "Traceback" not in str(caught.value)


def test_a_transparent_photo_gives_a_transparent_result(
    client: Client, painting_path: Path, tmp_path: Path
) -> None:
    photo = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    photo.paste((250, 120, 10, 255), (30, 0, 60, 40))
    photo.save(tmp_path / "photo.png")
    result = client.predict(
        **inputs(tmp_path / "photo.png", painting_path, size=64, steps=2), api_name=ENDPOINT
    )
    assert Image.open(result).getchannel("A").tobytes() == photo.getchannel("A").tobytes()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"content": 7}, "content is not a file"),
        ({"style_3": {"a": 1}}, "style_3 is not a file"),
        ({"mask": ["x"]}, "mask is not a file"),
        ({"size": None}, "size must be a number"),
        ({"steps": {"a": 1}}, "steps must be a number"),
        ({"full_detail": 7}, "full_detail must be on or off"),
        ({"size": 9}, "size"),
        ({"steps": "many"}, "steps"),
        ({"style_weight": -1}, "style_weight"),
        ({"pooling": "sum"}, "pooling"),
        ({"style_layers": ["relu9_1"]}, "style_layers"),
        ({"seed": 1.5}, "seed"),
        ({"content_weight": 0, "style_weight": 0}, "both 0"),
    ],
)
def test_bad_settings_are_answered_in_one_sentence(
    client: Client, photo_path: Path, painting_path: Path, settings: dict, word: str
) -> None:
    with pytest.raises(AppError, match=word) as caught:
        client.predict(**inputs(photo_path, painting_path) | settings, api_name=ENDPOINT)
    assert str(caught.value).endswith(".")
    assert "Traceback" not in str(caught.value)


def test_bad_images_are_answered_in_one_sentence(
    client: Client, painting_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "holiday.png"
    text.write_text("not a picture")
    with pytest.raises(AppError, match=r"holiday\.png is not an image"):
        client.predict(**inputs(text, painting_path), api_name=ENDPOINT)
    markup = tmp_path / "<b>bold.png"
    markup.write_text("not a picture")
    with pytest.raises(AppError) as caught:
        client.predict(**inputs(markup, painting_path), api_name=ENDPOINT)
    assert "<b>" not in str(caught.value)
    with pytest.raises(AppError, match="no photo"):
        client.predict(content=None, style=handle_file(painting_path), api_name=ENDPOINT)
    assert "Traceback" not in capfd.readouterr().err


def test_two_users_get_their_own_pictures(server: str, painting_path: Path, tmp_path: Path) -> None:
    def run(shade: int) -> Image.Image:
        photo = tmp_path / f"{shade}.png"
        Image.new("RGB", (40 + shade, 50), (shade, shade, shade)).save(photo)
        values = inputs(photo, painting_path, size=64, steps=4, style_weight=0, tv_weight=0)
        path = Client(server, verbose=False).predict(**values, api_name=ENDPOINT)
        return Image.open(path).convert("RGB")

    shades = (20, 220)
    with ThreadPoolExecutor(len(shades)) as pool:
        for shade, picture in zip(shades, pool.map(run, shades), strict=True):
            assert picture.size == (40 + shade, 50)
            assert abs(picture.getpixel((20, 25))[0] - shade) <= 2


def test_a_client_that_leaves_frees_the_device(
    server: str, client: Client, photo_path: Path, painting_path: Path
) -> None:
    leaver = Client(server, verbose=False)
    job = leaver.submit(
        **inputs(photo_path, painting_path, size=256, steps=2000), api_name=ENDPOINT
    )
    while not job.outputs():
        time.sleep(0.1)
    job.cancel()
    start = time.monotonic()
    client.predict(**inputs(photo_path, painting_path, size=64, steps=1), api_name=ENDPOINT)
    assert time.monotonic() - start < 20  # 2,000 steps would be minutes


def test_every_example_is_complete() -> None:
    table = json.loads((ROOT / "examples" / "examples.json").read_text(encoding="utf-8"))
    assert len(table["pairs"]) >= 16
    assert "great-wave-cat" in {pair["id"] for pair in table["pairs"]}
    for kind in ("contents", "styles"):
        for name, entry in table[kind].items():
            assert entry["name"]
            assert entry["credit"]
            assert (ROOT / "examples" / kind / f"{name}.jpg").stat().st_size <= 450_000
            small = ROOT / "examples" / "strips" / kind / f"{name}.jpg"
            assert small.stat().st_size <= 10_000
    for pair in table["pairs"]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", pair["id"])
        assert pair["content"] in table["contents"]
        assert pair["style"] in table["styles"]
        result = ROOT / "examples" / "results" / f"{pair['content']}-{pair['style']}.jpg"
        thumbnail = ROOT / "examples" / "thumbnails" / result.name
        assert thumbnail.stat().st_size <= 30_000
        content = ROOT / "examples" / "contents" / f"{pair['content']}.jpg"
        assert result.stat().st_size <= 300_000
        width, height = Image.open(content).size
        assert abs(Image.open(result).width * height / width - Image.open(result).height) <= 1
    used = {f"{pair['content']}-{pair['style']}.jpg" for pair in table["pairs"]}
    assert {path.name for path in (ROOT / "examples" / "results").iterdir()} == used
