"""Errors of our own handlers, as one sentence for whoever called them."""

from __future__ import annotations

import html
import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import gradio as gr

from ..errors import StyleTransferError
from ..frame import Frame

log = logging.getLogger("nst")

UNEXPECTED = "This did not work: check the values of the request, or reload the page."

Values = ParamSpec("Values")
Result = TypeVar("Result")


def answered(handler: Callable[Values, Result]) -> Callable[Values, Result]:
    """Decorate a handler, a function or a generator, so that it raises nothing but `gr.Error`.

    A `StyleTransferError` becomes its own sentence. Any other exception is logged, and the caller
    gets a sentence that tells nothing of the server's inside. The decorated handler has the
    signature of `handler`: Gradio looks there for `gr.Request`.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def generator(*values: Values.args, **named: Values.kwargs) -> Any:
            try:
                yield from cast(Any, handler(*values, **named))
            except gr.Error:
                raise
            except Exception as error:
                raise _message(error) from error

        return cast(Callable[Values, Result], generator)

    @wraps(handler)
    def function(*values: Values.args, **named: Values.kwargs) -> Result:
        try:
            return handler(*values, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise _message(error) from error

    return function


def _message(error: Exception) -> gr.Error:
    if isinstance(error, StyleTransferError):
        return gr.Error(sentence(error), print_exception=False)
    log.error("a handler failed", exc_info=error)
    return gr.Error(UNEXPECTED, print_exception=False)


def sentence(error: StyleTransferError) -> str:
    """The text of an error as HTML, which the page shows it as: a file may be called anything."""
    return html.escape(str(error), quote=False)


def out_of_time(seconds: float, frame: Frame) -> str:
    """The sentence for a run that ended with `frame`, because it may take no more `seconds`."""
    return (
        f"A run may take {seconds:g} seconds on this server: this is what it came to by step "
        f"{frame.step} of {frame.total_steps}. Fewer steps or a smaller size get to the end."
    )
