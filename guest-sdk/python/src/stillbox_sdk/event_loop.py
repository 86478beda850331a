"""The event loop of `async` steps: waits for everything that tasks wait for, at once, in the host.

This module can be imported only inside a component with a world of `wasi/http.wit` or `wasi/models.wit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from wit_world.imports import monotonic_clock, poll
from wit_world.imports.poll import Pollable

from .errors import InternalError


class HostLoop(asyncio.BaseEventLoop):
    """An event loop without sockets, threads and child processes."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector()

    async def ready(self, pollable: Pollable) -> None:
        """Waits for the host, and drops the pollable."""
        with pollable:
            future = self.create_future()
            entry = (pollable, future)
            self._selector.waiting.append(entry)
            try:
                await future
            finally:
                self._selector.waiting.remove(entry)

    def before_wait(self, call: Callable[[], None]) -> None:
        """Calls a function once, when no task can continue. It lets some continue."""
        self._selector.before_wait.append(call)

    def _process_events(self, events: list[asyncio.Future[None]]) -> None:
        for future in events:
            if not future.done():
                future.set_result(None)

    def _write_to_self(self) -> None:
        """Does nothing: there is no other thread that could wake the loop."""


def host_loop() -> HostLoop:
    """Returns the event loop in which a request can wait.

    Raises `InternalError` in another one.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, HostLoop):
        raise InternalError("a request can only wait in the event loop of an `async` step")
    return loop


class _Selector:
    def __init__(self) -> None:
        self.waiting: list[tuple[Pollable, asyncio.Future[None]]] = []
        self.before_wait: list[Callable[[], None]] = []

    def select(self, timeout: float | None) -> list[asyncio.Future[None]]:
        """Waits until something is ready, at most this number of seconds."""
        if self.before_wait and (timeout is None or timeout > 0):
            calls, self.before_wait = self.before_wait, []
            for call in calls:
                call()
            timeout = 0
        waiting = list(self.waiting)
        pollables = [pollable for pollable, _ in waiting]
        if timeout is None:
            if not waiting:
                raise InternalError("all tasks of the step wait for each other")
            ready = poll.poll(pollables)
        elif not waiting and timeout <= 0:
            ready = []
        else:
            with monotonic_clock.subscribe_duration(int(max(timeout, 0) * 1e9)) as timer:
                ready = poll.poll([*pollables, timer])
        return [waiting[index][1] for index in ready if index < len(waiting)]

    def close(self) -> Any:
        """Does nothing: tasks drop what they wait for."""
