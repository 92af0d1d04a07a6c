"""Options of events that several features share."""

from __future__ import annotations

from typing import Any

# Programs see the endpoints of `api.py` alone, and none of the page's own events.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# An event outside of the queue is answered at once, even where the queue is full.
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False}
# One event of this group runs at a time; all others wait in the queue.
ON_DEVICE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "device"}
# Events of this group decode pictures outside of runs. Two of them run at a time, whatever function
# they are of: a picture of 50 megapixels takes 0.4 GB.
DECODES: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "pictures"}
# Previews of all pages: all but one of these wait for the device. In the group above they would
# keep uploads waiting as long as they go on.
PREVIEWS: dict[str, Any] = {"concurrency_limit": 4, "concurrency_id": "previews"}
# An event that only reads or writes files. It goes through the queue all the same, since messages
# (`gr.Warning`, `gr.Info`) reach the page from there alone.
IN_BACKGROUND: dict[str, Any] = {**PRIVATE, **DECODES, "show_progress": "hidden"}
# Values as the browser sends them: files by their paths, and numbers that `Settings` checks. Gradio
# would write a value that it can't use into the log, with all of its text.
AS_SENT: dict[str, Any] = {"preprocess": False}
