"""The one part of a library that is replaced, and when it need not be any more."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

# Ends with 0 as soon as so many classes are looked up.
COUNT = """
import inspect, os
looked_up = []
find = inspect.getfile

def count(thing):
    looked_up.append(str(getattr(thing, "__module__", "")).startswith("gradio.components"))
    if sum(looked_up) == 30:
        os._exit(0)
    return find(thing)

inspect.getfile = count
import gradio
os._exit(1)
"""


@pytest.mark.full
def test_gradio_still_looks_up_the_sources_of_its_components() -> None:
    """Where this fails, Gradio writes no stubs any more: delete `nst_core/page/type_stubs.py`."""
    assert subprocess.run([sys.executable, "-c", COUNT], timeout=120).returncode == 0


def test_the_function_is_put_back_after_the_import() -> None:
    import nst_core.page  # the server of other tests sets its folder before this import

    assert nst_core.page.gr
    assert "type_stubs" not in inspect.getfile.__module__
