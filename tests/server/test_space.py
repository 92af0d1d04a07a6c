"""The app on a Space and in a container, by the commands of the README."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from gradio_client import Client, handle_file
from huggingface_hub import SpaceHardware
from PIL import Image

from nst_core import Settings, read_recipe
from nst_core.transfer import with_precision
from tests.serving import ROOT, running_server

README = (ROOT / "README.md").read_text(encoding="utf-8")
# For operators there is another one.
TEXTS = [README, *(path.read_text(encoding="utf-8") for path in ROOT.glob("nst_core/*/README.md"))]
SPACE = "someone/repaint"
GRADIO = version("gradio")

# All keys of the Hub's "Spaces Configuration Reference", with the values that each may have.
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
FRONT_MATTER: dict[str, Any] = {
    "title": str,
    "emoji": str,
    "colorFrom": COLOURS,
    "colorTo": COLOURS,
    "sdk": {"gradio", "docker", "static"},
    "python_version": str,
    "sdk_version": str,
    "suggested_hardware": {flavor.value for flavor in SpaceHardware},
    "suggested_storage": {"small", "medium", "large"},
    "app_file": str,
    "app_port": int,
    "base_path": str,
    "fullWidth": bool,
    "header": {"mini", "default"},
    "short_description": str,
    "models": list,
    "datasets": list,
    "tags": list,
    "license": str,
    "thumbnail": str,
    "pinned": bool,
    "hf_oauth": bool,
    "hf_oauth_scopes": list,
    "hf_oauth_expiration_minutes": int,
    "hf_oauth_authorized_org": (str, list),
    "disable_embedding": bool,
    "startup_duration_timeout": str,
    "custom_headers": dict,
    "preload_from_hub": list,
}


class Hub(ThreadingHTTPServer):
    """As much of the Hub as three commands need. It keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubRequest)
        self.requests: list[tuple[str, Any]] = []
        self.files: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        if path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.files[line["value"]["path"]] = content
            url = f"{self.url}/spaces/{SPACE}/commit/{'0' * 40}"
            return 200, {"success": True, "commitUrl": url, "commitOid": "0" * 40}
        asked = json.loads(body)
        self.requests.append((path, asked))
        match path.removeprefix("/api/").removeprefix(f"spaces/{SPACE}/"):
            case "repos/create":
                known = sum(where == path for where, _ in self.requests) > 1
                return (409 if known else 200), {"url": f"{self.url}/spaces/{SPACE}"}
            case "validate-yaml":
                return 200, {"warnings": [], "errors": []}
            case "preupload/main":
                modes = {"uploadMode": "regular", "shouldIgnore": False}
                return 200, {"files": [{"path": x["path"], **modes} for x in asked["files"]]}
            case "hardware":
                return 200, {
                    "stage": "BUILDING",
                    "hardware": {"current": None, "requested": asked["flavor"]},
                    "gcTimeout": asked["sleepTimeSeconds"],
                }
        return 404, {"error": path}


