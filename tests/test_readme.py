"""The two READMEs agree with the code. `python -m tests.test_readme` writes their tables anew."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from nst_core import PRESETS
from nst_core.server.limits import PREFIX, Limits
from nst_core.settings import DEFAULTS, OPTIONS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
OPERATORS = ROOT / "nst_core" / "server" / "README.md"
DOCUMENTS = (README, OPERATORS, ROOT / "tests" / "benchmarks" / "README.md")

MOST_LINES = 280
MARK = "<!-- made by `python -m tests.test_readme` -->\n"
TABLE_OF_MARK = re.compile(rf"(?<={re.escape(MARK)})(\|.*\n)+")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
PATH = re.compile(r"`((?:app\.py|nst_core/|tests/|examples/)[\w/.]*)`")


def settings_table() -> str:
    """All settings as a table in Markdown."""
    rows = ["| setting | default | values | what it does |", "|---|---|---|---|"]
    for name, option in OPTIONS.items():
        default = option.text(getattr(DEFAULTS, name))
        rows.append(f"| `{name}` | {default} | {option.values} | {option.help} |")
    return "\n".join(rows) + "\n"


def limits_table() -> str:
    """All limits of a server as a table in Markdown."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for limit in fields(Limits):
        name = PREFIX + limit.name.upper()
        rows.append(f"| `{name}` | {limit.default:g} | {limit.metadata['help']} |")
    return "\n".join(rows) + "\n"


TABLES = {README: settings_table, OPERATORS: limits_table}


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """The headings of a document, as the end of a link names them."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def links() -> list[tuple[Path, str]]:
    """All links to files of the project and to headings, with their documents."""
    return sorted({(x, target) for x in DOCUMENTS for target in LINK.findall(text_of(x))})


def name_of(value: Path | str) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else value


@pytest.mark.parametrize("document", TABLES, ids=name_of)
def test_the_table_is_made_from_the_code(document: Path) -> None:
    found = TABLE_OF_MARK.search(text_of(document))
    assert found is not None
    assert found[0] == TABLES[document]()


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= MOST_LINES


def test_every_preset_is_named() -> None:
    section = text_of(README).partition("**Presets.**")[2].partition("\n## ")[0]
    assert re.findall(r"\*\*(.+?)\*\*", section.replace("\n ", "")) == [*PRESETS]


@pytest.mark.parametrize(("document", "link"), links(), ids=name_of)
def test_a_link_leads_to_a_file_and_to_a_heading(document: Path, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    assert target.exists()
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_files_that_are_named_exist(document: Path) -> None:
    missing = [path for path in PATH.findall(text_of(document)) if not (ROOT / path).exists()]
    assert not missing


def test_the_script_of_ci_finds_the_test_command() -> None:
    """`.ci/run` cuts the command out of the README, by the mark and the end of the block."""
    mark = "<!-- test command -->"
    assert f"/^{mark}$/" in text_of(ROOT / ".ci" / "run")
    blocks = re.findall(rf"^{mark}\n```bash\n(.+)\n```$", text_of(README), re.MULTILINE)
    assert [block.rpartition(" && ")[2] for block in blocks] == [".venv/bin/python -m pytest"]


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example for Python, word for word, but at a smaller size."""
    blocks = re.findall(r"```python\n(.*?)```", text_of(README), re.DOTALL)
    code = next(block for block in blocks if "nst_core" in block)
    assert "size=512" in code
    monkeypatch.chdir(tmp_path)
    for name, source in (("photo", "contents/coffee"), ("painting", "styles/mosaic")):
        (tmp_path / f"{name}.jpg").write_bytes((ROOT / f"examples/{source}.jpg").read_bytes())
    exec(code.replace("size=512", "size=64, steps=2"), {})
    with Image.open("photo.jpg") as photo, Image.open("result.png") as result:
        assert result.size == photo.size
        assert result.convert("RGB").tobytes() != photo.convert("RGB").tobytes()


def main() -> None:
    for document, table in TABLES.items():
        text = text_of(document)
        found = TABLE_OF_MARK.search(text)
        assert found is not None
        document.write_text(text.replace(found[0], table()), encoding="utf-8")


if __name__ == "__main__":
    main()
