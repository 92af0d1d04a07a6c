"""Fixtures of the tests that want a GPU. They need nothing of the other tests.

python -m pytest -m gpu                                              with all requirements
python -m pytest tests/gpu -m gpu --device cpu                       on the CPU, as far as they go
python -m pytest -c /dev/null --confcutdir=tests/gpu tests/gpu       with pytest, torch and Pillow
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cuda", help="where the tests in tests/gpu compute")


def pytest_configure(config: pytest.Config) -> None:
    # A bare machine has no pyproject.toml that names it.
    config.addinivalue_line("markers", "gpu: needs a GPU")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """Where to compute: "cuda", or what `--device` names."""
    device: str = request.config.getoption("--device", default="cuda")
    if device.startswith("cuda") and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return device


@pytest.fixture(scope="session")
def cuda(device: str) -> str:
    """The device, for tests of what no CPU has."""
    if not device.startswith("cuda"):
        pytest.skip("this is about the memory of a GPU")
    return device


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    return Image.open(EXAMPLES / "contents" / "chelsea.jpg").convert("RGB")


@pytest.fixture(scope="session")
def painting() -> Image.Image:
    return Image.open(EXAMPLES / "styles" / "flow_strokes.jpg").convert("RGB")
