"""A call on its way to a worker of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .remote import Order


@dataclass(eq=False)
class Call:
    """A call on its way.

    Attributes:
        order: What is sent.
        resources: Resources that its worker must have declared.
        worker: Address of the worker that must make it, or "".
        future: What the caller waits for.
        sent: Dask's future, if it is sent.
        deliveries: Times that contents were sent for it.
        begun: Times that it was begun again because the scheduler was away.
        restricted: Addresses of the workers that may make it; empty for all.
    """

    order: Order
    resources: Mapping[str, float] | None
    worker: str = ""
    future: Future[Any] = field(default_factory=Future)
    sent: Any = None
    deliveries: int = 0
    begun: int = 0
    restricted: tuple[str, ...] = ()

    def fail(self, error: BaseException) -> None:
        """Ends it by an exception."""
        with suppress(Exception):
            self.future.set_exception(error)
