"""A cluster: an executor whose calls are made by the workers of a Dask scheduler."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from .call import Call
from .connection import ClusterError, reached, told, unreachable, worker_called, workers_of
from .contents import Content, Shared
from .remote import Answer, Lacking, Order, Refusal, finish, needs, perform_order, prepare, put
from .versions import differences, versions

PATIENCE = 600.0
"""Seconds for which a scheduler may be away before the work ends with an error."""

_POLL = 2.0
"""Seconds between two looks at which workers there are."""

_DELIVERIES = 20
"""Times that contents are sent again for one call, at most."""

_BEGUN = 50
"""Times that a call is begun again because the scheduler was away, at most."""


class Cluster(Executor):
    """Makes calls on the workers of a Dask scheduler.

    A call whose worker has died is made again by another. Contents are sent to workers that do
    not have them. If the scheduler goes away, everything that is not finished is sent again
    once it is back.

    Attributes:
        dashboard: Address of Dask's dashboard, or "".
    """

    def __init__(
        self,
        address: str,
        *,
        limit: float | None = None,
        warn: Callable[[str], None] = lambda line: None,
        other_versions: bool = False,
        resources: Mapping[str, float] | None = None,
        timeout: float = 15.0,
    ) -> None:
        """Connects to a scheduler.

        Args:
            address: `tcp://` or `tls://` address of the scheduler, path of its
                scheduler file, or `local:N` for N workers on this machine.
            limit: Seconds that a call may take, or None.
            warn: Is called with a line about what went wrong and was mended.
            other_versions: Whether workers may have other versions of Python
                and libraries than this process.
            resources: Resources, as Dask's workers declare them, that each call needs.
            timeout: Seconds to wait for the scheduler.

        Raises:
            ClusterError: There is no scheduler, or no worker of the same versions.
        """
        self._address, self._limit, self._timeout = address, limit, timeout
        self._warn, self._resources = warn, resources
        self._versions = None if other_versions else versions()
        try:
            self._client = reached(address, timeout)
        except (OSError, TimeoutError, ValueError) as error:
            raise unreachable(address, error) from None
        self.dashboard = self._client.dashboard_link if self._client.scheduler else ""
        self._contents: dict[str, Content] = {}
        self._scattered: dict[str, list[tuple[Any, Any]]] = {}
        self._deliveries: dict[tuple[str, str], tuple[Any, list[Call]]] = {}
        self._calls: set[Call] = set()
        self._refused: dict[str, str] = {}
        self._awaited = set[tuple[tuple[str, float], ...]]()
        self._generation = 0
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._closed = threading.Event()
        self._workers = self._known()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _known(self) -> dict[str, int]:
        """Gives the threads of each worker, once there is one; says which ones are of no use."""
        try:
            # A batch system may start them after the scheduler, an adaptive cluster not before
            # there is something to do.
            self._client.submit(len, (), pure=False).result(4 * self._timeout)
        except (TimeoutError, OSError):
            self._client.close(timeout=2)
            raise ClusterError(
                f"cluster {self._address}: the scheduler has no workers; start one with: "
                f"dask worker {self._address} --nthreads 1"
            ) from None
        answers = self._client.run(versions, on_error="return")
        for worker, found in answers.items():
            if isinstance(found, OSError):
                # It has gone meanwhile.
                continue
            if isinstance(found, Exception):
                reason = " ".join(f"{type(found).__name__}: {found}".split())[:160]
                hint = "; install wayshot there" if isinstance(found, ImportError) else ""
                self._refuse(Refusal(worker, f"{reason}{hint}"))
            elif self._versions is not None and (line := differences(self._versions, found)):
                self._refuse(Refusal(worker, line))
        known = dict(self._client.nthreads())
        if known and not {*known} - {*self._refused}:
            first = next(iter(self._refused.values()))
            self._client.close(timeout=2)
            raise ClusterError(
                f"cluster {self._address}: no worker can be used: {first}; with "
                "--other-versions they are used all the same"
            )
        return known

    def prepare(self) -> None:
        """Lets all workers start the processes of their calls, and does not wait for it."""
        usable = [worker for worker in self._workers if worker not in self._refused]
        # What Dask gives is kept, as it drops what nobody has asked for.
        self._prepared = [
            self._client.submit(prepare, workers=[worker], pure=False) for worker in usable
        ]

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.worker not in self._refused:
            self._refused[refusal.worker] = refusal.line
            self._warn(f"worker {refusal.worker} is not used: {refusal.line}")

    @property
    def size(self) -> int:
        """Number of calls that are made at the same time."""
        return max(1, sum(n for name, n in self._workers.items() if name not in self._refused))

    def idle_worker(self, name: str) -> str:
        """Gives the address of a worker that has nothing else to do.

        Args:
            name: Its name or address.

        Raises:
            ClusterError: There is no such worker, or it is working.
        """
        return worker_called(self._client, name)

    def hold(self, content: Content) -> str:
        """Keeps a content for the workers that will need it; gives its digest.

        Args:
            content: The content, whose files stay as they are.
        """
        self._contents[content.digest] = content
        return content.digest

    def share(self, path: Path) -> Shared:
        """Gives what a call gets in place of a file's path.

        Args:
            path: The file, which stays as it is while calls need it.
        """
        return Shared(self.hold(Content({path.name: path})), path.name)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Makes a call on a worker; see `Executor.submit`.

        Args:
            fn: A function at the top of a module of this package.
            *args: Its arguments.
            **kwargs: `resources` and `limit`, as in `__init__`, for this call alone; and
                `worker`, the address of the worker that must make it.
        """
        limit = kwargs.get("limit", self._limit)
        needed = [digest for one in args for digest in needs(one)]
        order = Order(fn, args, tuple(dict.fromkeys(needed)), limit, self._versions)
        resources = kwargs.get("resources") or self._resources
        call = Call(order, resources, kwargs.get("worker", ""))
        self._events.put((self._begin, call))
        return call.future

    def _serve(self) -> None:
        """Does all that is to be done, in one thread."""
        looked = time.monotonic()
        while not self._closed.is_set():
            with suppress(queue.Empty):
                action, *given = self._events.get(timeout=_POLL / 4)
                self._attempt(action, *given)
            if time.monotonic() - looked > _POLL:
                self._attempt(self._look)
                looked = time.monotonic()

    def _attempt(self, action: Callable[..., None], *given: Any) -> None:
        try:
            action(*given)
        except Exception as error:
            # Whatever Dask raises when the scheduler is away.
            self._renew(error, [one for one in given if isinstance(one, Call)])

    def _renew(self, error: Exception, calls: Iterable[Call]) -> None:
        """Connects again, and begins all unfinished calls again."""
        self._calls |= {call for call in calls if not call.future.done()}
        self._generation += 1
        self._scattered, self._deliveries = {}, {}
        self._warn(
            f"cluster {self._address}: {type(error).__name__}; waiting for the scheduler, and what "
            "is not finished is done again"
        )
        with suppress(Exception):
            self._client.close(timeout=2)
        until = time.monotonic() + PATIENCE
        while not self._closed.is_set():
            try:
                self._client = reached(self._address, self._timeout)
                break
            except Exception as failure:
                if time.monotonic() > until:
                    for call in self._calls:
                        call.future.set_exception(unreachable(self._address, failure))
                    self._calls.clear()
                    return
                self._closed.wait(1)
        for call in [*self._calls]:
            call.begun += 1
            if call.begun > _BEGUN:
                self._calls.discard(call)
                call.fail(error)
            else:
                self._events.put((self._begin, call))

    def _begin(self, call: Call) -> None:
        """Sends a call."""
        if call.sent is None and call not in self._calls:
            if not call.future.set_running_or_notify_cancel():
                return
            self._calls.add(call)
        call.restricted = ()
        if self._refused or call.worker:
            usable = (one for one in self._client.nthreads() if one not in self._refused)
            call.restricted = tuple(one for one in usable if call.worker in ("", one))
            if not call.restricted:
                why = next(iter(self._refused.values()), f"worker {call.worker} has gone")
                call.fail(ClusterError(f"no worker of the cluster can be used: {why}"))
                self._calls.discard(call)
                return
        call.sent = self._client.submit(
            perform_order,
            call.order,
            pure=False,
            resources=dict(call.resources) if call.resources else None,
            workers=list(call.restricted) or None,
        )
        generation = self._generation
        call.sent.add_done_callback(
            lambda sent: self._events.put((self._end, call, sent, generation))
        )

    def _end(self, call: Call, sent: Any, generation: int) -> None:
        """Takes what a call has given."""
        if generation != self._generation or call.sent is not sent:
            return
        if sent.status == "finished":
            outcome = sent.result()
            call.sent = None
            if isinstance(outcome, Answer):
                self._calls.discard(call)
                for line in outcome.lines:
                    self._warn(line)
                call.future.set_result(outcome.value)
            elif isinstance(outcome, Refusal):
                self._refuse(outcome)
                self._begin(call)
            else:
                self._deliver(outcome, call)
        elif sent.status == "error":
            self._calls.discard(call)
            call.fail(told(sent.exception()))
        else:
            raise ConnectionError("a call was lost")

    def _deliver(self, lacking: Lacking, call: Call) -> None:
        """Sends contents to a worker, and begins a call again when they are there."""
        call.deliveries += 1
        if call.deliveries > _DELIVERIES:
            self._calls.discard(call)
            call.fail(ClusterError(f"contents do not reach worker {lacking.worker}"))
            return
        digest = lacking.digests[0]
        place = (lacking.worker, digest)
        if place in self._deliveries:
            self._deliveries[place][1].append(call)
            return
        here = {"workers": [lacking.worker], "pure": False}
        pieces = self._pieces(digest)
        sent = [self._client.submit(put, digest, piece, **here) for piece in pieces]
        end = self._client.submit(finish, digest, *sent, **here)
        self._deliveries[place] = (end, [call])
        generation = self._generation
        end.add_done_callback(
            lambda end: self._events.put((self._delivered, place, end, generation))
        )

    def _pieces(self, digest: str) -> list[Any]:
        """Gives the pieces of a content, each of them sent from here once."""
        if digest not in self._scattered:
            pieces = self._contents[digest].pieces()
            self._scattered[digest] = [self._client.scatter(piece, hash=False) for piece in pieces]
        return self._scattered[digest]

    def _delivered(self, place: tuple[str, str], end: Any, generation: int) -> None:
        if generation != self._generation or place not in self._deliveries:
            return
        _, calls = self._deliveries.pop(place)
        if end.status != "finished":
            # A worker that held the pieces has gone, or the one that should get them.
            self._scattered.pop(place[1], None)
        for call in calls:
            self._begin(call)

    def _look(self) -> None:
        """Looks which workers there are; what waits for one that has gone begins again."""
        if not self._calls:
            return
        there = dict(self._client.nthreads())
        for gone in {*self._workers} - {*there}:
            self._warn(f"worker {gone} has gone; what it was doing is done again")
        self._workers = there
        self._look_for_resources()
        for place in [place for place in self._deliveries if place[0] not in there]:
            _, calls = self._deliveries.pop(place)
            for call in calls:
                self._begin(call)
        for call in [*self._calls]:
            if call.sent is not None and call.restricted and not {*call.restricted} & {*there}:
                sent, call.sent = call.sent, None
                sent.cancel()
                self._begin(call)

    def _look_for_resources(self) -> None:
        """Says once of which resources no worker has enough."""
        asked = {tuple(sorted(call.resources.items())) for call in self._calls if call.resources}
        if not asked - self._awaited:
            return
        declared = [one.get("resources") or {} for one in workers_of(self._client).values()]
        for one in asked - self._awaited:
            self._awaited.add(one)
            if not any(all(has.get(name, 0) >= n for name, n in one) for has in declared):
                words = ",".join(f"{name}={n:g}" for name, n in one)
                self._warn(
                    f"cluster {self._address}: no worker has {words}; waiting for one, as of: "
                    f"dask worker {self._address} --nthreads 1 --resources {words}"
                )

    def forget(self, shared: Shared) -> None:
        """Lets go of a shared file that no call needs any more.

        Args:
            shared: What `share` gave for it.
        """
        self._events.put((self._drop, shared.digest))

    def _drop(self, digest: str) -> None:
        self._contents.pop(digest, None)
        self._scattered.pop(digest, None)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the connection, and a cluster that was started for it; see `Executor.shutdown`.

        Args:
            wait: Whether to wait for running calls.
            cancel_futures: Whether to cancel calls that have not ended.
        """
        if wait and not cancel_futures:
            for call in [*self._calls]:
                with suppress(Exception):
                    call.future.exception()
        self._closed.set()
        self._thread.join(30)
        with suppress(Exception):
            self._client.close(timeout=5)
            if self._client.cluster is not None:
                self._client.cluster.close(timeout=10)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        # After an error, running calls are of no use.
        self.shutdown(wait=kind is None)
        return None
