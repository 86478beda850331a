"""Steps and pipelines on a Ray cluster. ``pip install "stillbox[ray]"`` installs what this module needs.

    import stillbox.ray

    ds = stillbox.ray.map_batches(ds, step)
    report = stillbox.ray.run("pipeline.toml", address="auto")

A pipeline gives the same rows in the same order as on one machine: this process reads the sources and writes the outputs, and
the workers run the steps. A step that fails ends the run at once with its record. A worker that is lost costs a retry of its
batch.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

try:
    import ray
    import ray.exceptions
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise ModuleNotFoundError('Ray is not installed: pip install "stillbox[ray]"', name="ray") from None

from . import _stillbox
from ._errors import Failure
from ._pipeline import Pipeline
from ._ray_connection import join, joined
from ._report import Report
from ._step import Step, components_folder, store

__all__ = ["Workers", "connect", "failures", "map_batches", "run"]

#: A task whose worker was lost is tried on this many workers. A step cannot end its worker, so more losses have another cause.
ATTEMPTS = 4
#: Seconds that a run waits for a first worker before it fails.
PATIENCE = 120.0
#: Seconds that one question for a result takes at most.
_POLL = 0.1


def run(
    path: str | os.PathLike[str],
    source: Any = None,
    *,
    address: str | None = None,
    workers: int | None = None,
    resources: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Report:
    """Runs a pipeline file on a Ray cluster.

    Sources are read, and outputs are written, by this process, so all paths are those of this machine. Steps that make rows or
    see all rows run in this process as well, all others on the workers. The rows and their order are those of `stillbox.run`.

    Args:
        path: The pipeline file.
        source: As in `stillbox.run`.
        address: The cluster, such as ``"auto"`` or ``"10.0.0.1:6379"``. Default: the one that this process is connected to, that
            of ``RAY_ADDRESS``, or a new one on this machine, which ``"local"`` always starts.
        workers: Tasks that run at the same time. Default: one for each CPU of the cluster.
        resources: Options of Ray for each worker, such as ``{"num_cpus": 2, "memory": 4 * 2**30}``. Default: one CPU.
        settings: As in `stillbox.Pipeline`.

    Raises:
        Failure: A step, an input or an output has failed; or workers were lost repeatedly.
        ConfigError: The pipeline is wrong.
        ConnectionError: There is no cluster at the address.
    """
    pipeline = Pipeline(path, **settings)
    executor = Workers(workers=workers, resources=resources)
    with joined(address):
        return Report._from_json(pipeline._native.run(pipeline._sources(source), executor))


def map_batches(
    ds: ray.data.Dataset,
    step: Step,
    *,
    concurrency: int | None = None,
    batch_size: int | None = 1000,
    rejects: str | os.PathLike[str] | None = None,
    **options: Any,
) -> ray.data.Dataset:
    """Applies a step to each batch of a dataset, in tasks of Ray Data.

    A step that fails ends the job at once: Ray does not try its batch again. Code that consumes the dataset gets the record with
    `failures`. With ``on_failure="reject"`` rows that fail are left out, and written to ``rejects``.

    Args:
        ds: The dataset.
        step: A step of kind ``transform``. Its component reaches the workers through Ray's object store, and is compiled once
            on each node.
        concurrency: The most tasks at the same time. Default: as many as the cluster has resources for.
        batch_size: The most rows in a batch.
        rejects: A folder that all nodes can write to, for the rejected rows: a file of JSON Lines for each batch that has some.
            Required with ``on_failure="reject"`` or ``then="reject"``.
        options: Further options of ``Dataset.map_batches``, such as ``num_cpus``.

    Raises:
        ValueError: The step is of another kind, or rejects rows and ``rejects`` is missing.
    """
    if step.kind != "transform":
        raise ValueError(f"step {step.name} is of kind {step.kind}, which needs all rows: use it in a pipeline")
    policy = step._settings["on-failure"]
    if rejects is None and (policy == "reject" or (isinstance(policy, Mapping) and policy.get("then") == "reject")):
        raise ValueError("the step rejects rows: name a folder for them with `rejects=`")
    # A failure is not an accident of the worker, so nothing is tried again for it.
    ds.context.max_errored_blocks = 0
    # Ray's own exception around it would not have the record.
    ds.context.raise_original_map_exception = True
    folder = None if rejects is None else os.path.abspath(os.fspath(rejects))
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    # Tasks, not actors: Ray keeps the actors of a failed dataset, and their CPUs, as long as the dataset.
    return ds.map_batches(
        _apply,
        fn_args=(ray.put(step), folder),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.TaskPoolStrategy(size=concurrency),
        **options,
    )


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Raises the `stillbox.Failure` of a step instead of Ray's error around it.

        with stillbox.ray.failures():
            rows = stillbox.ray.map_batches(ds, step).take_all()
    """
    found = None
    try:
        yield
    except Exception as error:
        # Ray's exception is a `Failure` as well, but without the record.
        found = _failure_in(error)
        if found is None or found is error:
            raise
    if found is not None:
        raise found