class HubRequest(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = self.server.answer(urlsplit(self.path).path, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


def section(title: str) -> str:
    """The text of one section of the README, or of that for operators."""
    text = next(text for text in TEXTS if f"\n## {title}\n" in text)
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def code(title: str, language: str) -> str:
    """The first block of code in a section."""
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)[0]


def files_of(*names: str) -> set[str]:
    """The files of these names, and those in the folders of these names."""
    found = {
        path
        for name in names
        for path in (ROOT / name, *(ROOT / name).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {str(path.relative_to(ROOT)) for path in found}


APP = ("app.py", "nst_core", "examples", "requirements.txt")
ROOT_FILES = ("README.md", "LICENSE", "NOTICE", "pyproject.toml")
NOT_FOR_A_SPACE = ("tests", "Dockerfile", ".dockerignore", ".gitignore")


def copy(names: set[str], folder: Path) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with all that work on it leaves behind."""
    folder = tmp_path_factory.mktemp("checkout") / "project"
    copy(files_of(*APP, *ROOT_FILES, *NOT_FOR_A_SPACE), folder)
    for name in (
        *(".venv/bin/python", ".git/config", ".gradio/certificate.pem", ".ruff_cache/x/y"),
        *("__pycache__/app.pyc", "nst_core/__pycache__/vgg.pyc"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for a Space")
    return folder


@pytest.fixture(scope="module")
def hub(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The double, after the commands of the README have run: word for word, but for the names."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "HF_TOKEN": "hf_of_a_test",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    for line in code("Your own Space", "bash").replace("\\\n", " ").splitlines():
        program, *arguments = shlex.split(line.replace("USER/SPACE", SPACE))
        assert program == ".venv/bin/hf"
        program = str(Path(sys.executable).with_name("hf"))
        done = subprocess.run(
            [program, *arguments], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    yield hub
    hub.shutdown()


def test_front_matter_is_what_the_hub_knows() -> None:
    front = yaml.safe_load(README.split("---")[1])
    for key, value in front.items():
        allowed = FRONT_MATTER[key]
        assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), key
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == GRADIO
    assert re.fullmatch(r"3\.\d+(\.\d+)?", front["python_version"])
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["emoji"]) == 1
    assert front["emoji"] > "\u2000"
    assert len(front["short_description"]) <= 60


def test_three_commands_make_a_space(hub: Hub) -> None:
    asked = [(path, values) for path, values in hub.requests if "repos/" in path]
    assert asked[0][1] == {"name": "repaint", "organization": "someone", "type": "space"} | {
        "sdk": "gradio"
    }
    path, values = hub.requests[-1]
    assert path == f"/api/spaces/{SPACE}/hardware"
    assert values["flavor"] in set(SpaceHardware)
    assert values["sleepTimeSeconds"] == 3600


def test_all_that_a_space_needs_is_uploaded_and_nothing_else(hub: Hub) -> None:
    assert set(hub.files) == files_of(*APP, *ROOT_FILES)
    assert all((ROOT / name).read_bytes() == data for name, data in hub.files.items())


def test_the_app_starts_from_what_was_uploaded(hub: Hub, tmp_path: Path) -> None:
    root, home = tmp_path / "space", tmp_path / "home"
    for name, data in hub.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    home.mkdir()
    with running_server(tmp_path / "server", root=root, HOME=str(home)) as server:
        page = httpx.get(f"{server.url}/")
        assert "Neural Style Transfer" in page.text
        config = httpx.get(f"{server.url}/config").json()
        assert config["version"] == GRADIO
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text()


def test_the_container_is_what_spaces_want() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    steps = [line.split(" ", 1) for line in lines if line]
    assert [what for step, what in steps if step == "USER"] == ["1000"]
    assert [what for step, what in steps if step == "ARG"] == ["PIP_EXTRA_INDEX_URL"]
    assert "PIP_EXTRA_INDEX_URL" in section("In a container")
    assert "ADD" not in dict(steps)
    assert not [what for step, what in steps if step == "COPY" and "--chown" in what]
    assert json.loads(dict(steps)["CMD"]) == ["python", "app.py"]
    assert "/health" in dict(steps)["HEALTHCHECK"]
    assert set(re.findall(r"https?://([^/']+)", text)) == {"127.0.0.1:7860"}


def files_of_image() -> set[str]:
    """The files that `COPY . .` copies."""
    ignored = (ROOT / ".dockerignore").read_text().replace("**/", "").split()
    every = files_of(*(path.name for path in ROOT.iterdir() if path.name != ".git"))
    return {
        name
        for name in every
        if not any(fnmatch(part, pattern) for part in Path(name).parts for pattern in ignored)
    }


def environment_of_image() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    block = re.findall(r"^ENV (.*?[^\\])\n", text, re.MULTILINE | re.DOTALL)[0]
    return dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())


# Runs a command as user 1000, in a namespace of mounts where all but two folders are read-only.
# The user may read every file, since Python can be anywhere.
ONLY_NAMED_FOLDERS = """
for folder in "$TMPDIR" "$HOME/.cache"; do mount --bind "$folder" "$folder"; done
for mount in / $(findmnt -n -o TARGET --target "$PWD"); do mount -o remount,ro,bind "$mount"; done
exec setpriv --reuid=1000 --regid=1000 --clear-groups \
  --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"
"""
CONTAINED = ["unshare", "--mount", "sh", "-ec", ONLY_NAMED_FOLDERS, "sh"]


@pytest.fixture
def image() -> Iterator[Path]:
    """The two folders in which the image differs from this machine: /home/user and /tmp."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy(files_of_image(), folder / "home/user/app")
        for named in (folder / "tmp", folder / "home/user/.cache"):
            named.mkdir()
            os.chown(named, 1000, 1000)
        yield folder


@pytest.mark.full
@pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0 or not shutil.which("setpriv"),
    reason="only root can become user 1000 and make folders read-only",
)
def test_the_container_writes_to_named_folders_alone(
    image: Path, tmp_path: Path, photo_path: Path, painting_path: Path
) -> None:
    home, temporary = image / "home/user", image / "tmp"
    places = {"/tmp": str(temporary), "/home/user": str(home)}
    # Gradio imports Matplotlib if that is installed, which it is here, but not in the image.
    environment = {"TMPDIR": str(temporary), "MPLCONFIGDIR": str(temporary)}
    for key, value in environment_of_image().items():
        place = next((place for place in places if value.startswith(place)), "")
        environment[key] = places.get(place, "") + value.removeprefix(place)
    environment["GRADIO_SERVER_NAME"] = "127.0.0.1"
    app = {"cwd": home / "app", "env": {**os.environ, **environment}}
    if subprocess.run([*CONTAINED, "true"], **app, capture_output=True).returncode:
        pytest.skip("mounts are not allowed here")
    before = {path for path in image.rglob("*") if temporary not in path.parents}
    command = [*CONTAINED, sys.executable, "app.py"]
    with running_server(tmp_path / "server", command, home / "app", **environment) as server:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        assert re.search(r"^Uid:\t1000\t1000", status, re.MULTILINE)
        result = Client(server.url, verbose=False).predict(
            content=handle_file(photo_path),
            style=handle_file(painting_path),
            size=64,
            steps=2,
            api_name="/stylize",
        )
        assert read_recipe(result).settings == with_precision(Settings(size=64, steps=2))
        assert Image.open(result).size == Image.open(photo_path).size
        assert list(temporary.glob("gradio/**/*.png"))
        assert server.stop() == 0
        text = server.log.read_text()
    assert not re.search("Traceback|Read-only|Permission", text), text
    after = {path for path in image.rglob("*") if temporary not in path.parents}
    assert after == before


def test_embedding_names_the_gradio_that_is_installed() -> None:
    """`test_embed` loads the app by this snippet."""
    assert re.findall(r"/([\d.]+)/gradio\.js", README) == [GRADIO]
    assert f"gradio=={GRADIO}\n" in (ROOT / "requirements.txt").read_text()
