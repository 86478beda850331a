"""Tables in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._stillbox import Batches

if TYPE_CHECKING:
    import pyarrow


def as_arrow(rows: Any) -> Any:
    """Returns an object of Arrow's PyCapsule interface. A dict of columns becomes a table of pyarrow."""
    if isinstance(rows, Mapping) and not hasattr(rows, "__arrow_c_stream__"):
        for name in rows:
            if not isinstance(name, str):
                raise TypeError(f"the names of columns are strings, not {name!r}")
        return _pyarrow("a dict of columns").table(dict(rows))
    return rows


def as_table(batches: Batches) -> pyarrow.Table | Batches:
    """Returns a pyarrow.Table if pyarrow is installed."""
    try:
        import pyarrow
    except ImportError:
        return batches
    return pyarrow.RecordBatchReader.from_stream(batches).read_all()


def as_batch(batches: Batches) -> pyarrow.RecordBatch | Batches:
    """Returns a pyarrow.RecordBatch if pyarrow is installed. There is one batch."""
    try:
        import pyarrow
    except ImportError:
        return batches
    return pyarrow.record_batch(batches)


def like(rows: Any, batches: Batches) -> Any:
    """Returns a pyarrow.RecordBatch for one, and otherwise a table."""
    is_batch = batches.is_one_batch and hasattr(rows, "__arrow_c_array__")
    return as_batch(batches) if is_batch else as_table(batches)


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise TypeError(f"{what} needs pyarrow, which is not installed") from None
    return pyarrow
