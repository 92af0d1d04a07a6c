"""VGG-19 from the Hugging Face Hub: huggingface_hub itself against a server on this machine."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from local_hub import LocalHub, convolutions
from safetensors.torch import load_file
from torch import Tensor

from nst_core import weights
from nst_core.vgg import VGGFeatures
from nst_core.weights import VGG19_CONVOLUTIONS, load_weights, vgg19_path

ROOT = Path(__file__).parents[2]
WHOLE, NEEDED = 574_670_000, 51_900_000


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return convolutions()


@pytest.fixture(scope="module")
def one_hub(
    tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalHub]:
    hub = LocalHub()
    hub.publish(tensors, tmp_path_factory.mktemp("hub") / "body")
    yield hub
    hub.shutdown()
    hub.server_close()


@pytest.fixture
def hub(one_hub: LocalHub) -> Iterator[LocalHub]:
    """The server as it was, whatever a test does to it."""
    header, body = dict(one_hub.header), one_hub.body
    one_hub.forget()
    yield one_hub
    one_hub.header, one_hub.body, one_hub.retry_after = header, body, "1"


@pytest.fixture
def here(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process asks `hub` for everything, and keeps what it gets in the folder given."""
    state = io.BytesIO()
    torch.save({"features.0.bias": torch.ones(64)}, state)
    hub.torchvision_file = state.getvalue()
    # What HF_ENDPOINT makes of these two in a process of its own.
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(weights, "VGG19_URL", f"{hub.url}/torchvision.pth")
    digest = hashlib.sha256(hub.torchvision_file).hexdigest()
    monkeypatch.setattr(weights, "VGG19_HASH", digest[:8])
    return vgg19_path().parent


def start(hub: LocalHub, home: Path, *command: object, **more: str) -> subprocess.Popen[str]:
    """A process that finds `hub` at HF_ENDPOINT and, as a proxy, wherever else it wants to go."""
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "TORCH_HOME": str(home),
        "HTTPS_PROXY": hub.url,
        "https_proxy": hub.url,
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        **more,
    }
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def load(hub: LocalHub, home: Path, **more: str) -> subprocess.Popen[str]:
    code = "from nst_core.weights import load_weights; print(len(load_weights('vgg19')))"
    return start(hub, home, "-c", code, **more)


def wait_for(hub: LocalHub, requests: int, processes: list[subprocess.Popen[str]]) -> None:
    """Until the processes have asked for so many parts of the file, or one has ended."""
    while hub.requests["cdn"] < requests and all(process.poll() is None for process in processes):
        time.sleep(0.05)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """The 13 convolutions down to conv5_1, bit for bit."""
    assert len(ours) == 26
    for key, tensor in ours.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, theirs[key].float()), key


def test_only_the_convolutions_are_fetched_and_only_once(
    hub: LocalHub, here: Path, tensors: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub.size > WHOLE
    assert_same(load_weights("vgg19"), tensors)
    assert NEEDED - 100_000 < hub.bytes_served < NEEDED + 100_000
    assert hub.requests["cdn"] == 4
    assert files(here) == [VGG19_CONVOLUTIONS]
    assert_same(load_file(here / VGG19_CONVOLUTIONS), tensors)

    hub.forget()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert_same(load_weights("vgg19"), tensors)
    features = VGGFeatures("vgg19", ["relu5_1"])(torch.rand(1, 3, 32, 32))["relu5_1"]
    assert features.shape == (1, 512, 2, 2)
    assert not hub.requests


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_too(
    hub: LocalHub, here: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    tensors = convolutions(dtype)
    hub.publish(tensors, tmp_path / "body")
    assert_same(load_weights("vgg19"), tensors)
    assert hub.bytes_served < NEEDED / 2 + 100_000


def test_a_run_survives_a_hub_that_stumbles(
    hub: LocalHub, photo_path: Path, painting_path: Path, tmp_path: Path
) -> None:
    """The command line from nothing to a picture; every fault shows once."""
    hub.forget(api=["503"], resolve=["", "429"], cdn=["", "cut", "503"])
    out = tmp_path / "out.png"
    process = start(
        *(hub, tmp_path, "-m", "nst_core", photo_path, painting_path, "-o", out),
        *("--network", "vgg19", "--size", 64, "--steps", 2),
    )
    assert process.communicate() == ("", "")
    assert process.returncode == 0
    assert out.exists()
    assert hub.requests["api"] == 4
    assert hub.requests["resolve"] == 4 + 3
    assert hub.bytes_served < NEEDED * 2
    assert not hub.tunnels


def test_processes_at_once_do_not_disturb_each_other(hub: LocalHub, tmp_path: Path) -> None:
    hub.forget(cdn=["hang"] * 3)
    processes = [load(hub, tmp_path, HF_HUB_DOWNLOAD_TIMEOUT="60") for _ in range(3)]
    wait_for(hub, 3, processes)  # none has anything yet
    hub.released.set()
    for process in processes:
        assert process.communicate() == ("26\n", "")
    assert hub.bytes_served > 3 * (NEEDED - 100_000)
    assert files(tmp_path) == [VGG19_CONVOLUTIONS]
    assert len(load_file(next(tmp_path.rglob(VGG19_CONVOLUTIONS)))) == 26


def test_a_process_that_is_killed_leaves_nothing(hub: LocalHub, tmp_path: Path) -> None:
    hub.forget(cdn=["", "", "hang"])
    process = load(hub, tmp_path)
    wait_for(hub, 3, [process])
    process.kill()
    process.communicate()
    hub.released.set()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "faults",
    [
        {"api": ["404"]},
        {"api": repeat("503")},
        {"resolve": ["404"]},
        {"cdn": ["", "short"]},
        {"cdn": ["", "unranged"]},
    ],
    ids=["no repository", "unavailable", "no file", "short answer", "no ranges"],
)
def test_where_the_hub_fails_torchvision_is_asked(
    hub: LocalHub, here: Path, faults: dict[str, list[str]]
) -> None:
    hub.forget(**faults)
    assert_torchvision(hub, here)


def assert_torchvision(hub: LocalHub, folder: Path) -> None:
    assert list(load_weights("vgg19")) == ["features.0.bias"]
    assert hub.requests["torchvision"] == 1
    assert files(folder) == [vgg19_path().name]


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [64, 3, 3, 4]},
        {"dtype": "I32"},
        {"data_offsets": [256, 260]},
        {"data_offsets": [-256, 6912 - 256]},
        {"data_offsets": [10**12, 10**12 + 6912]},
        {"comment": " " * 2**16},
        None,
    ],
    ids=["shape", "dtype", "length", "before", "behind", "long header", "missing"],
)
def test_a_header_that_is_not_that_of_vgg19(
    hub: LocalHub, here: Path, entry: dict[str, object] | None
) -> None:
    key = "features.0.weight"
    if entry is None:
        del hub.header[key]
    else:
        hub.header[key] = hub.header[key] | entry
    assert_torchvision(hub, here)
    assert hub.bytes_served <= 2**16


