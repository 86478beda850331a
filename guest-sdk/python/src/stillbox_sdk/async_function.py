"""Steps that are `async` functions of a row: the rows of a batch are processed at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .code import Code
from .columns import Columns
from .contract import IN_COMPONENT
from .errors import extra_is_missing
from .failures import CAUGHT
from .forms import REJECTED, Collect
from .function import OutOfMemory, RowFunction

# Rows of a batch that are processed at the same time, by default.
DEFAULT_CONCURRENCY = 16


class AsyncRowFunction(RowFunction):
    """An `async` function that is called for each row."""

    def __init__(
        self,
        function: Callable[..., Any],
        code: Code,
        inputs: Columns,
        outputs: Columns,
        collect: Collect,
        concurrency: int,
    ) -> None:
        super().__init__(function, code, inputs, outputs, collect)
        self._concurrency = concurrency
        # An instance cannot import it later. Other steps do without.
        import asyncio

        self._asyncio = asyncio
        self._new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
        if IN_COMPONENT:
            try:
                from .event_loop import HostLoop
            except ImportError as error:
                raise extra_is_missing("an `async` step needs", "http") from error
            self._new_loop = HostLoop

    def _call(
        self,
        arguments: tuple[Any, ...],
        values: Iterator[tuple[Any, ...]],
        make: Callable[..., Any],
        reject: Callable[[int, BaseException], None],
    ) -> list[Any]:
        made: dict[int, Any] = {}
        rows = enumerate(values)

        async def take_rows() -> None:
            for index, row in rows:
                try:
                    made[index] = await self.call(*arguments, make(*row))
                except MemoryError as error:
                    raise OutOfMemory(index) from error
                except CAUGHT as error:
                    reject(index, error)
                    made[index] = REJECTED

        async def take_all() -> None:
            await self._asyncio.gather(*(take_rows() for _ in range(self._concurrency)))

        with self._asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(take_all())
        return [made[index] for index in sorted(made)]
