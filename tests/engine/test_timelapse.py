"""Films can be played, are short, and end with the result."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from nst_core import StyleTransferError, TimeLapse
from nst_core.timelapse import MOST_FRAMES


def film(count: int, size: tuple[int, int] = (451, 301)) -> TimeLapse:
    """A film of `count` frames, from black to white."""
    found = TimeLapse(size)
    for k in range(count):
        found.add(Image.new("RGB", (64, 48), (round(255 * k / max(1, count - 1)),) * 3))
    return found


@pytest.mark.parametrize("count", [1, 2, 30, 700])
def test_mp4(count: int, tmp_path: Path) -> None:
    lapse = film(count)
    assert len(lapse.frames) <= MOST_FRAMES
    lapse.save(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        assert stream.width / stream.height == pytest.approx(451 / 301, rel=0.02)
        assert 2 <= stream.duration * stream.time_base <= 8
        light = [frame.to_ndarray(format="gray").mean() for frame in video.decode(stream)]
    if count > 1:
        assert light[0] < 20
        assert light[-1] > 235
        assert max(np.diff(light)) < 140 / min(count - 1, 20)  # frames dissolve into each other
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it loads


def test_webp(tmp_path: Path) -> None:
    film(30, (3000, 40)).save(tmp_path / "film.webp")
    with Image.open(tmp_path / "film.webp") as image:
        assert max(image.size) <= 400
        light = [np.asarray(x.convert("L")).mean() for x in ImageSequence.Iterator(image)]
    assert light[0] < 20
    assert light[-1] > 235


def test_a_transparent_frame_is_laid_over_white(tmp_path: Path) -> None:
    lapse = TimeLapse((64, 48))
    lapse.add(Image.new("RGBA", (64, 48), (10, 20, 30, 0)))
    lapse.save(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as video:
        assert next(video.decode(video=0)).to_ndarray(format="gray").min() > 240


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StyleTransferError, match=r"\.mp4, \.webp"):
        film(2).save(tmp_path / "film.gif")
    with pytest.raises(StyleTransferError, match="nothing to show"):
        TimeLapse((64, 64)).save(tmp_path / "film.mp4")
