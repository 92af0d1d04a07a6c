"""The web page and its API: widgets, events and layout around `nst_core`.

python app.py [--port 7860] [--share]
"""

from __future__ import annotations

import gc

gc.disable()  # nothing of what is imported is garbage; to look for it takes a fifth of the time

import argparse
import base64
import html
import inspect
import json
import logging
import math
import os
import random
import re
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

SERVES_MCP = os.environ.get("GRADIO_MCP_SERVER", "").lower() == "true"


@contextmanager
def _without_what_no_page_needs() -> Iterator[None]:
    """Half of the time that Gradio takes to import.

    Each time it makes the type stubs of its components anew, for editors, but none for those that
    have no source file; and it imports all of `mcp`, where that is installed.
    """
    find_file = inspect.getfile

    def find_none(thing: Any) -> str:
        if str(getattr(thing, "__module__", "")).startswith("gradio."):
            raise OSError
        return find_file(thing)

    inspect.getfile = find_none
    if not SERVES_MCP:
        sys.modules.setdefault("mcp", None)
    try:
        yield
    finally:
        inspect.getfile = find_file
        if not SERVES_MCP and sys.modules["mcp"] is None:
            del sys.modules["mcp"]


os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="nst-"))

with _without_what_no_page_needs():
    import gradio as gr
    import gradio.component_meta
    import gradio.routes

gradio.component_meta.create_or_modify_pyi = lambda *_: None

import pandas as pd
import spaces
import spaces.config
from PIL import Image, ImageOps
from starlette.middleware import Middleware

from nst_core import (
    PRESETS,
    Frame,
    Recipe,
    Settings,
    StyleTransferError,
    insights,
    load_image,
    read_recipe,
    save_with_recipe,
    sweep,
)
from nst_core.allocator import release_freed_memory
from nst_core.errors import SettingsError
from nst_core.finishing import strengthen
from nst_core.images import on_white
from nst_core.options import Choice, Layers, Number, Switch, Weights
from nst_core.page import api
from nst_core.plan import make_plan
from nst_core.server.gate import Gate
from nst_core.server.history import History, Record
from nst_core.server.jobs import (
    SHOWN_SIDE,
    Images,
    Job,
    Outcome,
    Shown,
    open_job,
    run_job,
    save_result,
)
from nst_core.server.limits import Limits
from nst_core.server.runs import Runs
from nst_core.server.service import Service
from nst_core.settings import DEFAULTS, MOST_STYLES, OPTIONS
from nst_core.sweep import SIZE, STEPS, STYLE_SCALES, STYLE_WEIGHTS, Tile
from nst_core.timelapse import LOOKS, to_webp

gc.freeze()  # from now on no look at all that was imported, either
gc.enable()

EXAMPLES = Path(__file__).parent / "examples"
PICTURES = [EXAMPLES / x for x in ("contents", "styles", "results", "thumbnails", "presets")]
PORT = 7860
FRAME_SECONDS = 0.25
# The photo to paint a region on, as it is sent to the page.
PAINTER_SIDE = 640
MOST_RESULTS = 24
# Pages and clients that the server knows, a quarter of a megabyte each; the oldest are forgotten.
MOST_SESSIONS = 500
RELOAD_SECONDS = 3.0
# A run that an example takes over from is kept if it has made this part of its steps.
LEAST_PART = 0.25
# Photos of phones and scanners, which most browsers do not show.
UNSEEN_ENDINGS = (".heic", ".heif", ".hif", ".tif", ".tiff")
# A preset of the page leaves alone what decides how long a run takes, and the seed.
UNTOUCHED_BY_PRESETS = ("size", "seed", "style_mix", "strength", "region", "memory_budget")
# What a megapixel of gradient evaluation (`nst_core.plan.Stage.work`) takes on a slow GPU, and what
# a run costs besides. For the scheduler of ZeroGPU, which ends a run that takes longer.
GPU_SECONDS_PER_MEGAPIXEL = 0.2
GPU_SECONDS_PER_RUN = 15

TITLE = "Neural Style Transfer, live"
INTRO = (
    "# Neural Style Transfer, live\n"
    "Repaint a photo in the style of a painting, and watch it happen. Pick an example below, or "
    "bring your own two pictures."
)
INSIGHTS_INTRO = """
The picture is found by moving its pixels until a trained network, VGG, sees in it what it sees in
the photo and in the painting. Here each half of that runs alone, from noise, at 192 pixels, with
the photo and the painting of the first tab.
"""
INSIGHTS_FORMULAS = """
## The formulas

The picture $G$ is the one with the smallest loss

$$L = \\alpha L_{content} + \\beta L_{style}$$

With $F$ the feature maps of the picture in one layer, and $P$ those of the photo,

$$L_{content} = \\mathrm{mean}\\,\\bigl[(F - P)^2\\bigr]$$

and with the Gram matrix $A = F F^{\\top}$, the correlations between channels over all positions, of
the picture $G$ and of the painting $S$,

$$L_{style} = \\sum_l w_l \\,\\mathrm{mean}\\,\\bigl[(A_l(G) - A_l(S))^2\\bigr]$$
"""
RECONSTRUCTION_TEXTS = {
    "relu1_1": "The first layer sees edges and colours, pixel by pixel. The photo comes back "
    "nearly as it was.",
    "relu2_1": "The second block sees corners and short lines. Hardly anything of the photo is "
    "lost yet.",
    "relu3_1": "The third block sees small patterns. Shapes stay, and fine grain begins to go.",
    "relu4_1": "The fourth block sees parts of objects. What they are and where stays, exact "
    "colours and textures are free: this is where a style transfer holds the photo.",
    "relu5_1": "The fifth block sees whole objects. Only their gist is left, the rest is for the "
    "network to make up.",
}
TEXTURE_TEXTS = {
    "relu1_1": "Correlations of the first layer are little more than the palette. Specks of the "
    "right colours appear, in no order.",
    "relu2_1": "With the second block come short marks. They have the painting's directions, but "
    "no length.",
    "relu3_1": "With the third block marks join to strokes. It begins to look painted.",
    "relu4_1": "With the fourth block strokes join to swirls and shapes. Larger and larger pieces "
    "look right.",
    "relu5_1": "With all five, whole motifs of the painting return. Where they stand is left to "
    "chance, since a Gram matrix knows nothing of places.",
}

CSS = """
.studio { display: grid; gap: var(--layout-gap); align-items: start;
  grid-template: "inputs result" auto "controls result" 1fr / minmax(0, 5fr) minmax(0, 7fr); }
#inputs { grid-area: inputs; } #result { grid-area: result; } #controls { grid-area: controls; }
#inputs, #result, #controls { min-width: 0; }
[role="tab"].selected { color: var(--body-text-color) !important; }
input:is([type="range"], [type="radio"], [type="checkbox"]):focus-visible {
  outline: 2px solid var(--body-text-color) !important; outline-offset: 2px; }
.line { flex-wrap: nowrap !important; } .line > * { min-width: 0 !important; }
.picture .image-frame { width: 100%; }
.picture img { width: 100%; max-height: 500px; object-fit: contain; }
.picture.fullscreen img { max-height: 100vh; }
#film video { max-height: 500px; }
.whole { overflow: visible !important; }
.status { display: flex; gap: 0.75em; align-items: center; font-variant-numeric: tabular-nums; }
.status progress { flex: 1 1 5em; min-width: 4em; height: 0.5em; appearance: none; border: 0;
  border-radius: 0.25em; overflow: hidden; background: var(--border-color-primary); }
.status progress::-webkit-progress-bar { background: var(--border-color-primary); }
.status progress::-webkit-progress-value { background: var(--color-accent); }
.status progress::-moz-progress-bar { background: var(--color-accent); }
.input:has(img) .source-selection { display: none; }
#history .grid-wrap, #presets .grid-wrap { margin-top: 1.75em; }
.strip, .strip .grid-wrap { max-height: none; min-height: 0 !important; height: auto !important; }
@media (max-width: 767px) {
  .studio { grid-template: "inputs" auto "result" auto "controls" auto / minmax(0, 1fr); }
  .strip .grid-wrap { overflow-x: auto; }
  .strip .grid-container { grid: auto / auto-flow 42% !important; }
  #history .grid-container { grid: auto / auto-flow 27% !important; }
  #presets .grid-container { grid: auto / repeat(4, minmax(0, 1fr)) !important; }
  #presets .caption-label { font-size: 0.65em; padding: 0.2em; inset: auto 0 0;
    white-space: normal; }
}
"""

