"""Calls sandboxed steps and runs pipelines of Stillbox.

A step is a WebAssembly component that runs on tables without files, network or environment, within limits on time and
memory:

    import stillbox

    step = stillbox.Step("filter_text.wasm", parameters={"column": "text"}, limits={"time": "5s"})
    table = step(table)
    report = stillbox.run("pipeline.toml", set={"filter.min-words": 5})

Tables are objects with ``__arrow_c_stream__`` or ``__arrow_c_array__``: those of pyarrow, pandas, polars, DuckDB and others.
"""

from ._errors import ConfigError, Failure, Frame, LimitHit, Location, LogEntry, RowPlace
from ._pipeline import ModelUsage, Pipeline, Report, SinkReport, StepReport, UntilReport, run
from ._step import Batches, Column, Rejected, Result, Step, build, test
from ._stillbox import __version__

__all__ = [
    "Batches",
    "Column",
    "ConfigError",
    "Failure",
    "Frame",
    "LimitHit",
    "Location",
    "LogEntry",
    "ModelUsage",
    "Pipeline",
    "Rejected",
    "Report",
    "Result",
    "RowPlace",
    "SinkReport",
    "Step",
    "StepReport",
    "UntilReport",
    "__version__",
    "build",
    "run",
    "test",
]