def _failure_in(error: BaseException | None) -> Failure | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Failure) and type(error) is Failure:
            return error
        error = getattr(error, "cause", None) or error.__cause__ or error.__context__
    return None


#: Steps that a worker of Ray Data keeps. Ray joins several `map_batches` of a dataset to one task, so a batch may pass through a few.
LOADED_STEPS = 16
#: The batches with rejected rows that this worker has had, by their tasks.
_rejecting: dict[str, int] = {}


@functools.lru_cache(maxsize=LOADED_STEPS)
def _loaded(reference: Any) -> Step:
    """Returns the step of a reference. The worker may live longer than the datasets whose steps it loads."""
    with _compiling():
        step: Step = ray.get(reference)
    return step


def _apply(batch: Any, *arguments: Any) -> Any:
    """Applies a step to a batch, in a worker of Ray Data. The arguments are its reference, and the folder of rejects."""
    reference, rejects = arguments
    result = _loaded(reference).apply(batch)
    if result.rejects and rejects is not None:
        _write_rejects(result.rejects, Path(rejects))
    return result.table


def _write_rejects(rejects: list[Any], folder: Path) -> None:
    # A task that is run again after a loss has the same id, so its file replaces the first.
    task = ray.get_runtime_context().get_task_id() or "task"
    number = _rejecting[task] = _rejecting.get(task, -1) + 1
    path = folder / f"{task}-{number}.jsonl"
    lines = [json.dumps({"row": row.columns, "failure": row.failure.record}, ensure_ascii=False) for row in rejects]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    os.replace(temporary, path)


def _cpus() -> float:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return float(resources.get("CPU", 1))


def connect(address: str | None = None) -> Workers:
    """Connects to a cluster, or starts one on this machine, and returns its workers. Used by ``stillbox run --on ray``."""
    join(address)
    return Workers()