# Until a run begins: its buttons at once, without asking the server.
WAITING = """() => ['Waiting ...', 'Stop', 'Cancel', 'Refine'].map((value, k) => ({
  __type__: 'update', value, interactive: k == 2, ...(k == 3 ? {} : {visible: k != 1})
}))"""

# All look below `.studio`: the page around an embedded app may have a #result of its own.
SHOW_RESULT = "() => document.querySelector('.studio #result').scrollIntoView({behavior: 'smooth'})"
# On a phone the result is below what was pressed.
SHOW_RESULT_ON_PHONE = f"() => {{ if (innerWidth < 768) ({SHOW_RESULT})(); }}"
WAITING_HALF = """() => [
  {__type__: 'update', value: 'Working ...', interactive: false},
  {__type__: 'update', interactive: true}
]"""
STOPPING = "() => ({__type__: 'update', value: 'Stopping ...', interactive: false})"
# Gradio leaves the images of the slider and the film without a name, and numbers the thumbnails.
# Where the app is embedded, a download is a link to another site, and would replace the page there.
ON_LOAD = """() => {
  const studio = document.querySelector('.studio');
  function name() {
    studio.querySelectorAll('#compare img').forEach(image => {
      image.alt = image.classList.contains('fixed') ? 'The stylised picture' : 'The photo';
    });
    studio.querySelectorAll('#film video').forEach(film => { film.ariaLabel = 'Time-lapse'; });
    for (const button of studio.querySelectorAll('button.thumbnail-item')) {
      const caption = button.querySelector('.caption-label');
      if (caption) button.ariaLabel = caption.textContent.trim();
    }
  }
  name();
  new MutationObserver(name).observe(
    studio, {childList: true, characterData: true, subtree: true});
  document.addEventListener('click', async event => {
    const link = event.target.closest('a[download]');
    if (!link?.href.includes('/gradio_api/file=') || link.origin === location.origin) return;
    event.preventDefault();
    const file = document.createElement('a');
    file.href = URL.createObjectURL(await (await fetch(link.href)).blob());
    file.download = link.download;
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 10000);
  });
}"""

# Gradio's theme, with enough contrast for its small grey texts and for white on buttons.
THEME = gr.themes.Default().set(
    body_text_color_subdued="*neutral_500",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
)

TERM_COLOURS = {
    "content": "#3b82f6",
    "range": "#a1a1aa",
    "style": "#f97316",
    "total": "#ef4444",
    "total_variation": "#10b981",
    "weave": "#8b5cf6",
}


class ImageFile(gr.Image):
    """An image input that hands over the uploaded file: `load_image` is the only decoder."""

    is_template = True

    def preprocess(self, payload: Any) -> str | None:
        return payload.path if payload else None


# Widgets that leave the checking to `Settings`, whose sentences name the setting.


class Slider(gr.Slider):
    is_template = True

    def preprocess(self, payload: Any) -> Any:
        return payload


class Radio(gr.Radio):
    is_template = True

    def preprocess(self, payload: Any) -> Any:
        return payload


class Dropdown(gr.Dropdown):
    is_template = True

    def preprocess(self, payload: Any) -> Any:
        return payload


PAINTER_HTML = """
<div class="board"><img alt="The photo, to paint on"><canvas></canvas></div>
<div class="tools">
  <label>Brush <input type="range" min="2" max="30" value="10"></label>
  <button type="button" class="erase" aria-pressed="false">Erase</button>
  <button type="button" class="clear">Clear</button>
</div>
"""
PAINTER_CSS = """
.board { position: relative; width: fit-content; margin: auto; line-height: 0; }
.board img { max-width: 100%; max-height: 60vh; }
.board canvas { position: absolute; inset: 0; width: 100%; height: 100%;
  opacity: 0.6; touch-action: none; cursor: crosshair; }
.tools { display: flex; gap: 0.5em; align-items: center; margin-top: 0.5em; }
.tools label { display: flex; gap: 0.5em; align-items: center; flex: 1;
  min-width: 0; }
.tools input { flex: 1; min-width: 2em; }
.tools button { padding: 0.3em 0.7em; font-size: 0.9em;
  border-radius: var(--button-small-radius);
  border: 1px solid var(--border-color-primary);
  background: var(--button-secondary-background-fill); }
.tools button[aria-pressed="true"] { background: var(--color-accent); color: white; }
"""
PAINTER_JS = """
const [photo, canvas] = [element.querySelector('img'), element.querySelector('canvas')];
const [brush, erase] = [element.querySelector('input'), element.querySelector('.erase')];
const paint = canvas.getContext('2d');
let last = null, sent = '';

function draw(mask) {
  canvas.width = photo.naturalWidth;
  canvas.height = photo.naturalHeight;
  sent = mask || '';
  if (!sent) return;
  const image = new Image();
  image.onload = () => {
    paint.globalCompositeOperation = 'source-over';
    paint.drawImage(image, 0, 0, canvas.width, canvas.height);
    paint.globalCompositeOperation = 'source-in';
    paint.fillStyle = '#e11d48';
    paint.fillRect(0, 0, canvas.width, canvas.height);
  };
  image.src = sent;
}
function send() {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const white = copy.getContext('2d');
  white.drawImage(canvas, 0, 0);
  white.globalCompositeOperation = 'source-in';
  white.fillStyle = 'white';
  white.fillRect(0, 0, copy.width, copy.height);
  sent = copy.toDataURL('image/png');
  props.value = sent;
}
function at(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width,
          (event.clientY - box.top) * canvas.height / box.height];
}
function stroke(event) {
  const here = at(event);
  const erasing = erase.getAttribute('aria-pressed') === 'true';
  paint.globalCompositeOperation = erasing ? 'destination-out' : 'source-over';
  paint.strokeStyle = '#e11d48';
  paint.lineCap = 'round';
  paint.lineWidth = brush.value / 100 * Math.max(canvas.width, canvas.height);
  paint.beginPath();
  paint.moveTo(...last);
  paint.lineTo(...here);
  paint.stroke();
  last = here;
}
canvas.addEventListener('pointerdown', event => {
  canvas.setPointerCapture(event.pointerId);
  last = at(event);
  stroke(event);
});
canvas.addEventListener('pointermove', event => { if (last) stroke(event); });
for (const end of ['pointerup', 'pointercancel'])
  canvas.addEventListener(end, () => { if (last) { last = null; send(); } });
erase.addEventListener('click', () =>
  erase.setAttribute('aria-pressed', erase.getAttribute('aria-pressed') !== 'true'));
element.querySelector('.clear').addEventListener('click', () => { draw(''); props.value = ''; });
photo.addEventListener('load', () => draw(props.value));
photo.src = props.photo;
watch('photo', () => { photo.src = props.photo; });
watch('value', () => { if ((props.value || '') !== sent) draw(props.value); });
"""


def region_painter(photo: str, **options: Any) -> gr.HTML:
    """The photo to paint a region on, with a finger as well as with a mouse.

    Smaller and surer on a phone than `gr.ImageEditor`, whose tools fill the screen there: one
    finger paints, nothing moves. The value is a PNG as data URL, white where it was painted and
    transparent elsewhere; empty where nothing was.

    Args:
        photo: its address, or a data URL; the page may change it.
    """
    return gr.HTML(
        "",
        photo=photo,
        html_template=PAINTER_HTML,
        css_template=PAINTER_CSS,
        js_on_load=PAINTER_JS,
        **options,
    )


