"""Imports go downwards only, and no module or function grows too large to be read at once.

app.py -> nst_core/page -> nst_core/server -> nst_core/*.py (the engine)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What each room must not import: a module stands for everything in it.
FORBIDDEN = {
    "engine": ("app", "nst_core.page", "nst_core.server", "gradio", "spaces", "starlette"),
    "server": ("app", "nst_core.page", "gradio"),
    "page": ("app",),
    "app": (),
}
MOST_LINES, MOST_LINES_OF_APP, MOST_LINES_OF_FUNCTION = 300, 200, 60


def room_of(path: str) -> str:
    """The room of a module, by its path in the repository."""
    parts = path.split("/")
    if parts[0] == "nst_core":
        return parts[1] if len(parts) > 2 else "engine"
    return "app"


def imports(path: str, source: str) -> Iterator[str]:
    """Full names of all modules that a module may import, those inside of functions among them.

    `from a import b` may import `a.b`, so both names are given.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A dot is the package that the module is in, each further dot the one above.
            package = path.split("/")[: -node.level] if node.level else []
            base = [*package, *(node.module.split(".") if node.module else [])]
            yield ".".join(base)
            yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            argument = node.args[0]
            if name in ("import_module", "__import__") and isinstance(argument, ast.Constant):
                yield str(argument.value)


def arrows_up(path: str, source: str) -> list[str]:
    """The imports of a module that its room forbids."""
    found = {
        name
        for name in imports(path, source)
        for closed in FORBIDDEN[room_of(path)]
        if name == closed or name.startswith(f"{closed}.")
    }
    return [f"{path} imports {name}" for name in sorted(found)]


def too_long(path: str, source: str) -> list[str]:
    """The module and its functions, where they have more lines than allowed."""
    most = MOST_LINES_OF_APP if room_of(path) == "app" else MOST_LINES
    found = [f"{path} is too long"] if len(source.splitlines()) > most else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MOST_LINES_OF_FUNCTION:
                found.append(f"{path}: {node.name} is too long")
    return found


def modules() -> dict[str, str]:
    """The source of every module, by its path in the repository."""
    paths = [ROOT / "app.py", *sorted((ROOT / "nst_core").rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def test_imports_go_downwards_and_everything_can_be_read_at_once() -> None:
    found = modules()
    assert {"app.py", "nst_core/optimize.py", "nst_core/server/runs.py"} <= set(found)
    findings = [x for path, source in found.items() for x in arrows_up(path, source)]
    findings += [x for path, source in found.items() for x in too_long(path, source)]
    assert findings == []


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("nst_core/made_up.py", "import nst_core.server.runs", "nst_core.server.runs"),
        ("nst_core/made_up.py", "from nst_core import page", "nst_core.page"),
        ("nst_core/made_up.py", "from . import server", "nst_core.server"),
        ("nst_core/made_up.py", "from .server.runs import Runs", "nst_core.server.runs"),
        ("nst_core/made_up.py", "def late():\n    import gradio as gr", "gradio"),
        ("nst_core/made_up.py", "from starlette.types import Scope", "starlette.types"),
        ("nst_core/made_up.py", "if True:\n    import spaces", "spaces"),
        ("nst_core/made_up.py", "import_module('gradio')", "gradio"),
        ("nst_core/made_up.py", "importlib.import_module('app')", "app"),
        ("nst_core/server/made_up.py", "from ..page.result import View", "nst_core.page.result"),
        ("nst_core/server/made_up.py", "from .. import page", "nst_core.page"),
        ("nst_core/server/made_up.py", "from gradio.routes import App", "gradio.routes"),
        ("nst_core/page/made_up.py", "import app", "app"),
    ],
)
def test_an_arrow_that_goes_up_is_found(path: str, source: str, name: str) -> None:
    assert f"{path} imports {name}" in arrows_up(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nst_core/made_up.py", "from .settings import Settings\nimport gradio_client"),
        ("nst_core/server/made_up.py", "from ..plan import Stage\nimport starlette"),
        ("nst_core/page/made_up.py", "from ..server.runs import Runs\nimport gradio"),
        ("app.py", "import spaces, gradio\nfrom nst_core.page import build_page"),
    ],
)
def test_an_arrow_that_goes_down_is_allowed(path: str, source: str) -> None:
    assert arrows_up(path, source) == []


def test_what_is_too_long_is_found() -> None:
    def function(lines: int) -> str:
        return "def made_up():\n" + "    pass\n" * (lines - 1)

    assert too_long("nst_core/made_up.py", "pass\n" * 300) == []
    assert too_long("nst_core/made_up.py", "pass\n" * 301) == ["nst_core/made_up.py is too long"]
    assert too_long("app.py", "pass\n" * 201) == ["app.py is too long"]
    assert too_long("app.py", function(60)) == []
    assert too_long("app.py", function(61)) == ["app.py: made_up is too long"]
