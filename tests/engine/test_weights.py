"""Where the weights come from, and the sentence that says so where they are missing or damaged.

VGG-19 is downloaded by huggingface_hub's own client, in a process of its own, because the client
reads the address of the Hub when it is imported.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import try_to_load_from_cache
from safetensors.torch import load_file, save, save_file
from torch import Tensor
from torchvision.models import VGG19_Weights

from nst_core import WeightsError, weights
from nst_core.layers import convolutions
from nst_core.weights import (
    BUNDLED_VGG16,
    HUB_FILE,
    HUB_REPOSITORY,
    TORCHVISION_URL,
    load_weights,
    torchvision_path,
)

ROOT = Path(__file__).parents[2]
LOAD = """
import sys
from safetensors.torch import save_file
from nst_core.weights import load_weights
save_file(load_weights("vgg19"), sys.argv[1])
print("torchvision" in sys.modules)
"""


def random_vgg19() -> dict[str, Tensor]:
    """The convolutions in use, and one tensor of the classifier, which is not."""
    generator = torch.Generator().manual_seed(0)
    tensors = {
        key: torch.randn(shape, generator=generator)
        for place in convolutions("vgg19")
        for key, shape in place.shapes.items()
    }
    return tensors | {"classifier.6.bias": torch.randn(1000, generator=generator)}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """The 13 convolutions down to conv5_1, bit for bit."""
    assert len(ours) == 26
    for key, tensor in ours.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, theirs[key]), key


class LocalHub(ThreadingHTTPServer):
    """Serves `file` as the Hub does; without one, it answers 404 to everything.

    As a proxy it opens no tunnel.

    Attributes:
        requests: the paths that were asked for, and the hosts that tunnels were asked for.
        silent: it takes connections, and never answers.
        move: a file that gets another name before the first answer.
    """

    daemon_threads = True

    def __init__(self, file: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.file = file
        self.requests: list[str] = []
        self.silent = threading.Event()
        self.move: tuple[Path, Path] | None = None
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: LocalHub

    def answer(self) -> None:
        server = self.server
        # The client also asks for news of its own, once a day.
        if not self.path.startswith("/api/"):
            server.requests.append(self.path)
        if server.silent.is_set():
            time.sleep(600)
        if server.move is not None:
            source, target = server.move
            server.move = None
            source.rename(target)
        found = server.file and self.path == f"/{HUB_REPOSITORY}/resolve/main/{HUB_FILE}"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(server.file) if found else 0))
        self.send_header("ETag", '"e7a6"')
        self.send_header("X-Repo-Commit", "c0ffee" + "0" * 34)
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(server.file)

    do_GET = do_HEAD = do_CONNECT = answer

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a failed test prints the requests."""


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    hub = LocalHub()
    yield hub
    hub.shutdown()
    hub.server_close()


def run(
    hub: LocalHub, home: Path, *command: object, **more: str
) -> subprocess.CompletedProcess[str]:
    """A process with empty caches, whose Hub and proxy are `hub`."""
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "TORCH_HOME": str(home),
        "HTTPS_PROXY": hub.url,
        "https_proxy": hub.url,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **more,
    }
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_vgg19_is_downloaded_from_the_hub_once(hub: LocalHub, tmp_path: Path) -> None:
    tensors = random_vgg19()
    hub.file = save(tensors)
    out = tmp_path / "out.safetensors"
    first = run(hub, tmp_path, "-c", LOAD, out)
    assert (first.returncode, first.stdout) == (0, "False\n"), first.stderr
    assert_same(load_file(out), tensors)

    hub.requests.clear()
    out.unlink()
    assert run(hub, tmp_path, "-c", LOAD, out, HF_HUB_OFFLINE="1").returncode == 0
    assert_same(load_file(out), tensors)
    assert hub.requests == []


@pytest.mark.full
def test_the_sentence_names_the_damaged_file_in_the_cache_of_the_hub(
    hub: LocalHub, tmp_path: Path
) -> None:
    """Not the link to it: with the link alone deleted, the client would use the file again."""
    hub.file = b"not weights"
    failed = run(hub, tmp_path, "-c", LOAD, tmp_path / "out.safetensors")
    sentence = failed.stderr.splitlines()[-1]
    assert "does not hold the weights of vgg19: delete it" in sentence
    named = Path(sentence.removeprefix("nst_core.errors.WeightsError: ").partition(" does")[0])
    assert named.read_bytes() == hub.file
    assert not named.is_symlink()
    named.unlink()
    assert try_to_load_from_cache(HUB_REPOSITORY, HUB_FILE, cache_dir=tmp_path / "hub") is None


@pytest.mark.full
def test_where_the_hub_has_no_vgg19_torchvision_gives_it(hub: LocalHub, tmp_path: Path) -> None:
    """torchvision's cache gets the file when the Hub is asked, too late to be preferred to it."""
    tensors = random_vgg19()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    source = folder / "part"
    torch.save(tensors, source)
    hub.move = (source, folder / Path(TORCHVISION_URL).name)
    out = tmp_path / "out.safetensors"
    loaded = run(hub, tmp_path, "-c", LOAD, out)
    assert (loaded.returncode, loaded.stdout) == (0, "True\n"), loaded.stderr
    assert_same(load_file(out), tensors)
    assert hub.requests == [f"/{HUB_REPOSITORY}/resolve/main/{HUB_FILE}"]