try:
    _limits = Limits.from_environment()
except SettingsError as error:
    raise SystemExit(str(error)) from error
_runs = Runs(_limits.seconds)
# The results of the last hour.
_history = History(_limits.keep)
# How often files that are too old are looked for.
_clean_seconds = math.ceil(min(60, _limits.keep / 4))


@contextmanager
def _messages() -> Iterator[None]:
    """Errors of the core become messages; nothing is printed about them."""
    try:
        yield
    except StyleTransferError as error:
        raise gr.Error(_message(error), print_exception=False) from error


def _message(error: StyleTransferError) -> str:
    """The page shows messages as HTML, and the name of a file may be anything."""
    return html.escape(str(error), quote=False)


def _gpu_seconds(images: Images, settings: Settings, run: str) -> int:
    """How long a run may hold the GPU of a ZeroGPU Space; takes the arguments of `_frames`."""
    work = sum(stage.work for stage in make_plan(settings, images.content.size))
    return round(GPU_SECONDS_PER_RUN + GPU_SECONDS_PER_MEGAPIXEL * work)


@spaces.GPU(duration=_gpu_seconds)
def _frames(images: Images, settings: Settings, run: str) -> Iterator[Frame]:
    """The frames of a run. On ZeroGPU this is another process, which knows of no stops."""
    from nst_core import stylize  # not above: see there

    going = _runs.get(run)
    with _messages():  # only this kind of error comes back from a forked process
        yield from stylize(
            images.content,
            images.styles,
            settings,
            mask=images.mask,
            start=images.start,
            every=FRAME_SECONDS,
            at_least=LOOKS,
            stop=going.ends if going else lambda: False,
        )


def _sweep_seconds(images: Images, settings: Settings, run: str) -> int:
    work = make_plan(replace(settings, size=SIZE, steps=STEPS), images.content.size)[0].work
    return round(GPU_SECONDS_PER_RUN + 9 * (1 + GPU_SECONDS_PER_MEGAPIXEL * work))


@spaces.GPU(duration=_sweep_seconds)
def _tiles(images: Images, settings: Settings, run: str) -> Iterator[Tile]:
    """The tiles of a sweep, as `_frames`."""
    going = _runs.get(run)
    with _messages():
        yield from sweep(
            images.content,
            images.styles,
            settings,
            mask=images.mask,
            start=images.start,
            stop=going.ends if going else lambda: False,
        )


def _run(job: Job, owner: str | None, folder: str, kept: bool = False) -> Iterator[Shown]:
    """A job on the device of this server, with its errors as messages."""
    with _messages():
        yield from run_job(job, _runs, str(owner), Path(folder), _limits, _frames, kept)


def _sweep(job: Job, owner: str | None) -> Iterator[Tile]:
    """The tiles of a sweep; none where it is stopped before its turn."""
    with _messages():
        images, settings = open_job(job, _limits)
        with _runs.enter(str(owner)) as run:
            run.facts.update(size=SIZE, steps=9 * STEPS)
            if run.stop.is_set():
                return
            for tile in _tiles(images, settings, run.name):
                yield tile
                if run.ends():
                    return


def check_upload(path: str | None) -> Any:
    """Say at once what is wrong with an upload; show those that browsers can't, as PNG."""
    if path is None:
        return gr.skip()
    try:
        image = load_image(path)
    except StyleTransferError as error:
        gr.Warning(_message(error))
        return None  # the box is free for another file
    return image if Path(path).suffix.lower() in UNSEEN_ENDINGS else gr.skip()


def stop_session(request: gr.Request) -> None:
    """End the runs of one page or client after the step in hand."""
    _runs.stop(str(request.session_hash))


def leave_session(request: gr.Request) -> None:
    """The page is closed: what its run came to can be seen when it is opened again."""
    _runs.leave(str(request.session_hash))


def discard_session(request: gr.Request) -> None:
    """The same, where nobody wants the result."""
    _runs.stop(str(request.session_hash), discard=True)


# What the page says.


def _status(shown: Shown, fields: Mapping[str, Any]) -> str:
    """The line under the picture during a run and after it, as HTML."""
    frame, outcome = shown.frame, shown.outcome
    assert frame is not None
    step, total, last = frame.step, frame.total_steps, frame.plan[-1]
    if outcome is not None:
        note = f", seed {fields['seed']}" if fields["init"] == "noise" else ""
        text = f"Finished: {total} steps" if step == total else f"Stopped at step {step} of {total}"
        return _line(f"{text} in {outcome.seconds:.1f} s{note}")
    if shown.finishing:
        return _line("Finishing in the size of your photo", _bar(step, total))
    size = f"{frame.size} px" if frame.size == last.size else f"first at {frame.size} px"
    seconds = f"{frame.elapsed:.0f} s, about {frame.remaining:.0f} s left"
    return _line(f"Step {step} of {total}, {size}, {seconds}", _bar(step, total))


def _bar(value: int, total: int) -> str:
    return f'<progress max="{total}" value="{value}" aria-label="Progress"></progress>'


def _line(text: str, bar: str = "") -> str:
    return f'<div class="status" role="status">{bar}<span>{text}</span></div>'


def _layer_table(frame: Frame) -> str:
    """The terms of the loss by layer, in Markdown."""
    rows = ["| term | layer | weighted loss |", "|---|---|---|"]
    rows += [f"| {' | '.join(name.split())} | {x:.4f} |" for name, x in frame.layers.items()]
    for name in ("total_variation", "weave", "range"):
        rows.append(f"| {name.replace('_', ' ')} | pixels | {frame.losses[name]:.4f} |")
    return "\n".join(rows)


def _control(name: str) -> gr.components.Component:
    """The widget of one setting."""
    option, value = OPTIONS[name], getattr(DEFAULTS, name)
    common = {"label": option.label, "info": option.help, "value": value}
    match option:
        case Number(high=high) if high > 1_000_000:
            return gr.Number(**common, scale=4)
        case Number():
            return Slider(**common, minimum=option.low, maximum=option.high, step=option.step)
        case Choice():
            if option.names:  # which say what the rest of the help does
                common["info"] = option.help.partition(". ")[0] + "."
            return Radio(**common, choices=option.named)
        case Switch():
            return gr.Checkbox(**common)
        case Layers():
            common["value"] = list(value)
            return Dropdown(**common, choices=list(option.choices), multiselect=True)
        case Weights():
            common["value"] = option.text(value)
            return gr.Textbox(**common)


def _widget_values(settings: Settings) -> dict[str, Any]:
    """Values of all settings as their widgets want them."""
    values = settings.as_dict()
    return {name: list(x) if isinstance(x, tuple) else x for name, x in values.items()}


def _painter_photo(path: str | None) -> str:
    """The photo for the painter, small, as data URL; a grey board where there is none."""
    try:
        image = load_image(path) if path else Image.new("RGB", (64, 48), "grey")
    except StyleTransferError:  # said by `check_upload`
        image = Image.new("RGB", (64, 48), "grey")
    image = on_white(image)
    image.thumbnail((PAINTER_SIDE, PAINTER_SIDE))
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True)
class Example:
    """A bundled pair with its result."""

    title: str
    content: str
    style: str
    result: str
    thumbnail: str

    @property
    def base(self) -> dict[str, Any]:
        """What `Page.base` holds of it."""
        name = Path(self.result).stem
        return {"content": self.content, "result": self.result, "recipe": None, "file": name}


def _load_examples() -> list[Example]:
    pairs = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))["pairs"]
    return [
        Example(
            pair["title"],
            str(EXAMPLES / "contents" / f"{pair['content']}.jpg"),
            str(EXAMPLES / "styles" / f"{pair['style']}.jpg"),
            str(EXAMPLES / "results" / f"{pair['content']}-{pair['style']}.jpg"),
            str(EXAMPLES / "thumbnails" / f"{pair['content']}-{pair['style']}.jpg"),
        )
        for pair in pairs
    ]


