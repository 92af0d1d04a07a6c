"""The endpoints for programs, which are also the tools of the MCP server.

`gr.api` reads names, kinds and defaults from the signature of a function, and the help texts of
parameters from its docstring. Both are made here, from `OPTIONS`. Values arrive as they were sent:
`Settings` checks them, so that a wrong one is answered by the sentence that names its setting.

Gradio takes no annotations that are strings, so this module does not postpone their evaluation.
"""

import inspect
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio import FileData
from gradio.events import api as add_endpoint

from ..errors import StyleTransferError
from ..options import Choice, Layers, Number, Option, Switch
from ..recipe import read_recipe
from ..server.jobs import save_result
from ..server.preparing import Job
from ..server.service import Service
from ..settings import DEFAULTS, MOST_STYLES, OPTIONS
from ..sweep import TILES, sheet
from .errors import answered
from .events import DECODES, ON_DEVICE
from .status import timed_out_text

FILMS = ("mp4", "webp")

Fields = Mapping[str, Any]
# What an endpoint does, for an owner and the values of a request.
Run = Callable[[str, Fields], Iterator[FileData]]


@dataclass(frozen=True)
class Parameter:
    """A parameter of an endpoint; without a `default` it has to be given."""

    kind: Any
    help: str
    default: Any = inspect.Parameter.empty


def build(service: Service) -> None:
    """Add the endpoints to the page that is being built."""
    files = _file_parameters()
    settings = {name: _setting_parameter(name, option) for name, option in OPTIONS.items()}
    kind = {"kind": Parameter(Literal[FILMS], "mp4 or webp.", FILMS[0])}
    for run, parameters in (
        (stylize, files | settings),
        (timelapse, files | kind | settings),
        (sweep, files | settings),
    ):
        endpoint = _endpoint(partial(run, service), run, parameters)
        add_endpoint(endpoint, api_name=run.__name__, **ON_DEVICE)
    add_endpoint(answered(recipe), api_name="recipe", **DECODES)


def stylize(service: Service, owner: str, fields: Fields) -> Iterator[FileData]:
    """Repaint the photo `content` in the style of the painting `style`, or of up to four.

    Streams previews (JPEG); the last file is the result: a PNG in the pixel size of the photo.
    """
    job = _job(fields)
    with tempfile.TemporaryDirectory() as folder:
        for progress in service.paint(job, owner, Path(folder)):
            done = progress.outcome
            if done is not None:
                if done.timed_out:
                    gr.Warning(timed_out_text(done.frame, service.limits.seconds))
                path = Path(folder) / f"{job.name}.png"
                save_result(done.result, done.transfer.content, done.transfer.recipe(), path)
                yield _file(path)
            elif progress.picture is not None:
                yield _file(Path(progress.picture))


def timelapse(service: Service, owner: str, fields: Fields) -> Iterator[FileData]:
    """The same run as `/stylize`, as a film of a few seconds: `kind` is mp4 or webp."""
    kind, job = fields["kind"], _job(fields)
    if kind not in FILMS:
        raise StyleTransferError(f"kind must be mp4 or webp, not {str(kind)[:20]!r}.")
    with tempfile.TemporaryDirectory() as folder:
        for progress in service.paint(job, owner, Path(folder)):
            done = progress.outcome
            if done is not None:
                if done.timed_out:
                    gr.Warning(timed_out_text(done.frame, service.limits.seconds))
                path = Path(folder) / f"{job.name}.{kind}"
                done.film.save(path)
                yield _file(path)


