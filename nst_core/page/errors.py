"""Errors of our own handlers become one sentence for the visitor."""

from __future__ import annotations

import html
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from ..errors import StyleTransferError

log = logging.getLogger("nst")

UNEXPECTED = "This did not work: check the values of the request, or reload the page."

Handler = TypeVar("Handler", bound=Callable[..., Any])


def sentence(error: Exception) -> str:
    """The text of an error, for a page that shows it as HTML.

    A sentence may quote the name of a file, and that name may be anything.
    """
    text = error.message if isinstance(error, gr.Error) else html.escape(str(error), quote=False)
    return str(text)


def warn(error: Exception) -> str:
    """Say what is wrong beside the picture: `gr.Error` would be stamped across it.

    Returns:
        The sentence, for the line below the picture.
    """
    gr.Warning(sentence(error), title="This does not work yet")
    return sentence(error)


@contextmanager
def messages() -> Iterator[None]:
    """Turn what goes wrong inside into `gr.Error`, the only error whose text Gradio hands on."""
    try:
        yield
    except gr.Error:
        raise
    except StyleTransferError as error:
        raise gr.Error(sentence(error), print_exception=False) from error
    except Exception as error:
        log.exception("a request failed")
        raise gr.Error(UNEXPECTED, print_exception=False) from error


def answered(handler: Handler) -> Handler:
    """A handler (a function, a coroutine or a generator) whose errors are `messages`."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with messages():
                yield from handler(*args, **kwargs)

        return generate  # type: ignore[return-value]  # of the same signature, by `wraps`
    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def wait(*args: Any, **kwargs: Any) -> Any:
            with messages():
                return await handler(*args, **kwargs)

        return wait  # type: ignore[return-value]

    @wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        with messages():
            return handler(*args, **kwargs)

    return call  # type: ignore[return-value]