def preset_picture(preset: str) -> Path:
    """The small picture that shows what a preset does."""
    return EXAMPLES / "presets" / f"{preset.lower().replace(' ', '_')}.jpg"


@dataclass(frozen=True)
class Page:
    """The widgets that events read and write."""

    content: ImageFile
    styles: list[ImageFile]
    mix: list[Slider]
    extra_rows: list[gr.Row]
    add_style: gr.Button
    remove_style: gr.Button
    painter: gr.HTML
    start: gr.Button
    stop: gr.Button
    # In the place of `stop` while the run waits for its turn.
    leave: gr.Button
    refine: gr.Button
    after: gr.Group
    tabs: gr.Tabs
    compare: gr.ImageSlider
    picture: gr.Image
    film: gr.Video
    webp: gr.Button
    webp_file: gr.DownloadButton
    status: gr.HTML
    download: gr.DownloadButton
    curve: gr.LinePlot
    history: gr.Gallery
    gallery: gr.Gallery
    presets: gr.Gallery
    recipe: gr.File
    start_image: ImageFile
    dice: gr.Button
    sweep: gr.Button
    sweep_stop: gr.Button
    sweep_status: gr.HTML
    tiles: gr.Gallery
    controls: dict[str, gr.components.Component]
    layers: gr.Markdown
    # What is in the picture box: the photo, the result at full strength, its record and recipe.
    base: gr.State
    # A word that only this browser knows, by which its results are found; their names in the strip.
    browser: gr.BrowserState
    shown: gr.State
    # How many further paintings there are.
    count: gr.State


def build_demo() -> gr.Blocks:
    """The page with its events, ready to be launched."""
    gr.set_static_paths(PICTURES)  # served from where they are, and never cleaned up
    examples = _load_examples()
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(_clean_seconds, math.ceil(_limits.keep)),
    ) as demo:
        gr.Markdown(INTRO)
        with gr.Tabs():
            with gr.Tab("Paint"):
                page = _build_studio(examples)
            with gr.Tab("What the network sees"):
                _build_insights(page)
        _connect(demo, page, examples)
        api.build(Service(_limits, _run, _sweep))
    return demo


def _build_studio(examples: list[Example]) -> Page:
    first = examples[0]
    with gr.Row(elem_classes="studio"):
        with gr.Column(elem_id="inputs"):
            inputs = _build_inputs(first)
        with gr.Column(elem_id="result"):
            results = _build_result(examples)
        with gr.Column(elem_id="controls"):
            controls = _build_controls()
    strength = results.pop("strength")
    region = inputs.pop("region")
    settings = {**controls.pop("controls"), "strength": strength, "region": region}
    return Page(
        **inputs,
        **results,
        **controls,
        controls={name: settings[name] for name in OPTIONS if name in settings},
        layers=gr.Markdown("Run a transfer first.", render=False),
        base=gr.State(first.base),
        browser=gr.BrowserState("", storage_key="neural-style-transfer-live"),
        shown=gr.State([]),
        count=gr.State(0),
    )


def _build_inputs(first: Example) -> dict[str, Any]:
    box = {"format": "png", "elem_classes": "input", "buttons": []}
    with gr.Row(elem_id="pair", elem_classes="line"):
        content = ImageFile(
            first.content,
            label="Photo",
            sources=["upload", "clipboard", "webcam"],
            height=210,
            elem_id="content",
            alt_text="The photo",
            **box,
        )
        style = ImageFile(
            first.style,
            label="Painting",
            sources=["upload", "clipboard"],
            height=210,
            elem_id="style",
            alt_text="The painting",
            **box,
        )
    styles, mix, rows = [style], [], []
    mix_help = "How much of this painting is taken."
    mix.append(Slider(0, 1, 1, step=0.01, label="Weight of the painting", visible=False))
    for number in range(2, MOST_STYLES + 1):
        with gr.Row(visible=False, elem_classes="line") as row:
            styles.append(
                ImageFile(
                    label=f"Painting {number}",
                    sources=["upload", "clipboard"],
                    height=120,
                    elem_id=f"style-{number}",
                    alt_text=f"Painting {number}",
                    **box,
                )
            )
            mix.append(
                Slider(
                    *(0, 1, 1),
                    step=0.01,
                    label=f"Weight of painting {number}",
                    info=mix_help,
                )
            )
        rows.append(row)
    with gr.Row(elem_id="buttons", elem_classes="line"):
        start = gr.Button("Stylize", variant="primary", scale=3, elem_id="start")
        stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
        leave = gr.Button("Cancel", visible=False, elem_id="leave")
    with gr.Row(elem_classes="line"):
        add_style = gr.Button("Add a painting", size="sm", elem_id="add-style")
        remove_style = gr.Button(
            "Remove the last", size="sm", visible=False, elem_id="remove-style"
        )
    with gr.Accordion("Paint a region", open=False, elem_id="region"):
        gr.Markdown(
            "Paint over a part of the photo, such as a face: it stays as it is, or gets the "
            "second painting."
        )
        painter = region_painter(_painter_photo(first.content), elem_id="painter")
        region = _control("region")
    return {
        "content": content,
        "styles": styles,
        "mix": mix,
        "extra_rows": rows,
        "add_style": add_style,
        "remove_style": remove_style,
        "painter": painter,
        "region": region,
        "start": start,
        "stop": stop,
        "leave": leave,
    }


def _build_result(examples: list[Example]) -> dict[str, Any]:
    first = examples[0]
    shown = {"show_label": False, "interactive": False}
    with gr.Tabs(selected="compare") as tabs:
        with gr.Tab("Before and after", id="compare"):
            compare = gr.ImageSlider(
                (first.content, first.result),
                elem_id="compare",
                elem_classes="picture",
                buttons=["fullscreen"],
                **shown,
            )
        with gr.Tab("Picture", id="picture"):
            picture = gr.Image(
                first.result,
                elem_id="picture",
                elem_classes="picture",
                buttons=["fullscreen"],
                alt_text="The stylised picture",
                **shown,
            )
        with gr.Tab("Time-lapse", id="film"):
            film = gr.Video(
                label="How it came to be",
                autoplay=True,
                loop=True,
                elem_id="film",
                buttons=["download"],
                interactive=False,
            )
            with gr.Row(elem_classes="line"):
                webp = gr.Button("Make an animated WebP", size="sm", interactive=False)
                webp_file = gr.DownloadButton("Download the WebP", size="sm", visible=False)
    status = gr.HTML(_line(first.title))
    with gr.Row(elem_classes="line"):
        download = gr.DownloadButton(
            "Download", variant="primary", value=first.result, elem_id="download"
        )
        refine = gr.Button("Refine", visible=False, elem_id="refine")
    with gr.Group(visible=False) as after:  # of use when there is a result
        strength = _control("strength")
    history = gr.Gallery(
        label="Your results: click one to bring it back",
        columns=6,
        fit_columns=False,
        height="auto",
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        elem_id="history",
        elem_classes="strip",
        interactive=False,
        visible=False,
    )
    curve = gr.LinePlot(
        x="step",
        y="log10 loss",
        color="term",
        x_title="step",
        y_title="log10 loss",
        height=230,
        color_map=TERM_COLOURS,
        colors_in_legend=[],
        label="Loss: content (blue), style (orange), smoothness (green), weave (violet), "
        "range (grey), total (red)",
        visible=False,
        buttons=[],
        elem_id="curve",
    )
    gr.Markdown("## Examples\nClick one to see its result at once.")
    gallery = gr.Gallery(
        [(example.thumbnail, example.title) for example in examples],
        show_label=False,
        columns=4,
        height="auto",
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        elem_id="examples",
        elem_classes="strip",
        interactive=False,
    )
    return {
        "tabs": tabs,
        "compare": compare,
        "picture": picture,
        "film": film,
        "webp": webp,
        "webp_file": webp_file,
        "status": status,
        "download": download,
        "refine": refine,
        "strength": strength,
        "after": after,
        "history": history,
        "curve": curve,
        "gallery": gallery,
    }


