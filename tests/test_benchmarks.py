"""The measures that the benchmarks use, and the results of the baselines that are kept."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

FOLDER = Path(__file__).parent / "benchmarks"
sys.path.insert(0, str(FOLDER))

from baselines import METHODS, PAIRS, RESULTS, Steps, key  # noqa: E402
from metrics import Quality, similarity, sliced_wasserstein  # noqa: E402
from plain_vgg import PlainVGG  # noqa: E402
from quality import seconds_of_steps  # noqa: E402

from nst_core.vgg import VGGFeatures  # noqa: E402


@pytest.fixture(scope="module")
def quality(photo: Image.Image, painting: Image.Image) -> Quality:
    return Quality(photo, painting, side=64)


def test_s_and_c_are_1_for_the_photo_and_small_for_the_painting(
    quality: Quality, photo: Image.Image, painting: Image.Image
) -> None:
    s, c = quality(photo)
    assert s == pytest.approx(1)
    assert c == pytest.approx(1)
    s, c = quality(painting)  # is squeezed into the shape of the photo
    assert s < 0.4
    assert c < 0.3


def test_the_distance_of_shifted_numbers_is_the_shift() -> None:
    a = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(a, a) == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(a, a + 0.7) == pytest.approx(0.7, rel=1e-3)
    assert sliced_wasserstein(a, (a + 0.7).flip(1).repeat(1, 2)) == pytest.approx(0.7, rel=0.01)


def test_the_similarity_falls_with_noise() -> None:
    image = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    found = [similarity((image + k * noise).clamp(0, 1), image) for k in (0, 0.05, 0.2, 1)]
    assert found[0] == pytest.approx(1)
    assert found == sorted(found, reverse=True)


def test_a_motif_of_the_painting_in_a_flat_sky_is_a_ghost(photo: Image.Image) -> None:
    sky = Image.new("RGB", (96, 96), (120, 160, 210))
    sky.paste(photo.resize((96, 32)), (0, 64))
    measure = Quality(sky, photo, side=96)
    haunted = sky.copy()
    haunted.paste(photo.resize((64, 48)), (16, 4))
    assert measure.ghosts(sky) == 0
    assert measure.ghosts(haunted) > 5 * measure.ghosts(sky.point(lambda v: v + 8)) > 0


def test_a_frame_raises_the_measure_of_frames(quality: Quality, painting: Image.Image) -> None:
    whole = painting.resize((64, 48))
    framed = Image.new("RGB", whole.size, "black")
    framed.paste(whole.crop((4, 4, 60, 44)), (4, 4))
    assert quality.frame(framed) > 1.5 * quality.frame(whole)


def test_pieces_are_taken_from_all_over_the_painting(painting: Image.Image) -> None:
    """A bar along the upper border is in the three upper pieces, and in no other."""
    plain = painting.resize((64, 64))
    barred = plain.copy()
    barred.paste("black", (0, 0, 64, 4))
    found = [Quality(x, x, side=64).frames_of_pieces() for x in (plain, barred)]
    rises = [b - a for a, b in zip(*found, strict=True)]
    assert len(rises) == 9
    assert min(rises[:3]) > 2 * max(rises[3:])


def test_the_plain_network_agrees_with_ours_where_it_repeats_borders() -> None:
    image = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    layers = ("relu1_2", "conv3_1", "relu5_1")
    ours, plain = VGGFeatures("vgg16", layers)(image), PlainVGG(layers, "replicate")(image)
    for layer in layers:
        torch.testing.assert_close(ours[layer], plain[layer], rtol=1e-3, atol=1e-4)
    zeros = PlainVGG(layers)(image)["relu5_1"]
    assert not torch.allclose(zeros, plain["relu5_1"], atol=1e-2)


def test_the_steps_of_a_baseline_are_timed_at_the_final_size(
    monkeypatch: pytest.MonkeyPatch, photo: Image.Image
) -> None:
    def coarse_to_fine(content: Image.Image, style: Image.Image, size: int, steps: int) -> Steps:
        for side in (size // 2, size):
            for _ in range(steps):
                time.sleep(0.02 if side == size else 0)
                yield side, torch.zeros(1)

    monkeypatch.setitem(METHODS, "c", coarse_to_fine)
    assert seconds_of_steps("c", photo, photo, 64) >= 0.02


BARE = """
import runpy, sys

script, missing, *sys.argv = sys.argv[1:]

class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        known = name.partition(".")[0] not in missing.split()
        return self.finder.find_spec(name, path, target) if known else None

sys.meta_path[:] = map(Without, sys.meta_path)
sys.argv.insert(0, script)
runpy.run_path(script, run_name="__main__")
"""


def run_bare(*arguments: str) -> str:
    """What `gpu.py` prints where nothing can be imported that it says it avoids."""
    missing = (
        "gradio gradio_client fastapi starlette httpx spaces huggingface_hub pandas av pillow_heif "
        "tqdm pytest hypothesis playwright"
    )
    command = [sys.executable, "-c", BARE, str(FOLDER / "gpu.py"), missing, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_benchmark_of_gpus_starts_on_a_bare_machine() -> None:
    assert "--device" in run_bare("--help")


@pytest.mark.full
def test_the_benchmark_of_gpus_runs_on_a_bare_machine() -> None:
    """On the CPU."""
    output = run_bare("--device", "cpu", "--run", "64", "--", "64")
    rows = [line for line in output.splitlines() if line.startswith("| 64 ")]
    assert len(rows) == 8  # three runs and one step, in both precisions
    assert all(row.count("|") in (11, 12) and "  |" not in row for row in rows), output


def test_the_kept_results_have_every_pair_and_method() -> None:
    known = json.loads(RESULTS.read_text())
    for pair in PAIRS:
        assert all(key(method, *pair, 256) in known for method in "abcdp")
    for found in known.values():
        assert all(0 < s < 2 and 0 < c <= 1 for _, s, c in found["points"])
    assert {name.split()[-1] for name in known} <= set(METHODS)
