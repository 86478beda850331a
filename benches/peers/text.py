"""The text benchmark: every engine in turn, several times."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from peers import data, engines, processes, stillbox
from peers.engines import Engine

SECONDS = 600.0
"""The time after which a run is ended."""
CHECK = 0.5
"""Seconds between checks of the memory. They take time from the measured processes."""
WARM_UP = 1000
"""The rows of a first round, which fills caches and is not counted."""
REFERENCE = "python"
"""Plain Python calls the same functions without an engine."""


@dataclass
class Samples:
    """The runs of one way to use an engine."""

    engine: Engine
    variant: str
    title: str
    seconds: list[float | None] = field(default_factory=list)
    """One for each round, `None` where the run failed."""
    outputs: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    is_missing: bool = False
    """The engine is not installed."""


def compare(chosen: list[Engine], command: str, rows: int, rounds: int) -> str:
    """Measures engines. Returns the table."""
    if rows > WARM_UP:
        print(f"{WARM_UP} rows that are not counted", file=sys.stderr, flush=True)
        compare(chosen, command, WARM_UP, 1)
    samples = [Samples(engine, *variant) for engine in chosen for variant in engine.text]
    loads = []
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        source = folder / "input.jsonl"
        data.write_text(source, rows)
        expected = reference(folder, source)
        for number in range(rounds):
            loads.append(os.getloadavg()[0])
            print(f"round {number + 1} of {rounds}, load {loads[-1]:.1f}", file=sys.stderr, flush=True)
            for sample in samples:
                if not sample.is_missing:
                    measure(sample, command, folder, source, expected)
    return table(samples, rows, loads)


def reference(folder: Path, source: Path) -> bytes:
    """Returns the output of plain Python."""
    target = folder / "expected.jsonl"
    command = [sys.executable, "baseline.py", str(source), str(target)]
    ending = processes.run(command, engines.BENCHES / "text", engines.environment(folder), folder / "log", SECONDS, CHECK)
    if ending.status != 0:
        raise RuntimeError((folder / "log").read_text())
    return target.read_bytes()


def measure(sample: Samples, command: str, folder: Path, source: Path, expected: bytes) -> None:
    """Runs an engine once."""
    work = folder / "run"
    work.mkdir()
    target = work / "output"
    try:
        if sample.engine.name == "stillbox":
            target = work / "output.jsonl"
            run = stillbox.text(command, work, source, target, sample.variant)
        else:
            run = engines.program(sample.engine, ["text", str(source), str(target), sample.variant])
        ending = processes.run(run, work, engines.environment(work), folder / "log", SECONDS, CHECK)
        output = agreement(target, expected)
        if ending.status != 0 or ending.interrupted or ending.memory_kills:
            sample.seconds.append(None)
            sample.failures.append(f"status {ending.status} after {ending.seconds:.1f} s, output: {output}")
            print(sample.engine.title, sample.title, sample.failures[-1], file=sys.stderr, flush=True)
            print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr, flush=True)
        else:
            sample.seconds.append(ending.seconds)
            sample.outputs.add(output)
    except engines.NotInstalled as problem:
        sample.is_missing = True
        sample.failures.append(str(problem))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def agreement(target: Path, expected: bytes) -> str:
    """Compares an output with that of plain Python."""
    files = data.files(target)
    if b"".join(path.read_bytes() for path in files) == expected:
        return "same bytes"
    wanted = [json.loads(line) for line in expected.decode().splitlines()]
    found = list(data.rows(target))
    if found == wanted:
        return "same rows"
    if sorted(found, key=lambda row: row["id"]) == wanted:
        return "same rows, other order"
    different = sum(row not in found for row in wanted[:1000])
    return f"**different**: {len(found)} rows of {len(wanted)}, {different} of the first 1,000 missing"


def table(samples: list[Samples], rows: int, loads: list[float]) -> str:
    """Returns the table in Markdown."""
    base = next((sample.seconds for sample in samples if sample.engine.name == REFERENCE), [])
    lines = [
        f"Text benchmark, {rows} rows, whole processes, {len(loads)} runs in turn; load {spread(loads, '.1f')}.",
        "",
        "| engine | steps | seconds | against plain Python | output |",
        "|---|---|--:|--:|---|",
    ]
    for sample in samples:
        title = f"{sample.engine.title} {sample.engine.version()}".strip()
        seconds = [value for value in sample.seconds if value is not None]
        pairs = zip(sample.seconds, base, strict=False)
        ratios = [own / other for own, other in pairs if own is not None and other is not None]
        against = f"{spread(ratios, '.3g')} ×" if ratios and sample.seconds is not base else ""
        outputs = sorted(sample.outputs) + [f"**failed**: {failure}" for failure in sample.failures]
        lines.append(f"| {title} | {sample.title} | {spread(seconds, '.2f')} | {against} | {'; '.join(outputs)} |")
    return "\n".join(lines)


def spread(values: list[float], form: str) -> str:
    """Returns the median with the lowest and the highest value."""
    if not values:
        return "none"
    return f"{statistics.median(values):{form}} ({min(values):{form}} … {max(values):{form}})"
