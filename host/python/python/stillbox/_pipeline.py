"""Pipelines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from . import _stillbox, _toml
from ._arrow import as_arrow, as_batch
from ._report import ModelUsage, Report, SinkReport, StepReport, UntilReport

__all__ = ["ModelUsage", "Pipeline", "Report", "SinkReport", "StepReport", "UntilReport", "run"]


class Pipeline:
    """A pipeline file, with some of its settings replaced.

    Args:
        path: The pipeline file.
        set: Parameters of steps, such as ``{"filter.min-words": 5}``.
        limit: Limits of steps, such as ``{"filter.time": "5s"}``.
        max_rejects: The most rejected rows of a successful run: a number, or a share such as ``"1%"``.
        input: The path of the only source.
        output: The path of the only sink.
        policy: The operator's policy file, which no grant of the pipeline file may exceed. Default: that of ``STILLBOX_POLICY``.

    Raises:
        ConfigError: The file is wrong. All problems are reported at once.
        OSError: The file cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        set: Mapping[str, Any] | None = None,  # noqa: A002
        limit: Mapping[str, Any] | None = None,
        max_rejects: int | str | None = None,
        input: str | os.PathLike[str] | None = None,  # noqa: A002
        output: str | os.PathLike[str] | None = None,
        policy: str | os.PathLike[str] | None = None,
    ) -> None:
        policy = policy or os.environ.get("STILLBOX_POLICY") or None
        self._native = _stillbox.Pipeline(
            os.fsdecode(path),
            _toml.assignments("set", set),
            _toml.assignments("limit", limit),
            None if max_rejects is None else str(max_rejects),
            (_path(input), _path(output), _path(policy)),
        )

    @property
    def name(self) -> str:
        """The name of the pipeline."""
        return self._native.name

    @property
    def sources(self) -> list[str]:
        """The names of the sources: ``source`` if there is one without a name."""
        return self._native.sources

    @property
    def sinks(self) -> list[str]:
        """The names of the sinks: ``sink`` if there is one without a name."""
        return self._native.sinks

    def check(self, source: Any = None) -> dict[str, Any]:
        """Checks everything that can be known without running. Returns the nodes with their columns.

        Raises:
            ConfigError: The pipeline is wrong.
            Failure: An input cannot be read.
        """
        outline: dict[str, Any] = json.loads(self._native.check(self._sources(source)))
        return outline

    def run(self, source: Any = None) -> Report:
        """Runs the pipeline to its end.

        Args:
            source: A table, or any other object of Arrow's PyCapsule interface, instead of the files of the only source; or a dict
                of such objects by the name of the source.

        Raises:
            Failure: A step, an input or an output has failed. ``failure.failures`` has all failures, ``failure.report`` the
                numbers until then.
            ConfigError: The pipeline is wrong.
        """
        return Report._from_json(self._native.run(self._sources(source)))

    def stream(self, source: Any = None, *, sink: str | None = None) -> Iterator[Any]:
        """Runs the pipeline, and returns the rows of a sink batch by batch, instead of writing them.

        The pipeline waits while the caller holds more than a few batches. Closing the iterator stops it.

        Args:
            source: As in `run`.
            sink: The name of the sink. Default: the only one.

        Returns:
            An iterator over ``pyarrow.RecordBatch``; without pyarrow, over `Batches`.

        Raises:
            Failure, ConfigError: As `run`.
        """
        if sink is None:
            if len(self.sinks) != 1:
                raise ValueError(f"the pipeline has the sinks {', '.join(self.sinks)}: name one with `sink=`")
            sink = self.sinks[0]
        return _batches(self._native.stream(self._sources(source), sink))

    def _sources(self, source: Any) -> list[tuple[str, object]]:
        if source is None:
            return []
        if isinstance(source, Mapping) and all(name in self.sources for name in source):
            return [(name, as_arrow(rows)) for name, rows in source.items()]
        if len(self.sources) != 1:
            raise ValueError(f"the pipeline has the sources {', '.join(self.sources)}: pass a dict with these names")
        return [(self.sources[0], as_arrow(source))]

    def __repr__(self) -> str:
        return f"<stillbox.Pipeline {self.name}>"


def _path(given: str | os.PathLike[str] | None) -> str | None:
    return None if given is None else os.fsdecode(given)


def _batches(stream: _stillbox.Stream) -> Iterator[Any]:
    try:
        for batch in stream:
            yield as_batch(batch)
    finally:
        stream.close()


def run(path: str | os.PathLike[str], source: Any = None, **settings: Any) -> Report:
    """Runs a pipeline file. Settings are those of `Pipeline`, and the rest is as in `Pipeline.run`."""
    return Pipeline(path, **settings).run(source)
