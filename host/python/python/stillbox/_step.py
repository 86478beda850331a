"""Steps."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _stillbox, _toml
from ._arrow import as_arrow, like
from ._command import run_command
from ._errors import Failure
from ._stillbox import Batches

__all__ = ["Batches", "Column", "Rejected", "Result", "Step", "build", "test"]


@dataclass(frozen=True)
class Column:
    """A column that a step reads or writes."""

    name: str
    type: str
    """One of the data types of Stillbox, such as ``text``."""
    nullable: bool
    optional: bool
    """Whether the column may be missing."""


@dataclass(frozen=True)
class Rejected:
    """A row that a step has rejected."""

    row: int
    """The index of the row in the input, from 0."""
    columns: dict[str, Any]
    """The row as it entered the step, in the form of JSON."""
    failure: Failure
    """The reason."""


@dataclass(frozen=True)
class Result:
    """The result of `Step.apply`."""

    table: Any
    """The output rows."""
    rejects: list[Rejected]
    """The rejected rows, in their order."""
    dropped: int
    """The number of rows that the step has left out on purpose."""


class Step:
    """A step: a component with parameters and limits.

    ``step(table)`` returns the rows that come out, with the columns of the input next to those of the step, in the order of the
    input. A step may be called from several threads at once, and can be pickled: the pickle has the component.

    Args:
        component: A ``.wasm`` file; the folder of a step, which is compiled first; the bytes of a component; or a reference
            with a digest, such as ``oci://ghcr.io/org/step:1.2@sha256:…``.
        parameters: The parameters of the step.
        limits: Limits of each batch, such as ``{"time": "5s", "memory": "512MiB"}``; see `docs/limits.md`.
        on_failure: ``"stop"``, ``"reject"``, or a table such as ``{"retry": 3, "then": "reject"}``, as in a pipeline file.
        allow: What the step may reach outside of the sandbox, such as ``{"http": [{"url": "https://api.example.org/v1/"}]}``; see
            `docs/grants.md`. Default: nothing. Folders are relative to the current directory.
        secrets: Where the secrets of ``allow`` come from, such as ``{"example": {"env": "EXAMPLE_KEY"}}``. A pickle has these
            names, not the values.

    Raises:
        Failure: The component is not a step, or does not accept the parameters.
        ConfigError: A limit, ``on_failure``, a grant or a secret is wrong.
    """

    def __init__(
        self,
        component: str | os.PathLike[str] | bytes | bytearray | memoryview,
        *,
        parameters: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        on_failure: str | Mapping[str, Any] = "stop",
        allow: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(component, (bytes, bytearray, memoryview)):
            path = _stored(bytes(component))
        elif isinstance(component, str) and "://" in component:
            path = Path(_stillbox.pull(component))
        else:
            path = Path(component)
            if path.is_dir():
                path = build(path)
        self._path: Path = path
        self._parameters: dict[str, Any] = _toml.parameters(parameters)
        self._settings: dict[str, Any] = {"limits": limits, "on-failure": on_failure, "allow": allow, "secrets": secrets}
        self._native = _stillbox.Step(str(path), json.dumps(self._parameters), _toml.settings(self._settings))
        self._described: dict[str, Any] = json.loads(self._native.describe())
        self.rejects: list[Rejected] = []
        """The rows that the last call has rejected. With several threads, use `apply`."""

    def __call__(self, rows: Any) -> Any:
        """Applies the step to a table, and returns a table.

        Args:
            rows: An object with ``__arrow_c_stream__`` or ``__arrow_c_array__``, or a dict of columns.

        Returns:
            A ``pyarrow.Table``, or a ``pyarrow.RecordBatch`` for an input of one batch; without pyarrow, a `Batches`.

        Raises:
            Failure: The step fails, breaks a limit or the contract, or does not accept the columns. With
                ``on_failure="reject"`` rows that fail are in `rejects` instead.
        """
        result = self.apply(rows)
        self.rejects = result.rejects
        return result.table

    def apply(self, rows: Any) -> Result:
        """Applies the step to a table, and returns the rejected rows with the output."""
        rows = as_arrow(rows)
        batches, rejected, dropped = self._native.apply(rows)
        rejects = [_rejected(*row) for row in rejected] if rejected else []
        return Result(like(rows, batches), rejects, dropped)

    @property
    def name(self) -> str:
        """The name of the step."""
        return str(self._described["name"])

    @property
    def version(self) -> str:
        """The version of the step."""
        return str(self._described["version"])

    @property
    def summary(self) -> str:
        """What the step does, in one sentence."""
        return str(self._described["summary"])

    @property
    def kind(self) -> str:
        """``transform``, ``source`` or ``aggregate``."""
        return str(self._described["kind"])

    @property
    def digest(self) -> str:
        """The digest of the component: ``sha256:`` and 64 hexadecimal digits."""
        return str(self._described["digest"])

    @property
    def inputs(self) -> list[Column]:
        """The columns that the step reads."""
        return [Column(**column) for column in self._described["inputs"]]

    @property
    def outputs(self) -> list[Column]:
        """The columns that the step writes."""
        return [Column(**column) for column in self._described["outputs"]]

    def __repr__(self) -> str:
        return f"<stillbox.Step {self.name} {self.version}>"

    def __reduce__(self) -> tuple[Any, ...]:
        content = self._path.read_bytes()
        if _digest(content) != self.digest:
            raise ValueError(f"{self._path} has changed since the step was loaded, so the step cannot be pickled")
        return _unpickled, (self.digest, content, self._parameters, self._settings)


def _unpickled(digest: str, content: bytes, parameters: dict[str, Any], settings: dict[str, Any]) -> Step:
    if _digest(content) != digest:
        raise ValueError("the component of a pickled step does not have its digest")
    named = {key.replace("-", "_"): value for key, value in settings.items()}
    return Step(content, parameters=parameters, **named)


def _rejected(row: int, columns: str, record: str) -> Rejected:
    values = json.loads(record)
    return Rejected(row, json.loads(columns), Failure(values, values["message"]))


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _stored(content: bytes) -> Path:
    """Returns a file with this content, whose name is the digest. It may be needed as long as the step."""
    digest = _digest(content).removeprefix("sha256:")
    return store(components_folder(), digest, content)


def components_folder() -> Path:
    """Returns the folder for components that come as bytes. Only this user has access to it."""
    cache = os.environ.get("STILLBOX_CACHE")
    base = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stillbox"
    folder = base / "steps"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"stillbox-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise
    return folder


def store(folder: Path, digest: str, content: bytes) -> Path:
    """Writes a component to a folder, unless it is there."""
    path = folder / f"{digest}.wasm"
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return path
    except FileNotFoundError:
        pass
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{digest}.", delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
    return path


def build(folder: str | os.PathLike[str]) -> Path:
    """Compiles the folder of a step to a component, and returns its path. The same as ``stillbox build``.

    Raises:
        RuntimeError: It cannot be built. The text has the messages of the compiler.
    """
    return Path(_stillbox.build(os.fspath(folder)))


def test(*folders: str | os.PathLike[str]) -> None:
    """Builds steps, and runs their cases. The same as ``stillbox test``.

    Raises:
        AssertionError: A case fails. The text has the differences.
    """
    done = run_command(["test", *(os.fspath(folder) for folder in folders)])
    if done.returncode != 0:
        raise AssertionError((done.stdout + done.stderr).strip())
