"""The one part of a library that is replaced, and when it need not be any more."""

from __future__ import annotations

import inspect
import subprocess
import sys

COUNT = """
import inspect
looked_up = []
find = inspect.getfile
inspect.getfile = lambda thing: looked_up.append(thing) or find(thing)
import {module}
print(sum(str(getattr(x, "__module__", "")).startswith("gradio.components") for x in looked_up))
"""


def sources_looked_up(module: str) -> int:
    code = COUNT.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return int(done.stdout.split()[-1])


def test_gradio_still_looks_up_the_sources_of_its_components() -> None:
    """Where this fails, Gradio writes no stubs any more: delete `nst_core/page/type_stubs.py`."""
    assert sources_looked_up("gradio") >= 30


def test_the_function_is_put_back_after_the_import() -> None:
    import nst_core.page  # the server of other tests sets its folder before this import

    assert nst_core.page.gr
    assert "type_stubs" not in inspect.getfile.__module__