def _build_controls() -> dict[str, Any]:
    presets = gr.Gallery(
        [(str(preset_picture(preset)), preset) for preset in PRESETS],
        label="Presets",
        columns=4,
        height="auto",
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        elem_id="presets",
        elem_classes="strip",
        interactive=False,
    )
    elsewhere = ("style_mix", "strength", "region")
    names = [name for name in OPTIONS if name not in elsewhere]
    controls = {name: _control(name) for name in names if not OPTIONS[name].advanced}
    with gr.Accordion("Try nine at once", open=False):
        gr.Markdown(
            "Nine small pictures of your two, by style weight (downwards) and stroke size (to the "
            "right). Click one to choose it."
        )
        with gr.Row(elem_classes="line"):
            sweep_button = gr.Button("Make the sheet", scale=3, elem_id="sweep")
            sweep_stop = gr.Button("Stop", variant="stop", interactive=False)
        sweep_status = gr.HTML(_line(""))
        tiles = gr.Gallery(
            show_label=False,
            columns=3,
            fit_columns=False,
            height="auto",
            allow_preview=False,
            buttons=[],
            elem_id="tiles",
            interactive=False,
            visible=False,
        )
    with gr.Accordion("Advanced", open=False):
        controls["init"] = _control("init")
        start_image = ImageFile(
            label="Start image",
            sources=["upload", "clipboard"],
            height=160,
            format="png",
            elem_classes="input",
            buttons=[],
            alt_text="The image to start from",
            visible=False,
        )
        with gr.Row(elem_classes="line"):
            controls["seed"] = _control("seed")
            dice = gr.Button("Roll the dice", size="sm", elem_id="dice")
        controls |= {name: _control(name) for name in names if name not in controls}
    recipe = gr.File(
        label="Recipe: drop a picture made here to restore its settings",
        height=140,
        elem_id="recipe",
    )
    return {
        "presets": presets,
        "controls": controls,
        "sweep": sweep_button,
        "sweep_stop": sweep_stop,
        "sweep_status": sweep_status,
        "tiles": tiles,
        "start_image": start_image,
        "dice": dice,
        "recipe": recipe,
    }


def _build_insights(page: Page) -> None:
    """The tab for people who come to learn."""
    gr.Markdown(INSIGHTS_INTRO)
    halves = (
        (
            "Content: the photo from one layer alone",
            "Rebuild the photo",
            page.content,
            insights.reconstruction,
            RECONSTRUCTION_TEXTS,
            "relu4_1",
        ),
        (
            "Style: the painting as a texture",
            "Make the texture",
            page.styles[0],
            insights.texture,
            TEXTURE_TEXTS,
            "relu5_1",
        ),
    )
    with gr.Row():
        for title, action, source, make, texts, chosen in halves:
            with gr.Column():
                _build_half(title, action, source, make, texts, chosen)
    gr.Markdown(
        INSIGHTS_FORMULAS,
        latex_delimiters=[
            {"left": "$$", "right": "$$", "display": True},
            {"left": "$", "right": "$", "display": False},
        ],
        elem_classes="whole",
    )
    gr.Markdown("## The terms of the last run, by layer")
    page.layers.render()


def _build_half(
    title: str,
    action: str,
    source: ImageFile,
    make: Callable[[str], Settings],
    texts: Mapping[str, str],
    chosen: str,
) -> None:
    """One half of the loss, run alone."""
    gr.Markdown(f"## {title}")
    upto = "up to " if make is insights.texture else ""
    layer = gr.Radio([(upto + name, name) for name in texts], value=chosen, label="Layer")
    text = gr.Markdown(texts[chosen])
    with gr.Row(elem_classes="line"):
        button = gr.Button(action, variant="primary", scale=3)
        stop = gr.Button("Stop", variant="stop", interactive=False)
    image = gr.Image(
        label=title,
        height=300,
        interactive=False,
        buttons=["fullscreen"],
        alt_text=title,
        elem_classes="picture",
    )
    status = gr.HTML(_line(""))

    def look(
        request: gr.Request, path: str | None, layer: str
    ) -> Iterator[tuple[str | Any, str | Any]]:
        try:
            with tempfile.TemporaryDirectory() as folder:
                job = Job(path, [path] if path else [], make(layer).as_dict())
                for shown in _run(job, request.session_hash, folder):
                    if shown.frame is None:
                        yield gr.skip(), _line("Starting", _bar(0, 1))
                        continue
                    picture = shown.picture or gr.skip()
                    if shown.outcome is not None:
                        picture = str(Path(folder) / f"{layer}.png")
                        shown.outcome.frame.image.save(picture)
                    yield picture, _status(shown, job.values)
        except gr.Error as error:
            gr.Warning(error.message, title="This does not work yet")
            yield gr.skip(), _line(error.message)

    private = {"api_visibility": "private"}
    buttons = [button, stop]

    def ready() -> list[gr.Button]:
        return [gr.Button(action, interactive=True), gr.Button(interactive=False)]

    layer.change(texts.get, layer, text, queue=False, **private)
    button.click(None, None, buttons, js=WAITING_HALF, **private)
    run = button.click(
        look,
        [source, layer],
        [image, status],
        concurrency_limit=1,
        concurrency_id="device",
        show_progress="minimal",
        show_progress_on=[image],
        **private,
    )
    for after in (run.then, run.failure):
        after(ready, None, buttons, queue=False, **private)
    stop.click(discard_session, None, None, cancels=[run], queue=False, **private).then(
        ready, None, buttons, queue=False, **private
    )


def _page_job(fields: Mapping[str, Any], refined: Record | None = None) -> Job:
    """What the page asks for, from the values of its widgets (see `_page_inputs`)."""
    values = {name: fields[name] for name in OPTIONS if name in fields}
    boxes = [(fields[f"style_{k}"], fields[f"mix_{k}"]) for k in range(MOST_STYLES)]
    boxes = [(path, weight) for path, weight in boxes if path]
    values["style_mix"] = [weight for _, weight in boxes] if len(boxes) > 1 else [1]
    start = fields["start_image"] if fields["init"] == "image" else None
    content = fields["content"]
    if refined is not None:
        values |= {"init": "image", "coarse_to_fine": False}
        content, start = str(refined.content), str(refined.picture)
    painted = fields["mask"] or None
    return Job(content, [path for path, _ in boxes], values, start=start, painted=painted)


def _page_inputs(page: Page) -> dict[str, gr.components.Component]:
    return {
        "content": page.content,
        **{f"style_{k}": image for k, image in enumerate(page.styles)},
        **{f"mix_{k}": weight for k, weight in enumerate(page.mix)},
        "mask": page.painter,
        "start_image": page.start_image,
        **page.controls,
    }


Updates = dict[gr.blocks.Block, Any]


def _points(frame: Frame) -> list[tuple[int, str, float]]:
    """What a frame adds to the plot of the losses."""
    return [(frame.step, term, math.log10(x)) for term, x in frame.losses.items() if x > 0]


def _late(frame: Frame) -> str:
    return (
        f"A run may take {_limits.seconds:g} seconds on this server: this is what it came to by "
        f"step {frame.step} of {frame.total_steps}. Fewer steps or a smaller size get to the end."
    )


def _title(job: Job, outcome: Outcome) -> str:
    """What tells a result from the others in the strip: size, and what is not as usual."""
    settings, frame = outcome.settings, outcome.frame
    words = [f"{frame.size} px"]
    if settings.init == "image":
        words.append("refined")
    if len(job.styles) > 1:
        words.append(f"{len(job.styles)} paintings")
    if outcome.images.mask is not None:
        words.append("region")
    if settings.color != "style":
        words.append("colours")
    if frame.step < frame.total_steps:
        words.append(f"step {frame.step}")
    return ", ".join(words)


