"""What is written: checked before a run, and never half there after it."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from nst_core import StyleTransferError
from nst_core.output import check_overwriting, check_place, replacing
from tests.command import CommandLine, assert_quiet, assert_refused

QUICK = ("--size", 64, "--steps", 1)


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As on a disk that becomes full: writing beyond `size` bytes fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as beside:
        assert (beside.parent, beside.suffix) == (tmp_path, ".png")
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_was_there_stays_where_writing_fails(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        write()
    assert getattr(caught.value, "filename", str(path)) == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "out.png", tmp_path / "there" / "real.png"
    file.write_text("old")
    link.symlink_to(file)
    with replacing(link) as beside:
        beside.write_text("new")
    assert link.is_symlink()
    assert file.read_text() == "new"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/proc/out.png", "can't be written"),  # read-only, also for root
        ("no/out.png", "There is no folder"),
        (".", "is a folder"),
        ("a" * 300 + ".png", "can't be written"),
        ("pipe.png", "can't be replaced"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_place_is_tried_before_the_run(
    place: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.png")
    with pytest.raises(StyleTransferError, match=words):
        check_place(Path(place))
    check_place(Path("写" * 80 + ".png"))
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.png"]


def test_an_output_is_no_input_and_no_other_output(tmp_path: Path) -> None:
    photo, link = tmp_path / "photo.png", tmp_path / "link.png"
    photo.write_text("photo")
    link.symlink_to(photo)
    new = tmp_path / "new.mp4"
    check_overwriting({"the result": new}, {"the photo": photo})
    for outputs in (
        {"the result": photo},
        {"the result": link},
        {"the result": tmp_path / ".." / tmp_path.name / "photo.png"},
        {"the result": new, "the film": tmp_path / "." / "new.mp4"},
    ):
        with pytest.raises(StyleTransferError, match="choose another name"):
            check_overwriting(outputs, {"the photo": photo})


def test_the_command_line_overwrites_no_input(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    photo, painting = tmp_path / "photo.png", tmp_path / "painting.png"
    for source, copy in ((photo_path, photo), (painting_path, painting)):
        Image.open(source).save(copy)
    before = photo.read_bytes(), painting.read_bytes()
    film = tmp_path / "one.webp"
    for arguments, words in (
        (("-o", photo), "is the photo"),
        (("-o", painting), "is painting 1"),
        (("-o", tmp_path / "start.png", "--start", tmp_path / "start.png"), "is the start image"),
        (("-o", tmp_path / "mask.png", "--mask", tmp_path / "mask.png"), "is the mask"),
        (("-o", tmp_path / "old.png", "--recipe", tmp_path / "old.png"), "is the recipe"),
        (("-o", film, "--timelapse", film), "is the result"),
    ):
        assert_refused(command_line(photo, painting, *arguments, *QUICK), words)
    assert (photo.read_bytes(), painting.read_bytes()) == before


@pytest.mark.parametrize("film", [False, True])
def test_a_full_disk_leaves_the_old_file(
    film: bool, photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out, clip = tmp_path / "out.webp", tmp_path / "film.mp4"
    for path in (out, clip):
        path.write_text("old")
    more = ("--timelapse", clip) if film else ()
    small = tmp_path / "small.png"
    Image.open(photo_path).resize((64, 42)).save(small)
    photo = small if film else photo_path
    with no_file_longer_than(4000):
        done = command_line(photo, painting_path, "-o", out, *more, *QUICK)
    written = clip if film else out
    assert_refused(done, f"{written.name} can't be written", "choose another place")
    assert written.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "film.mp4",
        "out.webp",
        "small.png",
    ]


@pytest.mark.usefixtures("tiny_tiles")
def test_transparency_is_judged_by_what_will_be_written(
    photo_path: Path,
    painting_path: Path,
    tmp_path: Path,
    command_line: CommandLine,
) -> None:
    clear, out = tmp_path / "clear.png", tmp_path / "out.jpg"
    image = Image.open(photo_path).resize((96, 64))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(clear)
    texture = ("--texture", "relu1_1", *QUICK)
    sentence = "painting is transparent"
    assert_refused(command_line(photo_path, clear, "-o", out, *texture), sentence)
    assert_quiet(command_line(clear, painting_path, "-o", out, *texture))
    assert_refused(command_line(clear, painting_path, "-o", out, *QUICK), "photo is transparent")
    assert_quiet(command_line(clear, painting_path, "-o", out, "--sweep"))
    assert Image.open(out).format == "JPEG"
