"""The corpus through the core, the command line and the API of a real server."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from nst_core import (
    ImageError,
    Settings,
    SettingsError,
    StyleTransferError,
    finish,
    load_image,
    load_mask,
    stylize,
)
from nst_core.__main__ import main
from nst_core.presets import find_preset
from nst_core.server.jobs import Job, open_job
from nst_core.server.limits import Limits
from tests.corpus import (
    BLUE,
    RED,
    SETTINGS,
    SIZE,
    Case,
    assert_sentence,
    base,
    cases,
    cut_off,
    looks,
    noise,
)
from tests.serving import ROOT, Server, running_server

CASES = cases()
PICTURES = [case for case in CASES if case.picture]
REFUSED = [case for case in CASES if case.sentence]
BOMBS = [case for case in REFUSED if case.name.startswith("bomb")]
BY_NAME = {case.name: case for case in CASES}
# One of each kind, for ways in that take longer.
SOME_PICTURES = [
    *("jpeg_inside.png", "16x1600.png", "animated.gif", "cmyk.jpg", "16_bit_rgb.png", "1_bit.png"),
    *("palette_clear.png", "orientation_6.jpg", "exif_junk.jpeg", "icc_junk.png", "noise.png"),
]
SOME_REFUSED = [
    *("empty.png", "text.png", "bad_sum.png", "1x5000.png", "5000x16.png", "bomb_60.png"),
    *("bomb_tile.tif", "bomb_scans.jpg", "infinite.tif", "<img src=x onerror=alert(1)>.png"),
]
# A run that gives the photo back: so the picture that comes out can be told right from wrong.
BACK = {"size": 64, "steps": 1, "strength": 0, "full_detail": False}
API = "/gradio_api"

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    # `pytest` sets aside what the package does about these; a real process below shows it.
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.name)[:40])
each_picture = pytest.mark.parametrize("case", PICTURES, ids=lambda case: case.name)
some_pictures = pytest.mark.parametrize("name", SOME_PICTURES)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="session")
def good(files: Path) -> Path:
    """Nothing is wrong with this one."""
    return BY_NAME["plain.png"].write(files)


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in [*CASES, *cut_off()]}) == len(CASES) + len(cut_off())
    assert BY_NAME["bomb_60.png"].make().__sizeof__() < 20_000
    assert all(bool(case.picture) != bool(case.sentence) for case in CASES)


# The core.


def through_core(case: Case, files: Path) -> Image.Image | None:
    path = case.write(files)
    if case.picture:
        image = load_image(path)
        case.picture(image)
        assert image.mode in ("RGB", "RGBA")
        assert not image.info
        return image
    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert_sentence(str(caught.value), case.sentence)
    return None


@each_case
def test_core(case: Case, files: Path) -> None:
    through_core(case, files)


@pytest.mark.parametrize("ending", ["png", "jpeg", "webp", "avif", "heif", "gif", "bmp", "tiff"])
def test_core_cut_off(ending: str, files: Path) -> None:
    found = [case for case in cut_off() if case.name.endswith(ending)]
    assert len(found) >= 8
    for case in found:
        through_core(case, files)


@pytest.mark.full
@each_picture
def test_core_paints(case: Case, files: Path) -> None:
    """As photo and as painting."""
    image = through_core(case, files)
    settings = Settings(size=64, steps=1)
    *_, frame = stylize(image, [noise(64), image], settings)
    assert all(map(math.isfinite, frame.losses.values()))
    result = finish(frame.image, image, settings)
    assert (result.size, result.mode) == (image.size, image.mode)


def test_an_open_image_is_taken_or_refused_as_a_file_is(files: Path) -> None:
    noisy = [case for case in cut_off() if case.name.endswith("jpeg")][-1]
    with Image.open(noisy.write(files)) as image, pytest.raises(ImageError) as caught:
        load_image(image)
    assert_sentence(str(caught.value), "damaged")
    image = Image.new("I", SIZE, 40_000)
    image.info["transparency"] = 40_000
    load_image(image)
    assert image.info == {"transparency": 40_000}  # it is the caller's


def test_masks_and_start_images_are_refused_as_photos_are(files: Path) -> None:
    for name in SOME_REFUSED:
        with pytest.raises(ImageError) as caught:
            load_mask(BY_NAME[name].write(files), SIZE)
        assert_sentence(str(caught.value), BY_NAME[name].sentence)
    with pytest.raises(ImageError, match="shape of the photo"):
        load_mask(BY_NAME["16x1600.png"].write(files), SIZE)


PLAIN = {
    "black": Image.new("RGB", SIZE),
    "white": Image.new("RGB", SIZE, "white"),
    "noise": noise(64),
    "two colours": base(size=(96, 64)),
}


FLAT_PAIRS = [("black", "white"), ("white", "noise"), ("noise", "black")]
SAME = [(name, name) for name in PLAIN]


@pytest.mark.parametrize(
    ("content", "style", "more"),
    [
        *((*pair, {}) for pair in [*SAME, *FLAT_PAIRS, ("two colours", "white")]),
        *((*pair, {"weighting": "classic"}) for pair in FLAT_PAIRS),
        *((*pair, {"color": "match"}) for pair in FLAT_PAIRS),
    ],
    ids=str,
)
def test_black_white_and_noise_give_a_picture(content: str, style: str, more: dict) -> None:
    """Flat images have no variance and no strokes: nothing may be divided by that."""
    photo, painting = PLAIN[content], PLAIN[style]
    settings = Settings(size=64, steps=5, **more)
    *_, frame = stylize(photo, painting, settings)
    assert all(map(math.isfinite, [*frame.losses.values(), *frame.layers.values()]))
    before, after = (
        np.asarray(x, np.float32) for x in (photo, finish(frame.image, photo, settings))
    )
    assert after.shape == before.shape
    if content in ("noise", "two colours"):  # what was there is not lost
        assert after.std() > 0.4 * before.std()
    if content == style and more != {"weighting": "classic"}:  # the same image twice
        assert abs(after - before).mean() < 25
    if style == "noise" and not more:  # paint has arrived on what was blank
        assert after.std() > 10


def test_extreme_shapes_cost_no_more_than_others() -> None:
    *_, frame = stylize(noise(160).resize((16, 1600)), noise(64), Settings(size=256, steps=2))
    assert frame.image.size == (16, 256)
    assert all(stage.width == 16 for stage in frame.plan)


# Settings.


@pytest.mark.parametrize(("name", "value", "words"), SETTINGS, ids=lambda x: ascii(x)[:30])
def test_settings_in_the_core(name: str, value: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_values({name: value})
    assert_sentence(str(caught.value), words)


@pytest.mark.parametrize("preset", ["", "balanced", "\n", "x" * 900, [], {}, 5, ("Balanced",)])
def test_unknown_presets(preset: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        find_preset(preset)
    assert_sentence(str(caught.value), "no preset .* choose one of Balanced")


def test_what_has_no_short_name_is_not_spelled_out() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (10**5000, -(10**5000), deep):
        for name in ("size", "pooling", "full_detail", "style_mix", "style_layers"):
            with pytest.raises(SettingsError) as caught:
                Settings.from_values({name: value})
            assert_sentence(str(caught.value), f"{name} .*(int|list|layer|1 to 4|number)")
    while deep:  # one by one: Python counts on freeing lists in lists
        deep = deep[0]


def test_numbers_as_people_type_them() -> None:
    for value in (512, 512.0, " 512 ", "512", "5.12e2", "٥١٢"):
        assert Settings(size=value).size == 512


# The command line: its own `main`, and for some cases a process.

Line = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Line:
    """`python -m nst_core` with these arguments and an output: exit code, and what is said."""

    def run(*arguments: object, out: Path = tmp_path / "out.png") -> tuple[int, str]:
        given = [*map(str, arguments), "-o", str(out)]
        monkeypatch.setattr(sys, "argv", ["nst_core", *given])
        try:
            code = main()
        except SystemExit as error:
            code = error.code
        said = capfd.readouterr()
        assert said.out == ""
        return code, said.err

    return run


def options(settings: dict[str, object]) -> list[str]:
    text = {name: str(x).lower() for name, x in settings.items()}
    return [f"--{name.replace('_', '-')}={value}" for name, value in text.items()]


def assert_refused(answer: tuple[int, str], words: str) -> None:
    code, said = answer
    assert code == 2, said
    assert said.endswith("\n")
    assert_sentence(said[:-1], words)


def through_command(case: Case, files: Path, good: Path, tmp_path: Path, command: Line) -> None:
    path = case.write(files)
    answer = command(path, good, *options(BACK))
    if case.picture:
        assert answer == (0, "")
        case.picture(Image.open(tmp_path / "out.png"))
    else:
        assert_refused(answer, case.sentence)
        assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: ascii(case.name)[:40])
def test_command_line_refuses(
    case: Case, files: Path, good: Path, tmp_path: Path, command: Line
) -> None:
    through_command(case, files, good, tmp_path, command)


@some_pictures
def test_command_line_paints(
    name: str, files: Path, good: Path, tmp_path: Path, command: Line
) -> None:
    through_command(BY_NAME[name], files, good, tmp_path, command)


@pytest.mark.full
@each_picture
def test_command_line_paints_all(
    case: Case, files: Path, good: Path, tmp_path: Path, command: Line
) -> None:
    through_command(case, files, good, tmp_path, command)


@pytest.mark.full
def test_command_line_cut_off(files: Path, good: Path, tmp_path: Path, command: Line) -> None:
    for case in cut_off():
        through_command(case, files, good, tmp_path, command)


@pytest.mark.parametrize("name", SOME_REFUSED)
def test_command_line_refuses_the_others_too(
    name: str, files: Path, good: Path, command: Line
) -> None:
    case = BY_NAME[name]
    path = case.write(files)
    assert_refused(command(good, path), case.sentence)
    assert_refused(command(good, good, path), case.sentence)
    assert_refused(command(good, good, "--mask", path), case.sentence)
    assert_refused(command(good, good, "--start", path), case.sentence)
    assert_refused(command(good, good, "--recipe", path), "use a PNG as this program saved it")


def test_command_line_settings(good: Path, command: Line) -> None:
    for name, value, words in SETTINGS:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            answer = command(good, good, f"--{name.replace('_', '-')}={value}")
            assert_refused(answer, words)
    for preset in ("", "balanced", "two\nlines", "x" * 900):
        assert_refused(command(good, good, "--preset", preset), "no preset")
    assert_refused(command(good, good, "--sise\nof", "7"), "--sise")
    assert_refused(command(good, good, f"--{'x' * 900}=1"), "arguments")
    assert_refused(command(good, good, "--texture", "relu1_1\nx" * 50), "--texture must be")


def test_command_line_outputs(
    good: Path, files: Path, tmp_path: Path, command: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = files / "long.png"
    Image.new("RGB", (66_000, 700)).save(long)
    (tmp_path / "folder.png").mkdir()
    for photo, out, words in (
        (good, tmp_path / "folder.png", "folder.png is a folder"),
        (good, Path("two\nlines", "out.png"), "no folder"),
        (good, Path("no", "folder", "out.png"), "no folder"),
        (good, tmp_path / f"{'n' * 300}.png", "can't be written"),
        (good, tmp_path / "out.\n", "does not end in one of"),
        (long, tmp_path / "out.webp", "at most 16383"),
        (long, tmp_path / "out.jpg", "at most 65500"),
    ):
        assert_refused(command(photo, good, *options(BACK), out=out), words)


def test_same_image_twice(good: Path, tmp_path: Path, command: Line) -> None:
    more = ("--start", good, "--region", "style", "--size", 64, "--steps", 3)
    assert command(good, good, good, *more) == (0, "")
    looks(RED, BLUE, tolerance=60)(Image.open(tmp_path / "out.png"))


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "name", ["two\nlines.png", *(pytest.param(x, marks=pytest.mark.full) for x in SOME_REFUSED)]
)
def test_real_processes(name: str, files: Path, good: Path, tmp_path: Path) -> None:
    case = BY_NAME[name]
    done = process("-m", "nst_core", case.write(files), good, "-o", tmp_path / "out.png")
    assert done.stdout == ""
    assert_refused((done.returncode, done.stderr), case.sentence)


def test_a_real_process_says_nothing_of_odd_metadata(
    files: Path, good: Path, tmp_path: Path
) -> None:
    """Pillow and the libraries below it would warn."""
    photo = BY_NAME["exif_cut.jpeg"].write(files)
    start = BY_NAME["packbits.tif"].write(files)
    done = process(
        *("-m", "nst_core", photo, good, "-o", tmp_path / "out.png", "--start", start),
        *("--size", 64, "--steps", 1),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


MEASURE = """
import resource, sys
from nst_core import ImageError, load_image, read_recipe, RecipeError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
for path in sys.argv[1:]:
    before = peak()
    for read in (load_image, read_recipe):
        try:
            print("opened", read(path))
        except (ImageError, RecipeError):
            print(path, peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no module resource")
def test_bombs_take_no_memory(files: Path) -> None:
    """Megabytes at the peak, beyond those of the imports."""
    paths = [case.write(files) for case in BOMBS]
    done = process("-c", MEASURE, *paths)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(BOMBS), done.stdout + done.stderr
    for line in lines:
        assert float(line.split()[1]) < 100, line


# The API.


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def client(public: Server) -> Client:
    return Client(public.url, verbose=False)


def assert_serves(client: Client, good: Path) -> None:
    """The next honest request is answered, and rightly."""
    result = client.predict(handle_file(good), handle_file(good), **BACK, api_name="/stylize")
    looks(RED, BLUE)(Image.open(result))


def refusal(client: Client, **inputs: Any) -> str:
    files = {name: handle_file(x) for name, x in inputs.items() if isinstance(x, Path)}
    with pytest.raises(AppError) as caught:
        client.predict(**{**BACK, **inputs, **files}, api_name="/stylize")
    assert "<" not in str(caught.value)
    return str(caught.value)


def through_api(case: Case, files: Path, good: Path, client: Client) -> None:
    path = case.write(files)
    if case.picture:
        files_given = (handle_file(path), handle_file(good))
        case.picture(Image.open(client.predict(*files_given, **BACK, api_name="/stylize")))
    elif path.name in ("missing.png",) or len(path.name) > 255:
        assert_sentence(refusal(client, content=None, style=good), "no photo")
    else:
        assert_sentence(refusal(client, content=path, style=good), case.sentence)


def assert_quiet(server: Server) -> None:
    """Nothing that happened here is a fault of the program."""
    assert "Traceback" not in server.log.read_text()


def test_api_paints(files: Path, good: Path, client: Client, public: Server) -> None:
    for name in SOME_PICTURES[:6]:
        through_api(BY_NAME[name], files, good, client)
    assert_quiet(public)


def test_api_refuses(files: Path, good: Path, client: Client, public: Server) -> None:
    for name in SOME_REFUSED:
        case = BY_NAME[name]
        through_api(case, files, good, client)
        for role in ("style", "style_2", "mask", "start"):
            inputs = {"content": good, "style": good, role: case.write(files)}
            if role == "start":
                inputs["init"] = "image"
            assert_sentence(refusal(client, **inputs), case.sentence)
    assert_serves(client, good)
    assert_quiet(public)


@pytest.mark.full
def test_api_takes_the_whole_corpus(
    files: Path, good: Path, client: Client, public: Server
) -> None:
    for case in CASES:
        through_api(case, files, good, client)
        if case.sentence:
            assert_serves(client, good)
    for case in cut_off():
        through_api(case, files, good, client)
    assert_serves(client, good)
    assert_quiet(public)


def test_api_bombs_take_no_memory(files: Path, good: Path, client: Client, public: Server) -> None:
    """From the upload on: neither Gradio nor anything else decodes a file before `load_image`."""
    assert_serves(client, good)
    before = public.peak()
    for case in BOMBS:
        through_api(case, files, good, client)
    assert_serves(client, good)
    assert public.peak() - before < 300


def raw(server: Server, paths: list[str], extra: str) -> str:
    """What is answered to a request whose JSON has `extra` in it, as it stands."""
    meta = {"_type": "gradio.FileData"}
    images = json.dumps(
        {x: {"path": p, "meta": meta} for x, p in zip(("content", "style"), paths, strict=True)}
    )
    body = f"{images[:-1]}, {extra}}}"
    kind = {"content-type": "application/json"}
    url = f"{server.url}{API}/call"
    answer = httpx.post(f"{url}/v2/stylize", content=body, headers=kind)
    if answer.status_code != 200:
        return answer.json()["error"]
    events = httpx.get(f"{url}/stylize/{answer.json()['event_id']}", timeout=30).text
    assert "event: error" in events, events
    return json.loads(events.rpartition("data: ")[2])["error"]


def test_api_settings(good: Path, client: Client, public: Server) -> None:
    """Whatever JSON can hold, and some that it can't."""
    with good.open("rb") as file:
        paths = httpx.post(f"{public.url}{API}/upload", files={"files": file}).json() * 2
    for name, value, words in SETTINGS:
        said = raw(public, paths, f'"{name}": {json.dumps(value)}')
        assert_sentence(said.replace("&lt;", "<").replace("&gt;", ">"), words)
    for extra in ("-Infinity", "NaN", "1e400", "9" * 4000, "[" * 400 + "]" * 400):
        assert_sentence(raw(public, paths, f'"size": {extra}'), "size")
    for extra in ("9" * 5000, "[" * 100_000, "[", "'64'", "\0"):
        assert_sentence(raw(public, paths, f'"size": {extra}'), "not JSON")
    assert_serves(client, good)
    assert_quiet(public)


def test_missing_and_same_images(good: Path, client: Client, public: Server) -> None:
    assert_sentence(refusal(client, content=None, style=good), "no photo")
    assert_sentence(refusal(client, content=good, style=None), "no painting")
    assert_sentence(refusal(client, content=good, style=good, init="image"), "start from")
    file = handle_file(good)
    many = {"style_2": file, "style_3": file, "style_4": file, "start": file, "mask": file}
    client.predict(file, file, **many, **BACK, init="image", api_name="/stylize")
    assert_quiet(public)


@pytest.mark.parametrize(
    "painted",
    ["/etc/passwd", "data:", "data:image/png;base64,ä", "data:image/png;base64,A", "é" * 2_000_001],
    ids=lambda text: text[:30],
)
def test_a_painted_region_is_a_picture_in_the_request(painted: str, good: Path) -> None:
    with pytest.raises(StyleTransferError) as caught:
        open_job(Job(str(good), [str(good)], {}, painted=painted), Limits())
    assert_sentence(str(caught.value), "painted region can't be read")
