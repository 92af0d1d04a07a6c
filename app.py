"""The web page and its API: widgets, events and layout around `nst_core`.

python app.py [--port 7860] [--share]
"""

from __future__ import annotations

import argparse
import html
import json
import math
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
import spaces
import spaces.config
from PIL import Image, ImageOps

from nst_core import PRESETS, Frame, Settings, StyleTransferError, finish, load_image, stylize
from nst_core.optimize import warm_up
from nst_core.plan import make_plan
from nst_core.settings import DEFAULTS, OPTIONS, Choice, Layers, Number, Switch

EXAMPLES = Path(__file__).parent / "examples"
PORT = 7860
KEEP_FILES_SECONDS = 3600
PREVIEW_SECONDS = 1.0
# Previews travel once a second, maybe to a phone: at most this long a side, as JPEG.
PREVIEW_SIDE = 1024
# Larger results are shown as a JPEG of this side; the download is always the full PNG.
SHOWN_SIDE = 2048
# Photos of phones and scanners, which most browsers do not show.
UNSEEN_ENDINGS = (".heic", ".heif", ".hif", ".tif", ".tiff")
# A preset of the page leaves alone what decides how long a run takes, and the seed.
UNTOUCHED_BY_PRESETS = ("size", "seed")
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

CSS = """
#studio { display: grid; gap: var(--layout-gap); align-items: start;
  grid-template: "inputs result" auto "controls result" 1fr / minmax(0, 5fr) minmax(0, 7fr); }
#inputs { grid-area: inputs; } #result { grid-area: result; } #controls { grid-area: controls; }
#inputs, #result, #controls { min-width: 0; }
#pair, #buttons { flex-wrap: nowrap; } #pair > *, #buttons > * { min-width: 0 !important; }
#picture .image-frame { width: 100%; }
#picture img { width: 100%; max-height: 500px; object-fit: contain; }
.status { display: flex; gap: 0.75em; align-items: center; font-variant-numeric: tabular-nums; }
.status progress { flex: 1 1 5em; min-width: 4em; height: 0.5em; appearance: none; border: 0;
  border-radius: 0.25em; overflow: hidden; background: var(--border-color-primary); }
.status progress::-webkit-progress-bar { background: var(--border-color-primary); }
.status progress::-webkit-progress-value { background: var(--color-accent); }
.status progress::-moz-progress-bar { background: var(--color-accent); }
#content:has(img) .source-selection, #style:has(img) .source-selection { display: none; }
#examples .grid-wrap { max-height: none; }
@media (max-width: 767px) {
  #studio { grid-template: "inputs" auto "result" auto "controls" auto / minmax(0, 1fr); }
  #examples, #examples .grid-wrap { min-height: 0 !important; height: auto !important; }
  #examples .grid-wrap { overflow-x: auto; }
  #examples .grid-container { grid: auto / auto-flow 42% !important; }
}
"""

SHOW_RESULT = "() => document.querySelector('#result').scrollIntoView({behavior: 'smooth'})"

TERM_COLOURS = {
    "content": "#3b82f6",
    "style": "#f97316",
    "total": "#ef4444",
    "total_variation": "#10b981",
}


@dataclass
class Run:
    """A run that is going on: `stop` ends it; where it is `discarded`, nobody wants the result."""

    stop: threading.Event = field(default_factory=threading.Event)
    discarded: bool = False


# The runs that are going on, by "session/number".
_runs: dict[str, Run] = {}


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


@dataclass(frozen=True)
class Shown:
    """What one look at a run puts on the screen: files, and the frame they were made from."""

    picture: str
    frame: Frame | None = None
    result: str | None = None


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


def _gpu_seconds(content: Image.Image, style: Image.Image, settings: Settings, run: str) -> int:
    """How long a run may hold the GPU of a ZeroGPU Space; takes the arguments of `_frames`."""
    work = sum(stage.work for stage in make_plan(settings, content.size))
    return round(GPU_SECONDS_PER_RUN + GPU_SECONDS_PER_MEGAPIXEL * work)