@pytest.mark.parametrize(
    "fault", ["told to be offline", pytest.param("unreachable", marks=pytest.mark.full)]
)
def test_a_machine_without_network_gets_one_sentence(
    hub: LocalHub, photo_path: Path, painting_path: Path, tmp_path: Path, fault: str
) -> None:
    offline = fault == "told to be offline"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    finished = run(
        *(hub, tmp_path, "-m", "nst_core", photo_path, painting_path, "-o", tmp_path / "out.png"),
        *("--network", "vgg19", "--size", 64, "--steps", 2),
        **({"HF_HUB_OFFLINE": "1"} if offline else {"HF_ENDPOINT": nowhere}),
    )
    assert (finished.returncode, finished.stdout) == (2, "")
    (sentence,) = finished.stderr.splitlines()
    assert ("HF_HUB_OFFLINE" in sentence) == offline
    assert TORCHVISION_URL in sentence
    assert str(tmp_path / "hub" / "checkpoints") in sentence
    assert "vgg16" in sentence
    assert set(hub.requests) == (set() if offline else {"download.pytorch.org:443"})
    assert not (tmp_path / "out.png").exists()


@pytest.mark.full
def test_servers_that_never_answer_are_given_up(hub: LocalHub, tmp_path: Path) -> None:
    """Left to its own limits, the Hub's client asks for minutes, and torchvision for ever."""
    hub.silent.set()
    code = """
import time
import huggingface_hub, torchvision.models
from nst_core import WeightsError, weights
weights.PATIENCE = 0.5
started = time.monotonic()
try:
    weights.load_weights("vgg19")
except WeightsError as error:
    print(error)
    print(time.monotonic() - started)
"""
    finished = run(hub, tmp_path, "-c", code)
    sentence, seconds = finished.stdout.splitlines()
    assert "can't be downloaded" in sentence
    assert float(seconds) < 20
    path = f"/{HUB_REPOSITORY}/resolve/main/{HUB_FILE}"
    assert hub.requests == [path, "download.pytorch.org:443"]


def test_vgg16_needs_neither_the_hub_nor_torchvision(hub: LocalHub, tmp_path: Path) -> None:
    code = (
        "import sys, nst_core.__main__; from nst_core.weights import load_weights;"
        "load_weights('vgg16'); print({'huggingface_hub', 'torchvision'} & {*sys.modules})"
    )
    assert run(hub, tmp_path, "-c", code).stdout == "set()\n"
    assert hub.requests == []


def test_the_file_of_torchvision_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torchvision_path().parent.mkdir(parents=True)
    tensors = random_vgg19()
    torch.save(tensors, torchvision_path())
    assert_same(load_weights("vgg19"), tensors)


def test_torchvision_names_its_file_as_we_do() -> None:
    assert VGG19_Weights.IMAGENET1K_V1.url == TORCHVISION_URL


def damaged(fault: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    key = "features.5.weight"
    tensors = dict(tensors)
    tensor = tensors.pop(key)
    if fault == "shape":
        tensors[key] = tensor[:, :32].contiguous()
    if fault == "not finite":
        tensors[key] = tensor.clone()
        tensors[key][7, 7, 1, 1] = torch.nan
    return tensors


@pytest.mark.parametrize("fault", ["missing", "shape", "not finite", "not weights", "empty"])
def test_a_wrong_file_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """In the format of the bundled file and of the Hub's, and in torchvision's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    theirs = torchvision_path()
    theirs.parent.mkdir(parents=True)
    ours = tmp_path / "vgg16.safetensors"
    monkeypatch.setattr(weights, "BUNDLED_VGG16", ours)
    if fault in ("not weights", "empty"):
        for path in (theirs, ours):
            path.write_bytes(b"version https://git-lfs" if fault == "not weights" else b"")
    else:
        torch.save(damaged(fault, random_vgg19()), theirs)
        save_file(damaged(fault, load_file(BUNDLED_VGG16)), ours)
    for network, path in {"vgg19": theirs, "vgg16": ours}.items():
        with pytest.raises(WeightsError) as caught:
            load_weights(network)
        sentence = str(caught.value)
        assert sentence.startswith(f"{path} does not hold the weights of {network}: ")
        assert len(sentence.splitlines()) == 1


def test_a_bundled_file_that_is_missing_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "BUNDLED_VGG16", tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="copy it from the repository"):
        load_weights("vgg16")


def test_a_torchvision_that_can_not_be_imported_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torchvision_path().parent.mkdir(parents=True)
    torchvision_path().touch()
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(WeightsError, match="install the torchvision that fits"):
        load_weights("vgg19")


def test_a_space_downloads_the_file_that_is_asked_for() -> None:
    """Each line of `preload_from_hub` is a repository, a space, and its files."""
    front = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert front["preload_from_hub"] == [f"{HUB_REPOSITORY} {HUB_FILE}"]


def test_bundled_weights_are_what_they_say() -> None:
    weights = load_weights("vgg16")
    assert BUNDLED_VGG16.stat().st_size < 21_000_000
    assert sum(w.numel() for w in weights.values()) == 9_995_072
    assert all(w.dtype == torch.float32 and w.isfinite().all() for w in weights.values())
    # A published value of the original release, conv5_1 kernel [1, 0, 63, 269].
    original = weights["features.24.weight"][269, 63, 1, 0].item()
    assert original == pytest.approx(-0.011236359, rel=1e-3)
