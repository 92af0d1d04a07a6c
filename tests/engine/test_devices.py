"""Precision follows the device, and stands in the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from nst_core import Settings, SettingsError, devices, stylize
from nst_core.recipe import Recipe
from nst_core.sweep import prepare_sweep
from nst_core.transfer import prepare


def has_amx(monkeypatch: pytest.MonkeyPatch, value: bool) -> None:
    capabilities = {"amx_bf16": value, "avx512_bf16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.parametrize(("amx", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_bfloat16_on_processors_with_matrix_units_alone(
    amx: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_amx(monkeypatch, amx)
    assert devices.resolve_precision("auto", "cpu") == expected
    assert devices.resolve_precision("float32", "cpu") == "float32"
    assert devices.resolve_precision("bfloat16", "cpu") == "bfloat16"


def test_an_older_pytorch_asks_the_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    flags = tmp_path / "cpuinfo"
    monkeypatch.setattr(devices, "CPU_FLAGS", flags)
    assert devices.resolve_precision("auto", "cpu") == "float32"
    flags.write_text("flags : fpu amx_bf16 amx_tile\n")
    assert devices.resolve_precision("auto", "cpu") == "bfloat16"
    flags.write_text("flags : fpu avx512_bf16\n")
    assert devices.resolve_precision("auto", "cpu") == "float32"


def test_auto_follows_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert devices.resolve_precision("auto", "cuda") == "bfloat16"
    assert devices.resolve_precision("auto", "cuda:1") == "bfloat16"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert devices.resolve_precision("auto", "cuda") == "float32"
    assert devices.resolve_precision("auto", "mps") == "float32"
    with pytest.raises(SettingsError, match="no bfloat16"):
        devices.resolve_precision("bfloat16", "cuda")


def test_the_recipe_has_the_precision_that_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    has_amx(monkeypatch, True)
    photo = Image.effect_noise((64, 64), 50).convert("RGB")
    transfer = prepare(photo, photo, Settings(size=64, steps=1), device="cpu")
    recipe = Recipe.from_json(transfer.recipe().to_json())
    assert recipe.settings.precision == "bfloat16"
    sweep = prepare_sweep(photo, photo, Settings(), device="cpu")
    assert {run.settings.precision for run in sweep.runs} == {"bfloat16"}
    assert {settings.precision for settings in sweep.chosen} == {"bfloat16"}


def test_bfloat16_makes_the_same_bytes_again() -> None:
    photo = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    painting = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    settings = Settings(size=64, steps=3, precision="bfloat16")
    first, again = ([*stylize(photo, painting, settings, device="cpu")][-1] for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.losses == again.losses