@spaces.GPU(duration=_gpu_seconds)
def _frames(
    content: Image.Image, style: Image.Image, settings: Settings, run: str
) -> Iterator[Frame]:
    """The frames of a run. On ZeroGPU this is another process, which knows of no stops."""
    stop = _runs.get(run, Run()).stop
    with _messages():  # only this kind of error comes back from a forked process
        yield from stylize(content, style, settings, every=PREVIEW_SECONDS, stop=stop.is_set)


def _run(
    content: str | None, style: str | None, values: dict[str, Any], session: str | None
) -> Iterator[Shown]:
    """One run, from two files to the result; its files live as long as the generator."""
    with _messages():
        if not content or not style:
            missing = "photo" if not content else "painting"
            raise StyleTransferError(f"There is no {missing} yet: add one, or click an example.")
        settings = Settings.from_values(values)
        photo, painting = load_image(content), load_image(style)
        make_plan(settings, photo.size)  # says before the run what can't be done
    name = f"{session}/{uuid.uuid4()}"
    run = _runs[name] = Run()
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        try:
            yield Shown(_preview(photo, photo, files / "preview-0.jpg"))
            frames = _frames(photo, painting, settings, name)
            for frame in frames:
                if frame.done or run.stop.is_set():
                    break
                path = files / f"preview-{frame.step}.jpg"
                yield Shown(_preview(frame.image, photo, path), frame)
            frames.close()
        finally:
            del _runs[name]
        if run.discarded:
            return
        result = finish(frame.image, photo, settings)
        path = files / f"{Path(content).stem}-{Path(style).stem}.png"
        result.save(path)
        shown = path
        if max(result.size) > SHOWN_SIDE:
            shown = files / "result.jpg"
            smaller = ImageOps.contain(result, (SHOWN_SIDE, SHOWN_SIDE))
            smaller.convert("RGB").save(shown, quality=92)
        yield Shown(str(shown), frame, str(path))


def _preview(image: Image.Image, photo: Image.Image, path: Path) -> str:
    """Save a preview in the shape the result will have on the screen, so that nothing jumps."""
    scale = min(1.0, PREVIEW_SIDE / max(photo.size))
    size = tuple(max(1, round(side * scale)) for side in photo.size)
    image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, quality=85)
    return str(path)


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


def stop_session(request: gr.Request, discard: bool = False) -> None:
    """End the runs of one page or client after the step in hand."""
    for name, run in list(_runs.items()):
        if name.startswith(f"{request.session_hash}/"):
            run.discarded |= discard
            run.stop.set()


def stylize_api(request: gr.Request, content: str, style: str, **values: Any) -> Iterator[str]:
    """Repaint the photo `content` in the style of the painting `style`.

    Streams previews (JPEG); the last file is the result: a PNG in the pixel size of the photo.
    """
    for shown in _run(content, style, values, request.session_hash):
        yield shown.result or shown.picture


def _status(frame: Frame | None, done: bool) -> str:
    """The line under the picture, as HTML."""
    if frame is None:
        text, value, total = "Starting", 0, 1
    else:
        value, total = frame.step, frame.total_steps
        if not done:
            text = (
                f"Step {value} of {total}, {frame.size} px, {frame.elapsed:.0f} s, "
                f"about {frame.remaining:.0f} s left"
            )
        elif value == total:
            text = f"Finished: {total} steps in {frame.elapsed:.1f} s"
        else:
            text = f"Stopped at step {value} of {total} after {frame.elapsed:.1f} s"
    bar = f'<progress max="{total}" value="{value}" aria-label="Progress"></progress>'
    return _line(text, "" if done else bar)


def _line(text: str, bar: str = "") -> str:
    return f'<div class="status" role="status">{bar}<span>{text}</span></div>'


def _control(name: str) -> gr.components.Component:
    """The widget of one setting."""
    option, value = OPTIONS[name], getattr(DEFAULTS, name)
    common = {"label": option.label, "info": option.help, "value": value}
    match option:
        case Number(high=high) if high > 1_000_000:
            return gr.Number(**common)
        case Number():
            return Slider(**common, minimum=option.low, maximum=option.high, step=option.step)
        case Choice():
            return Radio(**common, choices=list(option.choices))
        case Switch():
            return gr.Checkbox(**common)
        case Layers():
            common["value"] = list(value)
            return Dropdown(**common, choices=list(option.choices), multiselect=True)


