"""Settings, options and presets: values are converted, or refused in a sentence."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest

from nst_core import PRESETS, Settings, SettingsError
from nst_core.layers import layer_names
from nst_core.options import Number
from nst_core.presets import find_preset
from nst_core.settings import DEFAULTS, OPTIONS


def test_numbers_come_as_text_float_or_int() -> None:
    settings = Settings(size="256", steps=10.0, style_weight="2")
    assert (settings.size, settings.steps, settings.style_weight) == (256, 10, 2.0)
    assert isinstance(settings.size, int)
    assert isinstance(settings.style_weight, float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 63),
        ("size", 4097),
        ("size", 100.5),
        ("steps", 0),
        ("steps", -5),
        ("steps", True),
        ("steps", None),
        ("steps", "many"),
        ("style_weight", math.nan),
        ("style_weight", math.inf),
        ("style_weight", -1),
        ("content_weight", [1]),
        ("content_weight", "9" * 400),
        ("pooling", "sum"),
        ("pooling", ["max"]),
        ("coarse_to_fine", "maybe"),
        ("style_layers", ()),
        ("style_layers", "relu9_1"),
        ("style_layers", [["relu1_1"]]),
        ("style_layers", "relu3_4"),  # only VGG-19 has it
        ("style_mix", "1,1,1,1,1"),
        ("style_mix", "0,0"),
        ("style_mix", "1,2"),
        ("style_mix", 1.0),
        ("style_mix", [None]),
        ("color", "red"),
    ],
)
def test_bad_values_are_refused_in_one_sentence_with_the_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**{name: value})
    message = str(caught.value)
    assert name in message
    assert message.endswith(".")
    assert len(message) < 200


def test_limits_themselves_are_allowed() -> None:
    for name, option in OPTIONS.items():
        if isinstance(option, Number):
            assert getattr(Settings(**{name: option.high}), name) == option.high
            low = Settings(**{name: option.low})
            assert getattr(low, name) == option.low


def test_both_weights_zero_is_refused() -> None:
    with pytest.raises(SettingsError, match="both 0"):
        Settings(content_weight=0, style_weight=0)


def test_layers_are_sorted_and_unique() -> None:
    settings = Settings(style_layers="relu3_1, conv1_1,relu3_1")
    assert settings.style_layers == ("conv1_1", "relu3_1")


def test_vgg19_has_its_own_layers() -> None:
    assert Settings(network="vgg19", style_layers="relu3_4").style_layers == ("relu3_4",)
    assert len(layer_names("vgg16")) == 22
    assert len(layer_names("vgg19")) == 26


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULTS.size = 64


def test_from_values_puts_values_on_top_of_other_settings() -> None:
    settings = Settings.from_values({"steps": "5"}, base=PRESETS["Classic"])
    assert settings.steps == 5
    assert settings.weighting == "classic"
    assert Settings.from_values({}) == DEFAULTS


def test_unknown_names_are_refused() -> None:
    with pytest.raises(SettingsError, match="no setting"):
        Settings.from_values({"colour": 1})
    with pytest.raises(SettingsError, match="Balanced"):
        find_preset("nope")


def test_every_setting_has_label_and_help() -> None:
    for name, option in OPTIONS.items():
        assert option.label, name
        assert option.help.endswith("."), name


def test_presets_survive_a_round_trip_through_text() -> None:
    for preset in PRESETS.values():
        text = {name: OPTIONS[name].text(value) for name, value in preset.as_dict().items()}
        assert Settings.from_values(text) == preset
