"""Files that are too old are deleted, and memory that nobody uses is given back."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from pathlib import Path

from ..allocator import release_freed_memory
from .service import Service

# How often, at the least.
MOST_SECONDS = 60
# Images that nobody has read for so long are let go.
IMAGE_SECONDS = 60


def start_cleaning(service: Service) -> None:
    """Clean until the service is closed, in a thread that does not keep the process alive."""
    seconds = math.ceil(min(MOST_SECONDS, service.limits.keep / 4))
    threading.Thread(target=_clean_forever, args=(service, seconds), daemon=True).start()


def _clean_forever(service: Service, seconds: float) -> None:
    while not service.closed.wait(seconds):
        clean(service)


def clean(service: Service) -> None:
    """Delete what is older than the limit; give memory back where nothing runs."""
    service.history.forget()
    service.loaded.forget(IMAGE_SECONDS)
    delete_old_files(service.files, service.limits.keep)
    if not service.runs:
        release_freed_memory()


def delete_old_files(folder: Path, seconds: float) -> None:
    """Delete all files below a folder that have not changed for so long, and folders left empty.

    This covers uploads, previews and results, whoever wrote them: Gradio's own cleaning leaves
    uploads that were cut off, and the pictures of MCP clients.
    """
    oldest = time.time() - seconds
    # Deepest first, so that a folder that becomes empty goes with its last file.
    for path in sorted(folder.rglob("*"), key=lambda x: len(x.parts), reverse=True):
        with suppress(OSError):  # someone else was faster, or the folder is not empty
            if path.lstat().st_mtime >= oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