def _keep(name: str, job: Job, fields: Mapping[str, Any], outcome: Outcome) -> Record:
    """Put an outcome into the history, with what brings it back."""
    settings = outcome.settings
    title = _title(job, outcome)
    kept = ("mask", *(f"mix_{k}" for k in range(MOST_STYLES)))
    values = {
        "title": title,
        "recipe": outcome.images.recipe(settings).to_json(),
        "fields": {name: x for name, x in fields.items() if name in OPTIONS or name in kept},
        # Which box every painting was in.
        "boxes": [k for k in range(MOST_STYLES) if fields[f"style_{k}"]],
    }
    return _history.add(
        name, outcome.frame.image, outcome.result, str(job.content), job.styles, values
    )


def _chosen(items: Sequence[Any], event: gr.SelectData) -> Any:
    """What was clicked at; None where there is no such thing (the index comes from outside)."""
    index = event.index
    known = isinstance(index, int) and 0 <= index < len(items)
    return items[index] if known else None


def _base(record: Record) -> dict[str, Any]:
    """What `Page.base` holds of a record."""
    return {
        "content": str(record.content),
        "result": str(record.result),
        "recipe": record.values["recipe"],
        "name": record.name,
        "file": record.film.stem,
    }


def _owner(word: object) -> str:
    """The word of a browser, or a new one for a browser that has none yet."""
    known = isinstance(word, str) and re.fullmatch(r"[\w-]{20,40}", word, re.ASCII)
    return str(word) if known else secrets.token_urlsafe(16)


def _strip(page: Page, owner: str) -> Updates:
    """The strip of results of a browser, and its word.

    A run that was started before the page had one brings it along: else its result were lost.
    """
    records = _history.of(owner)[:MOST_RESULTS]
    pictures = [(str(record.thumbnail), record.values["title"]) for record in records]
    return {
        page.browser: owner,
        page.shown: [record.name for record in records],
        page.history: gr.Gallery(pictures, visible=bool(pictures), selected_index=None),
    }


def _connect(demo: gr.Blocks, page: Page, examples: list[Example]) -> None:
    """Events of the page."""
    inputs = _page_inputs(page)
    private = {"api_visibility": "private"}
    at_once = {"queue": False, **private}

    def follow(
        fields: Mapping[str, Any],
        owner: str,
        session: str | None,
        refined: Record | None = None,
    ) -> Iterator[Updates]:
        """Updates of the page during a run."""
        job = _page_job(fields, refined)
        losses: list[tuple[int, str, float]] = []
        outcome = None
        name = _history.reserve(owner)
        try:
            with tempfile.TemporaryDirectory() as folder:
                for shown in _run(job, session, folder, kept=True):
                    frame, outcome = shown.frame, shown.outcome
                    if frame is None:
                        yield {
                            page.picture: shown.picture,
                            page.status: _line("Starting", _bar(0, 1)),
                            page.curve: gr.LinePlot(visible=False),
                            page.tabs: gr.Tabs(selected="picture"),
                            page.start: gr.Button("Painting ...", interactive=False),
                            page.stop: gr.Button("Stop", interactive=True, visible=True),
                            page.leave: gr.Button(visible=False),
                            page.refine: gr.Button(interactive=False),
                            page.download: gr.DownloadButton(interactive=False),
                        }
                        continue
                    losses += _points(frame)
                    updates = {
                        page.status: _status(shown, fields),
                        page.curve: gr.LinePlot(
                            pd.DataFrame(losses, columns=["step", "term", "log10 loss"]),
                            x_lim=[0, frame.total_steps],
                            visible=True,
                        ),
                    }
                    if outcome is None:
                        yield updates | ({page.picture: shown.picture} if shown.picture else {})
                if outcome is None:  # stopped before the first step
                    yield {page.status: _line("Stopped before the first step.")}
                    return
                least = LEAST_PART * outcome.frame.total_steps
                if outcome.discarded and outcome.frame.step < least:
                    yield {page.status: gr.skip()}
                    return
                if outcome.late:
                    gr.Warning(_late(outcome.frame))
                record = _keep(name, job, fields, outcome)
                if outcome.discarded:  # an example has been clicked, which is in view
                    yield _strip(page, owner)
                    return
                base = _base(record)
                path = Path(folder) / f"{job.name}.png"
                recipe = Recipe.from_json(base["recipe"])
                seen, file = save_result(outcome.result, outcome.images.content, recipe, path)
                yield {
                    **updates,
                    **_strip(page, owner),
                    page.picture: seen,
                    page.compare: (base["content"], seen),
                    page.download: gr.DownloadButton(value=file, interactive=True),
                    page.base: base,
                    page.layers: _layer_table(outcome.frame),
                    page.after: gr.Group(visible=True),
                    page.stop: gr.Button("Stop", interactive=False),
                }
                outcome.film.save(record.film)
                yield {
                    page.film: str(record.film),
                    page.webp: gr.Button(interactive=True),
                    page.webp_file: gr.DownloadButton(visible=False),
                }
        finally:
            _history.release(name)

    def warn(error: gr.Error) -> Updates:
        # A raised one would be stamped across the old picture.
        gr.Warning(error.message, title="This does not work yet")
        return {page.status: _line(error.message)}

    def run_page(request: gr.Request, browser: str, **fields: Any) -> Iterator[Updates]:
        try:
            yield from follow(fields, _owner(browser), request.session_hash)
        except gr.Error as error:
            yield warn(error)

    def refine_page(
        request: gr.Request, browser: str, base: dict[str, Any], **fields: Any
    ) -> Iterator[Updates]:
        try:
            with _messages():
                record = _history.get(base.get("name"))
                if record is None:
                    raise StyleTransferError(
                        "There is no result to go on from any more: press Stylize first."
                    )
            yield from follow(fields, _owner(browser), request.session_hash, record)
        except gr.Error as error:
            yield warn(error)

    def ready(base: dict[str, Any]) -> Updates:
        """After a run, an error too: the page is ready for the next one."""
        return {
            page.start: gr.Button("Stylize", interactive=True),
            page.stop: gr.Button("Stop", interactive=False, visible=True),
            page.leave: gr.Button(visible=False),
            page.refine: gr.Button(visible="name" in base, interactive=True),
            page.download: gr.DownloadButton(interactive=True),
        }

    view = [
        *(page.picture, page.compare, page.film, page.webp, page.webp_file, page.status),
        *(page.curve, page.download, page.tabs, page.start, page.stop, page.leave, page.refine),
        *(page.base, page.browser, page.shown, page.history, page.layers, page.after),
    ]
    on_device = {
        "outputs": view,
        "concurrency_limit": 1,
        "concurrency_id": "device",
        "show_progress": "minimal",
        "show_progress_on": [page.picture, page.compare],
        "scroll_to_output": False,
        **private,
    }
    buttons = [page.start, page.stop, page.leave, page.refine, page.download]
    # Before the run itself: listeners of a click are served one after the other.
    for button in (page.start, page.refine):
        button.click(None, None, buttons[:4], js=WAITING, **private)
        button.click(None, js=SHOW_RESULT_ON_PHONE, **private)
    state = {"browser": page.browser}
    runs = (
        page.start.click(run_page, inputs_kwargs={**state, **inputs}, **on_device),
        page.refine.click(
            refine_page, inputs_kwargs={**state, "base": page.base, **inputs}, **on_device
        ),
    )
    for run in runs:
        # Not in the queue, which may be full: that is a failure too.
        for after in (run.then, run.failure):
            after(ready, page.base, buttons, **at_once)
    page.stop.click(None, None, page.stop, js=STOPPING, **private)
    page.stop.click(stop_session, None, None, **at_once)
    page.leave.click(discard_session, None, None, cancels=list(runs), **at_once).then(
        ready, page.base, buttons, **at_once
    )
    demo.unload(leave_session)

    _connect_inputs(page, private, at_once)
    _connect_strength(page, private)
    _connect_history(demo, page, private)
    _connect_sweep(page, inputs, private)

    def show_example(request: gr.Request, event: gr.SelectData) -> Updates:
        discard_session(request)
        example = _chosen(examples, event)
        if example is None:
            return {page.status: gr.skip()}
        values = _widget_values(DEFAULTS)
        return {
            page.content: example.content,
            page.styles[0]: example.style,
            **dict.fromkeys(page.styles[1:]),
            **dict.fromkeys(page.mix, 1),
            **_show_rows(page, 0),
            **{page.controls[name]: values[name] for name in looks},
            page.painter: gr.HTML("", photo=_painter_photo(example.content)),
            page.picture: example.result,
            page.compare: (example.content, example.result),
            page.film: None,
            page.webp: gr.Button(interactive=False),
            page.webp_file: gr.DownloadButton(visible=False),
            page.download: gr.DownloadButton(value=example.result, interactive=True),
            page.base: example.base,
            page.refine: gr.Button(visible=False),
            page.after: gr.Group(visible=False),
            page.status: _line(example.title),
            page.curve: gr.LinePlot(visible=False),
            page.presets: gr.Gallery(selected_index=None),
        }

    looks = [*_looks(page), "strength"]
    page.gallery.select(None, js=SHOW_RESULT)
    page.gallery.select(
        show_example,
        None,
        [
            *(page.content, *page.styles, *page.mix, page.count, *_rows(page), page.painter),
            *(page.presets, *(page.controls[name] for name in looks), *view),
        ],
        **at_once,
    )


