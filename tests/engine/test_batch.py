"""Many photos into a folder, in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from nst_core import read_recipe
from nst_core.painting import Painting
from tests.command import CommandLine, assert_quiet, assert_refused

QUICK = ("--size", 64, "--steps", 1)


@pytest.fixture
def photos(tmp_path: Path, photo_path: Path) -> list[Path]:
    """Three photos; two have the same name, in different folders."""
    (tmp_path / "more").mkdir()
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg", tmp_path / "more" / "one.jpg"]
    for number, path in enumerate(paths, 2):
        Image.open(photo_path).resize((32 * number, 64)).save(path)
    return paths


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gets_a_result_for_each_photo(
    photos: list[Path], painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    assert_quiet(command_line(*photos, painting_path, "-o", f"{out}/", *QUICK))
    style = painting_path.stem
    assert names(out) == [f"one-{style}-2.png", f"one-{style}.png", f"two-{style}.png"]
    results = (out / f"one-{style}.png", out / f"two-{style}.png", out / f"one-{style}-2.png")
    for photo, path in zip(photos, results, strict=True):
        assert Image.open(path).size == Image.open(photo).size
        assert read_recipe(path).settings.steps == 1
    single = tmp_path / "single.png"
    assert_quiet(command_line(photos[0], painting_path, "-o", single, *QUICK))
    assert single.read_bytes() == results[0].read_bytes()


def test_what_fails_is_named_and_the_others_are_painted(
    photos: list[Path], painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    broken, missing = tmp_path / "broken.jpg", tmp_path / "missing.jpg"
    broken.write_text("no picture")
    done = command_line(
        *(broken, photos[0], missing, photos[1], painting_path, *QUICK),
        *("-o", f"{tmp_path / 'out'}/"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    *failures, count = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in failures] == ["broken.jpg", "missing.jpg"]
    assert count == "2 of 4 photos failed."
    assert len(names(tmp_path / "out")) == 2


def test_results_that_are_there_are_kept(
    photos: list[Path], painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    out = tmp_path / "out"
    out.mkdir()  # a folder needs no / where it is there
    old = out / f"one-{painting_path.stem}.png"
    old.write_text("old")
    done = command_line(*photos, painting_path, "-o", out, "--keep", *QUICK)
    assert done.returncode == 0
    assert done.stderr == "1 of 3 results were there already, and are kept.\n"
    assert old.read_text() == "old"
    assert len(names(out)) == 3
    assert_quiet(command_line(photos[0], painting_path, "-o", out, *QUICK))
    assert Image.open(old).format == "PNG"
    before = old.read_bytes()
    done = command_line(photos[1], painting_path, "-o", old, "--keep", *QUICK)
    assert (done.returncode, old.read_bytes()) == (0, before)


def test_the_last_files_are_the_paintings_one_for_each_weight(
    photos: list[Path],
    photo_path: Path,
    painting_path: Path,
    tmp_path: Path,
    command_line: CommandLine,
) -> None:
    out = tmp_path / "out"
    given = (*photos[:2], painting_path, photo_path)
    assert_quiet(command_line(*given, "-o", f"{out}/", "--style-mix", "1,0.5", *QUICK))
    results = [out / f"{name}-{painting_path.stem}.png" for name in ("one", "two")]
    assert sorted(out.iterdir()) == results
    recipe = read_recipe(results[0])
    assert len(recipe.styles) == 2
    again = tmp_path / "again"
    assert_quiet(command_line(*given, "-o", f"{again}/", "--recipe", results[0]))
    assert (again / results[0].name).read_bytes() == results[0].read_bytes()


def test_what_no_photo_can_be_painted_with_is_one_sentence(
    photos: list[Path], painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    folder = ("-o", f"{tmp_path / 'out'}/")
    for arguments, words in (
        ((*photos, text, *folder), "text.png is not an image"),
        ((photos[0], painting_path, *folder, "--style-mix", "1,1"), "no photo is left"),
        ((*photos, painting_path, *folder, "--sweep"), "--sweep is for one photo"),
        ((*photos, painting_path, *folder, "--mask", photos[0]), "--mask is for one photo"),
        ((*photos, painting_path, *folder, "--init", "image"), "start from"),
        ((*photos, painting_path, "-o", "no/out/"), "There is no folder"),
        ((*photos, painting_path, "-o", "/proc/"), "can't be written"),
    ):
        assert_refused(command_line(*arguments, *QUICK), words)
    results = tmp_path / "results"
    results.mkdir()
    photo = results / f"a-{painting_path.stem}.png"
    Image.open(photos[0]).save(photo)
    Image.open(photos[0]).save(results / "a.png")
    done = command_line(photo, results / "a.png", painting_path, "-o", results, *QUICK)
    assert_refused(done, "is photo 1")
    assert_quiet(command_line(photos[0], painting_path, "-o", results, *QUICK))
    result = results / f"one-{painting_path.stem}.png"
    before = result.read_bytes()
    for option, word in (("--start", "the start image"), ("--recipe", "the recipe")):
        done = command_line(photos[0], painting_path, "-o", results, *QUICK, option, result)
        assert_refused(done, f"is {word} and would be overwritten")
    assert result.read_bytes() == before


def test_a_full_disk_ends_the_batch_and_leaves_what_was_there(
    photos: list[Path],
    painting_path: Path,
    tmp_path: Path,
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    old = out / f"two-{painting_path.stem}.png"
    old.write_text("old")
    save = Painting.save

    def save_on_a_full_disk(painting: Painting, path: Path) -> None:
        full = OSError(28, "No space left on device", str(path))
        if path == old:
            raise full
        save(painting, path)

    monkeypatch.setattr(Painting, "save", save_on_a_full_disk)
    done = command_line(*photos, painting_path, "-o", out, *QUICK)
    assert done.returncode == 2
    assert "Interrupted: 1 of 3 results are there" in done.stderr
    assert done.stderr.endswith(
        "can't be written (No space left on device): choose another place.\n"
    )
    assert old.read_text() == "old"
    assert len(names(out)) == 2


def test_long_names_make_results(
    photo_path: Path, painting_path: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    photo, painting = (tmp_path / f"{x * 21}{k}.png" for k, x in enumerate(("写真", "絵画")))
    for source, copy in ((photo_path, photo), (painting_path, painting)):
        Image.open(source).resize((64, 64)).save(copy)
    assert_quiet(command_line(photo, painting, "-o", f"{tmp_path / 'out'}/", *QUICK))
    (name,) = names(tmp_path / "out")
    assert name.startswith("写真")
    assert len(name.encode()) < 200