def sweep(service: Service, owner: str, fields: Fields) -> Iterator[FileData]:
    """Nine small pictures in one: style weight grows downwards, strokes to the right."""
    tiles = [tile for tile in service.paint_sweep(_job(fields), owner) if tile is not None]
    if tiles:
        if len(tiles) < TILES:
            gr.Warning(f"The sweep was ended early: {len(tiles)} of {TILES} pictures are in it.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sheet.png"
            sheet(tiles).save(path)
            yield _file(path)


def recipe(picture: FileData) -> dict[str, Any]:
    """The recipe in a PNG that this app has made: its settings, and the hashes of its inputs.

    Args:
        picture: The PNG: a data URL, or its address on this server.
    """
    # Gradio reads what a picture is from the annotation, and hands over a dictionary.
    path = _path("picture", picture)
    if path is None:
        raise StyleTransferError("There is no picture yet: add one.")
    values: dict[str, Any] = json.loads(read_recipe(path).to_json())
    return values


def _file_parameters() -> dict[str, Parameter]:
    # `FileData | None` would be more exact, but Gradio's MCP server then hands a data URL over as
    # a text.
    more = {f"style_{k}": "A further painting." for k in range(2, MOST_STYLES + 1)}
    more["mask"] = "A region of the photo, white on black."
    more["start"] = "The image to start from, where init is image."
    photo = "The photo: a data URL, or the address of a file uploaded to this server."
    return {
        "content": Parameter(FileData, photo),
        "style": Parameter(FileData, "The painting, in the same way."),
        **{name: Parameter(FileData, help, None) for name, help in more.items()},
    }


def _setting_parameter(name: str, option: Option) -> Parameter:
    help = f"{option.help} Values: {option.values}."
    default = getattr(DEFAULTS, name)
    match option:
        case Number():
            return Parameter(int if option.whole else float, help, default)
        case Choice():
            return Parameter(Literal[option.choices], help, default)
        case Switch():
            return Parameter(bool, help, default)
        case Layers():
            return Parameter(list[str], help, list(default))
    return Parameter(str, help, option.text(default))


def _endpoint(
    run: Run, described: Callable[..., Any], parameters: Mapping[str, Parameter]
) -> Callable[..., Any]:
    """`run` as a function for `gr.api`, with the name and description of `described`."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter("request", kind, annotation=gr.Request),
            *(
                inspect.Parameter(name, kind, default=x.default, annotation=x.kind)
                for name, x in parameters.items()
            ),
        ],
        return_annotation=FileData,
    )

    def endpoint(*given: Any) -> Iterator[FileData]:
        bound = signature.bind(*given)
        bound.apply_defaults()
        fields = dict(bound.arguments)
        request = fields.pop("request")
        yield from run(str(request.session_hash), fields)

    helps = [f"    {name}: {parameter.help}" for name, parameter in parameters.items()]
    endpoint.__name__ = described.__name__
    endpoint.__doc__ = "\n".join([str(inspect.getdoc(described)), "", "Args:", *helps])
    endpoint.__annotations__ = {x.name: x.annotation for x in signature.parameters.values()}
    endpoint.__signature__ = signature  # type: ignore[attr-defined]
    return answered(endpoint)


def _job(fields: Fields) -> Job:
    """What a request asks for."""
    content, style, mask, start = (
        _path(name, fields[name]) for name in ("content", "style", "mask", "start")
    )
    more = [f"style_{k}" for k in range(2, MOST_STYLES + 1)]
    styles = [style, *(_path(name, fields[name]) for name in more)]
    given = [path is not None for path in styles]
    if given != sorted(given, reverse=True):  # each weight of style_mix would be another's
        gap = given.index(False) + 1
        raise StyleTransferError(
            f"There is no {'style' if gap == 1 else f'style_{gap}'}, and there is one behind it: "
            "give the paintings in order."
        )
    values = {name: fields[name] for name in OPTIONS}
    return Job(content, [path for path in styles if path], values, mask, start)


def _path(name: str, value: Any) -> str | None:
    """The path of a file of a request; the gate lets none pass that is no upload."""
    if value is None:
        return None
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not path:
        raise StyleTransferError(f"{name} is not a file: upload it, and give what the upload says.")
    return path


def _file(path: Path) -> FileData:
    """A file to answer with; Gradio copies it before the generator goes on."""
    return FileData(path=str(path), orig_name=path.name)
