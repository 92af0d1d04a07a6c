"""Names of results: short enough for every file system, whatever the names of the inputs."""

from __future__ import annotations

import unicodedata

import pytest

from nst_core.names import MOST_BYTES, name_of, result_name, stem_of

JAPANESE = "写真" * 21
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "name",
    [
        "a" * 120,
        JAPANESE,
        "é" * 200,
        "e\u0301" * 100,
        FAMILY * 20,
        "\udcff" * 250,
        "x." + "y" * 240,
    ],
    ids=["ascii", "japanese", "accents", "combining", "emoji", "bytes", "no ending"],
)
def test_a_long_name_is_cut_in_bytes_and_at_a_character(name: str) -> None:
    made = f"{result_name(f'/in/{name}.jpeg', f'{name}.png')}.shown.jpg"
    assert len(made.encode("utf-8", "surrogateescape")) <= 200
    stem = stem_of(f"{name}.jpeg")
    assert MOST_BYTES - 20 < len(stem.encode("utf-8", "surrogateescape")) <= MOST_BYTES
    assert name.startswith(stem)
    rest = name[len(stem) :]
    assert not unicodedata.combining(rest[0])
    assert not stem.endswith("\u200d")
    assert not rest.startswith("\u200d")


def test_a_short_name_stays() -> None:
    assert result_name("photos/Käse 1.jpg", "b.c.png") == "Käse 1-b.c"
    assert name_of("photos/写真.HEIC") == "写真.HEIC"
    assert name_of("a" * 120 + ".tiff") == "a" * 80 + ".tiff"


def test_a_name_of_accents_alone_is_cut_all_the_same() -> None:
    assert stem_of("\u0301" * 200 + ".png") == ""
