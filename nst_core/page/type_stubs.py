"""The one place where the project replaces a part of a library.

Gradio writes a type stub for each of its components while it is imported: with `inspect` it looks
up the source of 60 classes, which takes half of the time of the import. Editors use the stubs, a
server does not. Gradio has no switch for it, and skips classes that have no source file.
`tests/page/test_type_stubs.py` fails where Gradio does not look the sources up any more: then this
module can go.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_type_stubs() -> Iterator[None]:
    """Import Gradio inside; its classes then seem to have no source file."""
    find_file = inspect.getfile

    def find_none_of_gradio(thing: Any) -> str:
        if str(getattr(thing, "__module__", "")).startswith("gradio."):
            raise OSError("no source file is looked up")
        return find_file(thing)

    inspect.getfile = find_none_of_gradio  # type: ignore[assignment]  # of any argument
    try:
        yield
    finally:
        inspect.getfile = find_file