def _preset_values(preset: str) -> list[Any]:
    """Values of the settings that decide the look, as the widgets want them."""
    values = PRESETS[preset].as_dict()
    return [
        list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in UNTOUCHED_BY_PRESETS
    ]


@dataclass(frozen=True)
class Example:
    """A bundled pair with its result."""

    title: str
    content: str
    style: str
    result: str
    thumbnail: str


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


def build_demo() -> gr.Blocks:
    """The page with its events, ready to be launched."""
    gr.set_static_paths([EXAMPLES])  # served from where they are, and never cleaned up
    examples = _load_examples()
    first = examples[0]
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(KEEP_FILES_SECONDS, KEEP_FILES_SECONDS),
    ) as demo:
        gr.Markdown(INTRO)
        with gr.Row(elem_id="studio"):
            with gr.Column(elem_id="inputs"):
                with gr.Row(elem_id="pair"):
                    content = ImageFile(
                        first.content,
                        label="Photo",
                        sources=["upload", "clipboard", "webcam"],
                        height=210,
                        format="png",
                        elem_id="content",
                        buttons=[],
                        alt_text="The photo",
                    )
                    style = ImageFile(
                        first.style,
                        label="Painting",
                        sources=["upload", "clipboard"],
                        height=210,
                        format="png",
                        elem_id="style",
                        buttons=[],
                        alt_text="The painting",
                    )
                with gr.Row(elem_id="buttons"):
                    start = gr.Button("Stylize", variant="primary", scale=3, elem_id="start")
                    stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
            with gr.Column(elem_id="result"):
                with gr.Tabs(selected="compare") as tabs:
                    with gr.Tab("Before and after", id="compare"):
                        compare = gr.ImageSlider(
                            (first.content, first.result),
                            show_label=False,
                            elem_id="compare",
                            buttons=["fullscreen"],
                            interactive=False,
                        )
                    with gr.Tab("Picture", id="picture"):
                        picture = gr.Image(
                            first.result,
                            show_label=False,
                            elem_id="picture",
                            buttons=["fullscreen"],
                            interactive=False,
                            alt_text="The stylised picture",
                        )
                status = gr.HTML(_line(first.title))
                download = gr.DownloadButton(
                    "Download the picture", value=first.result, elem_id="download"
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
                    label="Loss: content (blue), style (orange), total (red)",
                    visible=False,
                    buttons=[],
                    elem_id="curve",
                )
                gr.Markdown("### Examples\nClick one to see its result at once.")
                gallery = gr.Gallery(
                    [(example.thumbnail, example.title) for example in examples],
                    show_label=False,
                    columns=4,
                    height="auto",
                    allow_preview=False,
                    object_fit="cover",
                    buttons=[],
                    elem_id="examples",
                    interactive=False,
                )
            with gr.Column(elem_id="controls"):
                preset = gr.Radio(list(PRESETS), value="Balanced", label="Preset")
                controls = {n: _control(n) for n, option in OPTIONS.items() if not option.advanced}
                with gr.Accordion("Advanced", open=False):
                    controls |= {n: _control(n) for n, option in OPTIONS.items() if option.advanced}
                controls = {name: controls[name] for name in OPTIONS}

        def follow(
            content: str | None, style: str | None, values: dict[str, Any], session: str | None
        ) -> Iterator[dict[gr.blocks.Block, Any]]:
            """Updates of the page during a run."""
            losses: list[tuple[int, str, float]] = []
            for shown in _run(content, style, values, session):
                frame, done = shown.frame, shown.result is not None
                if frame is not None:
                    losses += [
                        (frame.step, term, math.log10(value))
                        for term, value in frame.losses.items()
                        if value > 0
                    ]
                updates: dict[gr.blocks.Block, Any] = {
                    picture: shown.picture,
                    status: _status(frame, done),
                    curve: gr.LinePlot(
                        pd.DataFrame(losses, columns=["step", "term", "log10 loss"]),
                        x_lim=[0, frame.total_steps if frame else 1],
                        visible=bool(losses),
                    ),
                    stop: gr.Button(interactive=not done),
                }
                if frame is None:
                    updates |= {
                        tabs: gr.Tabs(selected="picture"),
                        start: gr.Button("Painting ...", interactive=False),
                        download: gr.DownloadButton(visible=False),
                    }
                if done:
                    updates |= {
                        compare: (content, shown.picture),
                        download: gr.DownloadButton(value=shown.result, visible=True),
                    }
                yield updates
            if not done:  # discarded; Gradio repeats the last update at the end, so let it be none
                yield {status: gr.skip()}

        def run_page(
            request: gr.Request, content: str | None, style: str | None, **values: Any
        ) -> Iterator[dict[gr.blocks.Block, Any]]:
            try:
                yield from follow(content, style, values, request.session_hash)
            except gr.Error as error:  # a raised one would be stamped across the old picture
                gr.Warning(error.message, title="This does not work yet")
                yield {status: gr.skip()}

        def show_example(request: gr.Request, event: gr.SelectData) -> dict[gr.blocks.Block, Any]:
            stop_session(request, discard=True)
            example = examples[event.index]
            return {
                content: example.content,
                style: example.style,
                picture: example.result,
                compare: (example.content, example.result),
                download: gr.DownloadButton(value=example.result, visible=True),
                status: _line(example.title),
                curve: gr.LinePlot(visible=False),
            }

        view = [picture, compare, status, curve, download, tabs, start, stop]
        run = start.click(
            run_page,
            inputs_kwargs={"content": content, "style": style, **controls},
            outputs=view,
            concurrency_limit=1,
            concurrency_id="device",
            show_progress="minimal",
            show_progress_on=[picture, compare],
            scroll_to_output=False,
            api_visibility="private",
        )
        # After an error too: the page is ready for the next run.
        run.then(
            lambda: (gr.Button("Stylize", interactive=True), gr.Button(interactive=False)),
            outputs=[start, stop],
            api_visibility="private",
        )
        for image in (content, style):
            # In the queue, though nobody waits there: only from it do messages reach the page.
            image.upload(
                check_upload, image, image, concurrency_limit=None, api_visibility="private"
            )
        stop.click(stop_session, None, None, queue=False, api_visibility="private")
        demo.unload(stop_session)
        gallery.select(None, js=SHOW_RESULT)
        gallery.select(
            show_example, None, [content, style, *view], queue=False, api_visibility="private"
        )
        looks = [widget for n, widget in controls.items() if n not in UNTOUCHED_BY_PRESETS]
        preset.input(_preset_values, preset, looks, queue=False, api_visibility="private")

        # The API has inputs of its own: those of the page hold the first example.
        api_inputs = {
            "content": ImageFile(visible=False, label="content"),
            "style": ImageFile(visible=False, label="style"),
        }
        gr.Button(visible=False).click(
            stylize_api,
            inputs_kwargs={**api_inputs, **controls},
            outputs=ImageFile(visible=False, label="result"),
            concurrency_limit=1,
            concurrency_id="device",
            api_name="stylize",
        )
    return demo


def serve(**launch: Any) -> tuple[Any, str, str]:
    """Launch the demo; the tests do it by the same way. Arguments are those of `Blocks.launch`."""
    defaults = {"css": CSS, "run_history": False, "footer_links": ["api", "gradio"]}
    demo = build_demo()
    demo.queue(status_update_rate=2)
    if not spaces.config.Config.zero_gpu:  # whose process forks: nothing may run before
        threading.Thread(target=warm_up, daemon=True).start()
    return demo.launch(**{**defaults, **launch})


def main() -> None:
    parser = argparse.ArgumentParser(description=TITLE)
    parser.add_argument("--port", type=int, help=f"port to serve on (default {PORT})")
    parser.add_argument("--share", action="store_true", default=None, help="make a public link")
    arguments = parser.parse_args()
    serve(server_port=arguments.port, share=arguments.share)


if __name__ == "__main__":
    main()