@contextlib.contextmanager
def _compiling() -> Iterator[None]:
    """Held while components are loaded, so that each is compiled once on a node: the next worker finds it in the cache."""
    with open(components_folder() / ".compiling", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Worker:
    """An actor that runs tasks."""

    def __init__(self, description: bytes, components: list[tuple[str, Any]]) -> None:
        folder = components_folder()
        for digest, content in components:
            store(folder, digest.removeprefix("sha256:"), ray.get(content))
        with _compiling():
            self.worker = _stillbox.Worker(description, str(folder))

    def ready(self) -> bool:
        return True

    def run(self, task: bytes) -> bytes:
        return self.worker.run(task)


class _Task:
    """A task, from when it is submitted until its result is there."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.attempts = 0
        self.actor: Any = None
        self.result: Any = None


class Workers:
    """The workers of one run: an executor for the native half.

    Its methods are called from many threads. An actor runs one task at a time; one that is lost is replaced, and its task goes
    to another one.
    """

    def __init__(self, *, workers: int | None = None, resources: Mapping[str, Any] | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"`workers` is {workers}; at least one worker is needed")
        self._resources: dict[str, Any] = {"num_cpus": 1, **(resources or {})}
        self._number = workers
        #: Workers in a row that were lost before they were ready.
        self._lost_starts = 0
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._actors: set[Any] = set()
        self._arguments: tuple[Any, ...] = ()
        self._begun = time.monotonic()
        self._has_begun = threading.Event()
        self._error: BaseException | None = None
        self._ended = False

    def start(self, description: bytes, components: list[tuple[str, bytes]]) -> int:
        """Starts the actors. They get ready while the run begins."""
        if self._number is None:
            cpus = _cpus()
            self._number = max(1, int(cpus / max(float(self._resources["num_cpus"]), 0.001)))
        references = [(digest, ray.put(content)) for digest, content in components]
        self._arguments = (ray.put(description), references)
        self._begun = time.monotonic()
        for _ in range(self._number):
            self._add()
        return self._number

    def _add(self) -> None:
        """Starts an actor, which is free once it has loaded the components."""
        options = {**self._resources, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        with self._lock:
            if self._ended:
                return
            actor = ray.remote(_Worker).options(**options).remote(*self._arguments)
            self._actors.add(actor)
        threading.Thread(target=self._wait_for, args=(actor,), daemon=True).start()

    def _wait_for(self, actor: Any) -> None:
        try:
            ray.get(actor.ready.remote())
        except ray.exceptions.ActorDiedError as error:
            cause = _failure_in(error) or getattr(error, "cause", None)
            if isinstance(cause, BaseException) and not isinstance(cause, ray.exceptions.RayError):
                # The components cannot be loaded there. Another worker would have the same trouble.
                self._error = cause
            elif "__init__" in str(error):
                self._error = error
            else:
                self._lost_at_start(actor, error)
        except Exception as error:  # noqa: BLE001
            self._lost_at_start(actor, error)
        else:
            self._lost_starts = 0
            self._has_begun.set()
            self._free.put(actor)

    def _lost_at_start(self, actor: Any, error: Exception) -> None:
        """Starts another actor, unless there is a reason to believe that it would be lost as well."""
        self._lost_starts += 1
        # A lost node may have had all workers.
        if self._lost_starts >= ATTEMPTS + (self._number or 0):
            self._error = RuntimeError(f"{self._lost_starts} workers in a row were lost meanwhile, the last one with: {error}")
        else:
            self._lost(actor)

    def _lost(self, actor: Any) -> None:
        with self._lock:
            if self._ended or actor not in self._actors:
                return
            self._actors.discard(actor)
        self._add()

    def submit(self, task: bytes) -> _Task:
        """Accepts a task. It starts when an actor is free."""
        return _Task(task)

    def result(self, task: _Task) -> bytes | None:
        """Returns the answer of a task if it comes within a short time.

        Raises:
            RuntimeError: Too many workers were lost, or there is none.
        """
        if self._error is not None:
            raise RuntimeError(f"a worker cannot load the steps: {self._error}")
        if task.actor is None:
            try:
                task.actor = self._free.get(timeout=_POLL)
            except queue.Empty:
                if not self._has_begun.is_set() and time.monotonic() - self._begun > PATIENCE:
                    raise RuntimeError(
                        f"no worker was ready within {PATIENCE:.0f} s; the cluster may have no free resources for "
                        f"{self._resources}"
                    ) from None
                return None
            task.attempts += 1
            task.result = task.actor.run.remote(task.content)
        try:
            done, _ = ray.wait([task.result], timeout=_POLL)
            if not done:
                return None
            answer: bytes = ray.get(done[0])
        except ray.exceptions.RayTaskError as error:
            self._free.put(task.actor)
            raise RuntimeError(f"a worker failed: {error}") from None
        except ray.exceptions.RayError as error:
            actor, task.actor = task.actor, None
            self._lost(actor)
            if task.attempts == ATTEMPTS:
                raise RuntimeError(f"{ATTEMPTS} workers were lost while they ran this batch, the last one with: {error}") from None
            return None
        self._free.put(task.actor)
        task.actor = None
        return answer

    def forget(self, task: _Task) -> None:
        """Leaves a task that is not needed. Its actor is ended with the run."""
        task.content = b""

    def end(self) -> None:
        """Ends all actors at once, whatever they do."""
        with self._lock:
            self._ended = True
            actors, self._actors = self._actors, set()
        for actor in actors:
            with contextlib.suppress(Exception):
                ray.kill(actor, no_restart=True)
