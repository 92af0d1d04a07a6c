"""Errors of handlers: one sentence for the visitor, whatever kind of function the handler is."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator

import pytest

from nst_core import StyleTransferError
from nst_core.page.errors import UNEXPECTED, answered, gr


def handlers(error: Exception) -> list[Callable[[], object]]:
    """Calls of a function, a generator and a coroutine that raise an error."""

    @answered
    def function() -> None:
        raise error

    @answered
    def generator() -> Iterator[int]:
        yield 1
        raise error

    @answered
    async def coroutine() -> None:
        raise error

    return [function, lambda: list(generator()), lambda: asyncio.run(coroutine())]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StyleTransferError("Choose <b> & go."), "Choose &lt;b&gt; &amp; go."),
        (gr.Error("As it is."), "As it is."),
        (ZeroDivisionError("secret of the server"), UNEXPECTED),
    ],
    ids=["ours", "gradio's", "unexpected"],
)
def test_every_kind_of_handler_ends_in_one_sentence(error: Exception, text: str) -> None:
    for call in handlers(error):
        with pytest.raises(gr.Error) as caught:
            call()
        assert caught.value.message == text


def test_what_is_unexpected_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    for call in handlers(ZeroDivisionError("secret of the server")):
        with pytest.raises(gr.Error):
            call()
    assert caplog.text.count("ZeroDivisionError: secret of the server") == 3


def test_a_handler_keeps_its_parameters_and_its_values() -> None:
    @answered
    def add(request: gr.Request, a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    assert list(inspect.signature(add).parameters) == ["request", "a", "b"]
    assert add.__annotations__["request"] == "gr.Request"
    assert add(None, 1) == 3  # type: ignore[arg-type]
