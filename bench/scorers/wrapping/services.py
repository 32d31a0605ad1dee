"""Services: functions that ask another machine, which may be slow or not answer."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ...errors import ScorerError
from .model import Model
from .outputs import as_array

RETRIES = 2
"""Default of how often a request is made again that got no answer."""

TIMEOUT = 60.0
"""Default of the seconds after which a request has got no answer."""

_WAIT = 0.5
"""Seconds before the first repetition; twice as long before each further one."""

_CLIENTS = frozenset({"aiohttp", "grpc", "httpcore", "httpx", "requests", "urllib3"})
"""Libraries whose exceptions are failures of the connection."""

_REFUSED = frozenset(range(400, 500)) - {408, 425, 429}
"""Statuses of HTTP with which a service refuses a request for good."""


def _may_pass(error: Exception) -> bool:
    """Tells whether a failure is one of the connection, which may be gone next time."""
    status = getattr(error, "code", None) or getattr(
        getattr(error, "response", None), "status_code", None
    )
    if status in _REFUSED:
        return False
    return isinstance(error, OSError | http.client.HTTPException) or (
        type(error).__module__.partition(".")[0] in _CLIENTS
    )


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Makes a call in a thread of its own, which is abandoned if it takes too long."""
    answers: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put((True, call()))
        except BaseException as error:
            answers.put((False, error))

    threading.Thread(target=answer, daemon=True).start()
    try:
        succeeded, value = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} seconds; timeout= allows more") from None
    if not succeeded:
        raise value
    return value


class Service(Model):
    """A function on arrays, or an object with `score_pairs`, that asks another machine.

    Attributes:
        retries: How often a request is made again that got no answer.
        timeout: Seconds after which a request has got no answer.
    """

    kind: ClassVar[str] = "a service"
    packages: ClassVar[tuple[str, ...]] = ()
    retries = RETRIES
    timeout = TIMEOUT

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads whether it takes one image or two.

        Args:
            model: The function or object.
            device: Not used.
        """
        super().__init__(model, device)
        self._ask = getattr(model, "score_pairs", model)
        if self._ask is not model:
            self.inputs = 2

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object has `score_pairs`."""
        return callable(getattr(model, "score_pairs", None)) and not isinstance(model, type)

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Makes a request; where it gets no answer, some time later again."""
        for left in reversed(range(self.retries + 1)):
            try:
                return as_array(_within(self.timeout, lambda: self._ask(*images)))
            except Exception as error:
                if not left or not _may_pass(error):
                    raise
            time.sleep(_WAIT * 2 ** (self.retries - left))
        raise AssertionError


def is_service(thing: Any) -> bool:
    """Tells whether an object has `score_pairs`, so that `wrap` takes it.

    Args:
        thing: Any object.
    """
    return Service.recognises(thing)


def served(model: Model, concurrency: int, retries: int, timeout: float) -> Service:
    """Makes a service of a function.

    Args:
        model: The function, as a model.
        concurrency: Requests at the same time.
        retries: How often a request is made again that got no answer.
        timeout: Seconds after which a request has got no answer.

    Raises:
        ScorerError: It is a model of a library.
    """
    if type(model) not in (Model, Service):
        raise ScorerError(
            f"concurrency is for functions that ask a service, and this is {model.kind}; "
            "leave it out"
        )
    found = Service(model.model)
    found.retries, found.timeout = retries, timeout
    return found