def _looks(page: Page) -> list[str]:
    """The settings that presets and examples set."""
    return [name for name in page.controls if name not in UNTOUCHED_BY_PRESETS]


def _rows(page: Page) -> list[gr.blocks.Block]:
    """What changes with the number of paintings."""
    return [*page.extra_rows, page.mix[0], page.add_style, page.remove_style]


def _show_rows(page: Page, count: int) -> Updates:
    """The rows of `count` further paintings."""
    return {
        page.count: count,
        **{row: gr.Row(visible=k < count) for k, row in enumerate(page.extra_rows)},
        page.mix[0]: gr.Slider(visible=count > 0),
        page.add_style: gr.Button(interactive=count < len(page.extra_rows)),
        page.remove_style: gr.Button(visible=count > 0),
    }


def _connect_inputs(page: Page, private: dict[str, Any], at_once: dict[str, Any]) -> None:
    """Uploads, further paintings, presets, the start image, recipes."""
    for image in (page.content, *page.styles, page.start_image):
        # In the queue, though nobody waits there: only from it do messages reach the page.
        image.upload(check_upload, image, image, concurrency_limit=None, **private)
    # By the user alone: a result that is brought back has a region of its own.
    gr.on(
        [page.content.upload, page.content.input, page.content.clear],
        lambda path: gr.HTML("", photo=_painter_photo(path)),
        page.content,
        page.painter,
        concurrency_limit=None,
        show_progress="hidden",
        **private,
    )

    def remove(count: int) -> Updates:
        gone = page.styles[count], page.mix[count]
        return {**_show_rows(page, count - 1), gone[0]: None, gone[1]: 1}

    rows = [page.count, *_rows(page)]
    page.add_style.click(lambda n: _show_rows(page, n + 1), page.count, rows, **at_once)
    page.remove_style.click(remove, page.count, [*rows, *page.styles[1:], *page.mix[1:]], **at_once)

    looks = _looks(page)

    def choose_preset(event: gr.SelectData) -> list[Any]:
        preset = _chosen(list(PRESETS), event)
        if preset is None:
            return [gr.skip()] * (len(looks) + 1)
        values = _widget_values(PRESETS[preset])
        steps = PRESETS[preset].steps
        text = f"{preset}, {steps} steps: press Stylize to paint it."
        return [_line(text), *(values[name] for name in looks)]

    page.presets.select(
        choose_preset, None, [page.status, *(page.controls[name] for name in looks)], **at_once
    )
    page.controls["init"].change(
        lambda init: gr.Image(visible=init == "image"),
        page.controls["init"],
        page.start_image,
        **at_once,
    )
    # The seed is that of the noise: who rolls the dice wants to see it.
    page.dice.click(
        lambda: (random.randrange(2**32), "noise"),
        None,
        [page.controls["seed"], page.controls["init"]],
        **at_once,
    )

    def use_recipe(path: str | None, content: str | None, *styles: str | None) -> list[Any]:
        nothing = [gr.skip()] * (len(page.controls) + len(page.mix) + 1)
        if path is None:
            return [None, *nothing]
        try:
            recipe = read_recipe(path)
            given = [load_image(style) for style in styles if style]
            photo = load_image(content) if content else Image.new("RGB", (1, 1))
        except StyleTransferError as error:
            gr.Warning(_message(error), title="No recipe")
            return [None, *nothing]
        here = Recipe.of(recipe.settings, photo, given, None, None)
        others = recipe.others(here)
        note = f" It was made with another {' and another '.join(others)}." if others else ""
        gr.Info(f"All settings are as they were for this picture.{note}", title="Recipe")
        values = _widget_values(recipe.settings)
        mix = [*recipe.settings.style_mix, *[1] * MOST_STYLES][:MOST_STYLES]
        status = _line("The settings of a picture: press Stylize to paint with them.")
        return [None, *(values[name] for name in page.controls), *mix, status]

    page.recipe.upload(
        use_recipe,
        [page.recipe, page.content, *page.styles],
        [page.recipe, *page.controls.values(), *page.mix, page.status],
        concurrency_limit=None,
        show_progress="hidden",
        **private,
    )


def _connect_strength(page: Page, private: dict[str, Any]) -> None:
    """The blend of result and photo, after the fact."""

    def blend(base: dict[str, Any], strength: Any) -> Iterator[Updates]:
        try:
            amount = OPTIONS["strength"].check("strength", strength)
            content = load_image(base["content"])
            result = load_image(base["result"])
        except StyleTransferError as error:  # a slider can't do that, or an hour is over
            gr.Warning(_message(error))
            yield {page.status: gr.skip()}
            return
        picture = strengthen(result, content, amount)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{base['file']}.png"
            seen = on_white(ImageOps.contain(picture, (SHOWN_SIDE, SHOWN_SIDE)))
            if max(picture.size) <= SHOWN_SIDE:
                seen = on_white(picture)
            shown = path.with_suffix(".jpg")
            seen.save(shown, quality=92)
            yield {page.picture: str(shown), page.compare: (base["content"], str(shown))}
            if base["recipe"]:
                recipe = Recipe.from_json(base["recipe"])
                settings = replace(recipe.settings, strength=amount)
                save_with_recipe(picture, path, replace(recipe, settings=settings))
            else:
                picture.save(path)
            yield {page.download: gr.DownloadButton(value=str(path))}

    page.controls["strength"].input(
        blend,
        [page.base, page.controls["strength"]],
        [page.picture, page.compare, page.download, page.status],
        concurrency_limit=4,
        trigger_mode="always_last",
        show_progress="hidden",
        **private,
    )


