"""The README holds what the code says. `python -m tests.test_readme` prints its tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from nst_core.presets import PRESETS
from nst_core.server.limits import PREFIX, Limits
from nst_core.settings import DEFAULTS, OPTIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def settings_table() -> str:
    """All settings as a table in Markdown."""
    rows = ["| setting | default | values | what it does |", "|---|---|---|---|"]
    for name, option in OPTIONS.items():
        default = option.text(getattr(DEFAULTS, name))
        rows.append(f"| `{name}` | {default} | {option.values} | {option.help} |")
    return "\n".join(rows)


def limits_table() -> str:
    """All limits of a server as a table in Markdown."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for limit in fields(Limits):
        name = PREFIX + limit.name.upper()
        rows.append(f"| `{name}` | {limit.default:g} | {limit.metadata['help']} |")
    return "\n".join(rows)


@pytest.mark.parametrize("table", [settings_table, limits_table])
def test_the_tables_are_the_code(table: Callable[[], str]) -> None:
    assert table() in README


def test_every_preset_is_named() -> None:
    for preset in PRESETS:
        assert f"**{preset}**" in README


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_to_files(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block for Python, word for word, but at a smaller size."""
    code = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "nst_core" in b)
    assert "size=512" in code
    monkeypatch.chdir(tmp_path)
    for name, source in (("photo", "contents/coffee"), ("painting", "styles/mosaic")):
        (tmp_path / f"{name}.jpg").write_bytes((ROOT / f"examples/{source}.jpg").read_bytes())
    exec(code.replace("size=512", "size=64, steps=2"), {})
    assert (tmp_path / "result.png").exists()


if __name__ == "__main__":
    print(settings_table(), limits_table(), sep="\n\n")
