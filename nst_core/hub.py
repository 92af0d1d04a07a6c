"""Some tensors out of a safetensors file on the Hugging Face Hub, without fetching the rest."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

# A header is a few kilobytes; a request brings up to 32 MB of tensors that lie side by side.
HEADER_BYTES, REQUEST_BYTES = 2**16, 2**25
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def fetch_tensors(
    repository: str, file: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The tensors `shapes` names, in the file's own precision, all from one commit.

    Raises:
        ValueError, KeyError: the file is not what `shapes` says, or an answer was too short.
        Exception: what huggingface_hub and its HTTP client raise.
    """
    # Imported only here: nobody pays for it who does not need it.
    from huggingface_hub import HfApi, HfFileSystem
    from huggingface_hub.errors import HfHubHTTPError

    def open_file() -> Any:
        # Whatever is pushed meanwhile, all parts come from the commit that is asked for here.
        commit = HfApi().model_info(repository, timeout=10).sha
        # The cache of file systems would remember a failure.
        hub = HfFileSystem(skip_instance_cache=True)
        return hub.open(f"{repository}@{commit}/{file}", "rb", cache_type="none")

    try:
        opened = open_file()
    except HfHubHTTPError as error:
        if error.response.status_code < 429:
            raise
        time.sleep(2)  # the library itself asks again for everything else, but not for this
        opened = open_file()
    with opened as remote:
        return _read_tensors(remote, shapes)


def _read_tensors(remote: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    start = _read(remote, 0, HEADER_BYTES)
    length = int.from_bytes(start[:8], "little")
    if length > HEADER_BYTES - 8:
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(start[8 : 8 + length])
    tensors: dict[str, Tensor] = {}
    base = 8 + length  # offsets in the header count from here
    for part in _parts(header, shapes, remote.size - base):
        first, last = part[0][1], part[-1][2]
        data = bytearray(_read(remote, base + first, last - first))
        for key, begin, _ in part:
            values = torch.frombuffer(
                data,
                dtype=DTYPES[header[key]["dtype"]],
                count=math.prod(shapes[key]),
                offset=begin - first,
            )
            tensors[key] = values.view(shapes[key])
    return tensors


def _read(remote: Any, begin: int, length: int) -> bytes:
    remote.seek(begin)
    data = remote.read(length)
    if len(data) != length:  # cut off, or the whole file from a server that knows no ranges
        raise ValueError(f"{len(data)} bytes instead of {length}")
    return data


def _parts(
    header: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], size: int
) -> list[list[tuple[str, int, int]]]:
    """The tensors (key, begin, end) in groups that one request can bring, out of `size` bytes."""
    spans = []
    for key, shape in shapes.items():
        begin, end = header[key]["data_offsets"]
        length = math.prod(shape) * DTYPES[header[key]["dtype"]].itemsize
        fits = begin >= 0 and end - begin == length and end <= size
        if tuple(header[key]["shape"]) != shape or not fits:
            raise ValueError(f"{key} is {header[key]}")
        spans.append((key, begin, end))
    parts: list[list[tuple[str, int, int]]] = []
    for span in sorted(spans, key=lambda span: span[1]):
        if parts and span[1] == parts[-1][-1][2] and span[2] - parts[-1][0][1] <= REQUEST_BYTES:
            parts[-1].append(span)
        else:
            parts.append([span])
    return parts