def _connect_history(demo: gr.Blocks, page: Page, private: dict[str, Any]) -> None:
    """The strip of results, which outlives a reload, and the WebP of the one in view."""

    def reload(browser: object) -> Updates:
        owner = _owner(browser)
        # A page that is reloaded during a run ends it: its result may be a moment away.
        deadline = time.monotonic() + RELOAD_SECONDS
        while _history.is_awaited(owner) and time.monotonic() < deadline:
            time.sleep(0.1)
        return _strip(page, owner)

    def bring_back(shown: list[str], browser: object, event: gr.SelectData) -> Iterator[Updates]:
        record = _history.get(_chosen(shown, event))
        if record is None:
            gr.Warning("This result is not kept any more.")
            yield _strip(page, _owner(browser))
            return
        fields, base = record.values["fields"], _base(record)
        boxes = dict(zip(record.values["boxes"], map(str, record.styles), strict=True))
        content = load_image(record.content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{record.content.stem}-{record.styles[0].stem}.png"
            recipe = Recipe.from_json(base["recipe"])
            seen, file = save_result(load_image(record.result), content, recipe, path)
            yield {
                page.content: base["content"],
                **{image: boxes.get(k) for k, image in enumerate(page.styles)},
                **{weight: fields[f"mix_{k}"] for k, weight in enumerate(page.mix)},
                **{widget: fields[name] for name, widget in page.controls.items()},
                **_show_rows(page, max(boxes)),
                page.painter: gr.HTML(fields["mask"], photo=_painter_photo(base["content"])),
                page.picture: seen,
                page.compare: (base["content"], seen),
                page.download: gr.DownloadButton(value=file, interactive=True),
                page.film: str(record.film) if record.film.exists() else None,
                page.webp: gr.Button(interactive=record.film.exists()),
                page.webp_file: gr.DownloadButton(visible=False),
                page.base: base,
                page.refine: gr.Button(visible=True),
                page.after: gr.Group(visible=True),
                page.status: _line(f"From your results: {record.values['title']}"),
                page.curve: gr.LinePlot(visible=False),
            }

    def make_webp(base: dict[str, Any]) -> Iterator[Any]:
        record = _history.get(base.get("name"))
        if record is None or not record.film.exists():
            gr.Warning("There is no time-lapse of this picture: press Stylize first.")
            yield gr.skip()
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{record.content.stem}.webp"
            to_webp(record.film, path)
            yield gr.DownloadButton(value=str(path), visible=True)

    demo.load(None, js=ON_LOAD, **private)
    demo.load(
        reload,
        page.browser,
        [page.browser, page.shown, page.history],
        show_progress="hidden",
        queue=False,  # which may be full
        **private,
    )
    page.history.select(None, js=SHOW_RESULT)
    page.history.select(
        bring_back,
        [page.shown, page.browser],
        [
            *(page.content, *page.styles, *page.mix, *page.controls.values(), page.painter),
            *(page.picture, page.compare, page.download, page.film, page.webp, page.webp_file),
            *(page.base, page.refine, page.after, page.status, page.curve),
            *(page.browser, page.shown, page.history, page.count, *_rows(page)),
        ],
        concurrency_limit=4,
        show_progress="hidden",
        **private,
    )
    page.webp.click(make_webp, page.base, page.webp_file, concurrency_limit=1, **private)


def _connect_sweep(
    page: Page, inputs: dict[str, gr.components.Component], private: dict[str, Any]
) -> None:
    """Nine small pictures, of which a click chooses the settings."""
    chosen = list(product(STYLE_WEIGHTS, STYLE_SCALES))

    def run_sweep(request: gr.Request, **fields: Any) -> Iterator[Updates]:
        shown: list[tuple[Image.Image, str]] = []
        count = len(chosen)
        try:
            yield {page.sweep_status: _line(f"Tile 1 of {count}", _bar(0, count))}
            for tile in _sweep(_page_job(fields), request.session_hash):
                settings = tile.settings
                caption = f"{settings.style_weight:g}, {settings.style_scale:g}"
                shown.append((on_white(tile.image), caption))
                done = len(shown) == count
                text = "Click the one you like" if done else f"Tile {len(shown) + 1} of {count}"
                yield {
                    page.tiles: gr.Gallery(shown, visible=True, selected_index=None),
                    page.sweep_status: _line(text, "" if done else _bar(len(shown), count)),
                }
        except gr.Error as error:
            gr.Warning(error.message, title="This does not work yet")
            yield {page.sweep_status: _line(error.message)}

    def choose_tile(event: gr.SelectData) -> list[Any]:
        tile = _chosen(chosen, event)
        if tile is None:
            return [gr.skip()] * 4
        weight, scale = tile
        line = _line(f"Style weight {weight:g}, stroke size {scale:g}: press Stylize to paint it.")
        return [weight, scale, line, line]

    buttons = [page.sweep, page.sweep_stop]

    def ready() -> list[gr.Button]:
        return [gr.Button("Make the sheet", interactive=True), gr.Button(interactive=False)]

    page.sweep.click(None, None, buttons, js=WAITING_HALF, **private)
    run = page.sweep.click(
        run_sweep,
        inputs_kwargs=inputs,
        outputs=[page.tiles, page.sweep_status],
        concurrency_limit=1,
        concurrency_id="device",
        show_progress="minimal",
        show_progress_on=[page.sweep_status],
        **private,
    )
    at_once = {"queue": False, **private}
    for after in (run.then, run.failure):
        after(ready, None, buttons, **at_once)
    page.sweep_stop.click(discard_session, None, None, cancels=[run], **at_once).then(
        ready, None, buttons, **at_once
    )
    page.tiles.select(
        choose_tile,
        None,
        [
            *(page.controls["style_weight"], page.controls["style_scale"]),
            *(page.status, page.sweep_status),
        ],
        **at_once,
    )


def serve(**launch: Any) -> tuple[Any, str, str]:
    """Launch the demo; the tests do it by the same way. Arguments are those of `Blocks.launch`."""
    # No warnings: what a client of MCP sends is repeated in those about it.
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    logging.getLogger("nst").setLevel(logging.INFO)
    # Gradio tells how its functions fare from tables that it makes anew after every request.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
    files = Path(os.environ["GRADIO_TEMP_DIR"])
    files.mkdir(parents=True, exist_ok=True)
    if not spaces.config.Config.zero_gpu:  # whose process forks: nothing may run before
        threading.Thread(target=_warm_up).start()
    with _no_routes():
        demo = build_demo()
        demo.queue(status_update_rate=2, max_size=_limits.queue, api_open=False)

    gate = Middleware(
        Gate,
        folders=[files, *PICTURES],
        left=_runs.leave,
        health=lambda: {"status": "ok", "running": len(_runs)},
    )
    defaults = {
        "css": CSS,
        "theme": THEME,
        "run_history": False,
        "footer_links": ["api", "gradio"],
        "max_file_size": f"{_limits.upload}mb",
        "state_session_capacity": MOST_SESSIONS,
        "app_kwargs": {"middleware": [gate]},
    }
    threading.Thread(target=_clean_up, args=(files,), daemon=True).start()
    return demo.launch(**{**defaults, **launch})


@contextmanager
def _no_routes() -> Iterator[None]:
    """Gradio makes all routes at every turn while a page is built; those of `launch` are enough."""
    make = gradio.routes.App.create_app
    gradio.routes.App.create_app = staticmethod(lambda *_, **__: None)
    try:
        yield
    finally:
        gradio.routes.App.create_app = staticmethod(make)


def _warm_up() -> None:
    """Import PyTorch and load the network, while the page loads.

    Whoever stops the server meanwhile waits for it: Python crashes where it ends amid an import.
    """
    gc.disable()
    from nst_core.optimize import warm_up

    gc.freeze()
    gc.enable()
    warm_up()


def _clean_up(files: Path) -> None:
    """Delete what is too old, with the folders of what Gradio has deleted; let go of memory."""
    while True:
        time.sleep(_clean_seconds)
        _history.forget()
        if not _runs:
            release_freed_memory()
        for file in files.glob("*/*"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > _limits.keep:
                    file.unlink()
        for folder in files.glob("*"):
            with suppress(OSError):  # it is not empty, or no folder
                folder.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=TITLE)
    parser.add_argument("--port", type=int, help=f"port to serve on (default {PORT})")
    parser.add_argument("--share", action="store_true", default=None, help="make a public link")
    arguments = parser.parse_args()
    # What stops a container: as Ctrl-C, so that files are deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):  # while it starts; later Gradio looks for it
            serve(server_port=arguments.port, share=arguments.share)
    finally:
        _runs.close()
        shutil.rmtree(os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)


if __name__ == "__main__":
    main()
