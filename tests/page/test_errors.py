"""Handlers of the page and the API: whatever they raise is one sentence."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator

import gradio as gr
import pytest

from nst_core.errors import ImageError
from nst_core.page.errors import UNEXPECTED, answered


def handlers(error: Exception) -> list[Callable[[], object]]:
    """A function and a generator that raise it."""

    @answered
    def function() -> None:
        raise error

    @answered
    def generator() -> Iterator[int]:
        yield 1
        raise error

    return [function, lambda: list(generator())]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ImageError("<b>.png is not an image."), "&lt;b&gt;.png is not an image."),
        (gr.Error("Choose a layer."), "Choose a layer."),
        (ZeroDivisionError("a secret"), UNEXPECTED),
        (StopIteration(), UNEXPECTED),
    ],
)
def test_errors_are_sentences(error: Exception, text: str) -> None:
    for handler in handlers(error):
        with pytest.raises(gr.Error) as caught:
            handler()
        assert caught.value.message == text


def test_what_nobody_expected_is_logged_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for error, count in ((ImageError("It is not an image."), 0), (ZeroDivisionError("why"), 2)):
        for handler in handlers(error):
            with pytest.raises(gr.Error) as caught:
                handler()
            assert not caught.value.print_exception
        assert [record.name for record in caplog.records] == ["nst"] * count
    assert "ZeroDivisionError: why" in caplog.text


def test_a_handler_keeps_its_signature() -> None:
    def handler(request: gr.Request, path: str | None = None) -> str:
        return f"{request} {path}"

    assert inspect.signature(answered(handler)) == inspect.signature(handler)
    assert answered(handler)(path="a", request=gr.Request()).endswith(" a")


def test_a_generator_stays_one_and_is_closed() -> None:
    closed = []

    @answered
    def handler(count: int) -> Iterator[int]:
        try:
            yield from range(count)
        finally:
            closed.append(count)

    assert inspect.isgeneratorfunction(handler)
    assert list(handler(3)) == [0, 1, 2]
    going = handler(9)
    assert next(going) == 0
    going.close()
    assert closed == [3, 9]