def test_values_that_are_not_finite(hub: LocalHub, here: Path, tmp_path: Path) -> None:
    tensors = convolutions()
    tensors["features.28.weight"][511, 511, 2, 2] = torch.nan
    hub.publish(tensors, tmp_path / "body")
    assert_torchvision(hub, here)


def test_a_hub_that_asks_to_come_back_in_an_hour(
    hub: LocalHub, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.retry_after = "3600"
    hub.forget(cdn=repeat("429"))
    monkeypatch.setattr(weights, "HUB_PATIENCE", 1)
    assert_torchvision(hub, here)


def test_a_damaged_file_is_fetched_again(
    hub: LocalHub, here: Path, tensors: dict[str, Tensor]
) -> None:
    load_weights("vgg19")
    kept = here / VGG19_CONVOLUTIONS
    good = kept.read_bytes()
    nan = good[:-4] + b"\xff\xff\xff\xff"
    for bad in (b"", b"not weights", good[:-1], nan):
        hub.forget()
        kept.write_bytes(bad)
        assert_same(load_weights("vgg19"), tensors)
        assert hub.requests["cdn"] == 4
        assert kept.read_bytes() == good


def test_a_folder_that_can_not_be_written(
    hub: LocalHub, here: Path, tensors: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    here.write_text("a file where the folder should be")
    assert_same(load_weights("vgg19"), tensors)
    (record,) = caplog.records
    assert str(here) in record.getMessage()
    assert "TORCH_HOME" in record.getMessage()


def test_the_file_of_torchvision_comes_first(hub: LocalHub, here: Path) -> None:
    here.mkdir(parents=True)
    vgg19_path().write_bytes(hub.torchvision_file)
    assert list(load_weights("vgg19")) == ["features.0.bias"]
    assert not hub.requests


def test_a_wrong_hash_is_refused(
    hub: LocalHub, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.forget(api=["404"])
    monkeypatch.setattr(weights, "VGG19_HASH", "00000000")
    with pytest.raises(weights.WeightsError, match="choose vgg16"):
        load_weights("vgg19")
    assert files(here) == []


@pytest.mark.parametrize("offline", [True, False], ids=["told to be offline", "unreachable"])
def test_offline_is_one_sentence(
    hub: LocalHub, photo_path: Path, painting_path: Path, tmp_path: Path, offline: bool
) -> None:
    out = tmp_path / "out.png"
    process = start(
        *(hub, tmp_path, "-m", "nst_core", photo_path, painting_path, "-o", out),
        *("--network", "vgg19", "--size", 64, "--steps", 2),
        **({"HF_HUB_OFFLINE": "1"} if offline else {"HF_ENDPOINT": "http://127.0.0.1:9"}),
    )
    output, sentence = process.communicate()
    assert (process.returncode, output) == (2, "")
    assert len(sentence.splitlines()) == 1, sentence
    assert ("HF_HUB_OFFLINE" in sentence) == offline
    assert str(tmp_path) in sentence
    assert "vgg16" in sentence
    assert hub.tunnels == ([] if offline else ["download.pytorch.org:443"])


def test_vgg16_knows_nothing_of_the_hub(hub: LocalHub, tmp_path: Path) -> None:
    code = (
        "import sys, nst_core.__main__; from nst_core.weights import load_weights;"
        "load_weights('vgg16'); print('huggingface_hub' in sys.modules)"
    )
    assert start(hub, tmp_path, "-c", code).communicate() == ("False\n", "")
    assert not hub.requests
