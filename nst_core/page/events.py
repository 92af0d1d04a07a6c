"""Options that event listeners share, to be unpacked into a call of a listener or of `gr.api`."""

from __future__ import annotations

from typing import Any

# Only the page calls the function: neither the API page nor a tool list names it.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# The function is called without the queue, which may be full or wait for the device.
AT_ONCE: dict[str, Any] = {"queue": False, **PRIVATE}
# One function at a time computes on the device; all others wait in one queue.
ON_DEVICE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "device"}
