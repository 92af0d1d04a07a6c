"""A server on this machine that speaks as much of the Hugging Face Hub as VGG-19 needs."""

from __future__ import annotations

import json
import math
import mmap
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from torch import Tensor

REPOSITORY, FILE = "timm/vgg19.tv_in1k", "model.safetensors"
COMMIT, ETAG = "c0ffee" + "0" * 34, '"e7a6"'
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
CLASSIFIER = {
    "head.fc.bias": (1000,),
    "head.fc.weight": (1000, 4096),
    "pre_logits.fc1.bias": (4096,),
    "pre_logits.fc1.weight": (4096, 512, 7, 7),
    "pre_logits.fc2.bias": (4096,),
    "pre_logits.fc2.weight": (4096, 4096, 1, 1),
}


def convolutions(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """All 16 of VGG-19, of random values, by torchvision's keys."""
    generator = torch.Generator().manual_seed(0)
    tensors, index, channels = {}, 0, 3
    for block, depth in enumerate((2, 2, 4, 4, 4)):
        for _ in range(depth):
            width = 64 * 2 ** min(block, 3)
            weight = torch.randn(width, channels, 3, 3, generator=generator)
            tensors[f"features.{index}.weight"] = (weight / math.sqrt(4.5 * channels)).to(dtype)
            tensors[f"features.{index}.bias"] = torch.zeros(width, dtype=dtype)
            channels, index = width, index + 2
        index += 1
    return tensors


class LocalHub(ThreadingHTTPServer):
    """Serves one model file: `header` as JSON, then the bytes of `body`.

    `faults` says for "api", "resolve" and "cdn" what becomes of the requests to come, one word
    each: "" (an answer), an HTTP status, "cut" (half of the answer, then the connection ends),
    "short" (less than was asked for), "unranged" (from the beginning of the file) or "hang" (until
    `released`).
    """

    daemon_threads = True
    header: dict[str, dict]
    body: mmap.mmap

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.torchvision_file = b""
        self.retry_after = "1"
        self.counting = threading.Lock()
        self.forget()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def forget(self, **faults: Iterable[str]) -> None:
        """Start to count anew, with these faults."""
        self.faults: dict[str, Iterator[str]] = {area: iter(f) for area, f in faults.items()}
        self.released = threading.Event()
        self.requests: Counter[str] = Counter()
        self.bytes_served = 0
        self.tunnels: list[str] = []

    def publish(self, tensors: dict[str, Tensor], path: Path) -> None:
        """Serve `tensors` and a classifier in the layout of safetensors: sorted by name.

        The classifier is nothing but a hole in the file at `path`.
        """
        dtype = next(iter(tensors.values())).dtype
        shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()} | CLASSIFIER
        self.header, end = {}, 0
        with path.open("w+b") as file:
            for key in sorted(shapes):
                begin, end = end, end + math.prod(shapes[key]) * dtype.itemsize
                offsets = {
                    "dtype": NAMES[dtype],
                    "shape": shapes[key],
                    "data_offsets": [begin, end],
                }
                self.header[key] = offsets
                if key in tensors:
                    file.seek(begin)
                    file.write(tensors[key].contiguous().view(torch.uint8).numpy().tobytes())
            file.truncate(end)
            self.body = mmap.mmap(file.fileno(), end, access=mmap.ACCESS_COPY)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the tests."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def head(self) -> bytes:
        text = json.dumps({"__metadata__": {"format": "pt"}, **self.header}).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body)

    def read(self, begin: int, end: int) -> bytes:
        head = self.head
        rest = self.body[max(begin - len(head), 0) : max(end - len(head), 0)]
        return head[begin:end] + rest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalHub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        model = f"/api/models/{REPOSITORY}"
        if path in (model, f"{model}/revision/{COMMIT}"):
            self.answer("api", {"id": REPOSITORY, "sha": COMMIT, "private": False, "tags": []})
        elif path == f"{model}/tree/{COMMIT}":
            blob = {"oid": "0" * 40, "size": self.server.size, "path": FILE, "type": "file"}
            self.answer("api", [blob])
        elif path == f"/{REPOSITORY}/resolve/{COMMIT}/{FILE}":
            size = str(self.server.size)
            moved = {"X-Repo-Commit": COMMIT, "X-Linked-Size": size, "X-Linked-ETag": ETAG}
            self.answer("resolve", b"", 302, {"Location": f"{self.server.url}/cdn/e7a6", **moved})
        elif path == "/cdn/e7a6":
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            begin, end = int(first), min(int(last) + 1, self.server.size)
            span = f"bytes {begin}-{end - 1}/{self.server.size}"
            ranges = {"Content-Range": span, "ETag": ETAG}
            self.answer("cdn", self.server.read(begin, end), 206, ranges)
        elif path == "/torchvision.pth":
            self.answer("torchvision", self.server.torchvision_file)
        else:
            self.answer("unknown", {"error": "Entry not found"}, 404)

    def do_CONNECT(self) -> None:
        """As a proxy: who is called for, and nobody is reached."""
        self.server.tunnels.append(self.path)
        self.answer("proxy", b"", 502)

    def answer(
        self, area: str, content: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        with self.server.counting:
            self.server.requests[area] += 1
            fault = next(self.server.faults.get(area, iter(())), "")
        if fault == "hang":
            self.server.released.wait()
        if fault.isdigit():
            status, data = int(fault), b""
            headers = {"Retry-After": self.server.retry_after}
        if fault == "unranged":
            status, data = 200, self.server.read(0, len(data) + 2**16)
        if fault == "short":
            data = data[: len(data) // 2]
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "cut":
            data, self.close_connection = data[: len(data) // 2], True
        if area == "cdn":
            with self.server.counting:
                self.server.bytes_served += len(data)
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read what they need from the server."""
