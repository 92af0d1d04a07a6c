"""What the page does where many come: limits in common, and states that Gradio has forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nst_core import StyleTransferError
from nst_core.page import build_page, gr, runs_of, usable
from nst_core.page.inputs import MIX, STYLES
from nst_core.page.result import known
from nst_core.server.limits import Limits
from nst_core.server.service import Service
from nst_core.settings import DEFAULTS


def nothing(*_: object) -> Iterator[Any]:
    yield from ()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    files: Path = tmp_path_factory.mktemp("files")
    service = Service(Limits(), files, nothing, nothing)  # type: ignore[arg-type]
    yield service
    service.close()


@pytest.fixture(scope="module")
def demo(service: Service) -> gr.Blocks:
    return build_page(service)


def named(demo: gr.Blocks, name: str) -> Any:
    return next(fn for fn in demo.fns.values() if fn.api_name == name)


def test_all_that_decodes_pictures_outside_of_runs_shares_a_limit(demo: gr.Blocks) -> None:
    for name in ("check_upload", "choose_photo", "blend", "bring_back", "use", "recipe"):
        fn = named(demo, name)
        assert (fn.concurrency_id, fn.concurrency_limit) == ("pictures", 2), name


def test_previews_keep_no_upload_waiting(demo: gr.Blocks) -> None:
    """A preview goes on for seconds, and a check of an upload is wanted at once."""
    assert named(demo, "preview").concurrency_id != named(demo, "check_upload").concurrency_id


def test_cancel_leaves_work_of_another_kind_alone(demo: gr.Blocks, service: Service) -> None:
    """A picture that waits is cancelled while one's own tiles are painted."""
    cancel, request = named(demo, "discard").fn, SimpleNamespace(session_hash="me")
    with service.runs.enter("me") as tiles:
        service.turns.take("me", "picture")
        assert "Cancelled" in cancel(request)
        assert not tiles.stopped.is_set()
        assert not service.turns.is_taken("me", "picture")
    with service.runs.enter("me") as picture:
        service.turns.take("me", "picture")
        service.turns.begin("me", "picture")
        cancel(request)
        assert picture.discarded


def test_what_needs_the_device_is_known(demo: gr.Blocks) -> None:
    runs = {str(demo.fns[number].api_name) for number in runs_of(demo)}
    assert {"stylize", "timelapse", "sweep", "run"} <= runs
    assert not runs & {"recipe", "check_upload", "reload", "stop"}


def test_values_that_gradio_would_fail_at_are_known(demo: gr.Blocks) -> None:
    check = named(demo, "check_upload")._id
    good = {"path": "x.png", "meta": {"_type": "gradio.FileData"}}
    assert usable(demo, check, [None])
    assert usable(demo, check, [good])
    for wrong in ("x", 7, [], {"path": 7}, {**good, "size": "x"}):
        assert not usable(demo, check, [wrong])


def test_a_change_on_a_page_that_is_still_loading_touches_no_picture(
    demo: gr.Blocks, photo_path: Path, painting_path: Path
) -> None:
    """It has no state yet: what it shows is not known."""
    pictures = {"content": {"path": str(photo_path)}, STYLES[0]: {"path": str(painting_path)}}
    request = SimpleNamespace(session_hash="new")
    empty = dict.fromkeys(("mask", "start_image", *STYLES))
    fields = {**DEFAULTS.as_dict(), **empty, **dict.fromkeys(MIX, 1), **pictures}
    states = dict.fromkeys(("base", "running"))
    found = named(demo, "change").fn(request, live=False, line="", **states, **fields)
    assert {block.elem_id for block in found} == {"cost", "quality", None}
    assert not [block for block in found if isinstance(block, (gr.Image, gr.State))]
    last = list(named(demo, "preview").fn(request, base=None, **fields))
    assert len(last) == 1


def test_ones_own_photo_that_is_gone_is_not_mistaken_for_a_bundled_one(demo: gr.Blocks) -> None:
    """The strip still shows it first, but the server has forgotten it, or deleted its file."""
    choose = named(demo, "choose_photo").fn
    strip = [{}] * 8
    for own in (None, "gone.jpg"):
        with pytest.warns(UserWarning, match="photo is not here any more"):
            (change,) = choose(SimpleNamespace(index=0), own, strip).values()
        assert change == gr.skip()


def test_a_page_whose_state_is_gone_asks_to_be_loaded_again(demo: gr.Blocks) -> None:
    """Its strength would blend another picture."""
    with pytest.raises(StyleTransferError, match="reload the page"):
        known(None)
    blend = named(demo, "blend").fn
    with pytest.warns(UserWarning, match="reload the page"):
        (changed,) = blend(None, 0.5)
    assert not {"path", "value"} & {key for value in changed.values() for key in value}
    # A forgotten state has the value that it was made with: the picture in view, and how many
    # paintings there are, are unknown then.
    states = [named(demo, name).inputs[0] for name in ("blend", "add")]
    assert [(type(state), state.value) for state in states] == [(gr.State, None)] * 2
    # Rows of paintings that are in use stay in view.
    for name in ("add", "remove"):
        rows = named(demo, name).fn(None)
        shown = [x.visible for block, x in rows.items() if isinstance(block, gr.Row)]
        assert shown[:2] == [True, True]
