"""The poison matrix: one bad row in 10,000."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import data, engines, processes, stillbox
from peers.engines import Engine
from peers.processes import Ending

FAULTS = ("none", "raise", "exit", "segfault", "loop", "allocate")
"""Reactions of the step to the bad row. `none` treats it like any other row, and always runs, to show how long a run takes."""
SECONDS = 60.0
"""The time that a run may take longer than one without a bad row. After that it gets SIGINT."""
INTERRUPT = 10.0
"""The same for a second case of a step that loops, which is interrupted before the time limit of any engine."""
CHECK = 0.02
"""Seconds between checks of the memory."""
NAMES = re.compile(rf"(?<!\d){data.BAD_ROW}(?!\d)|(?<!\d){data.BAD_ROW + 1}(?!\d)")
"""The bad row's `id`, its text, its index or its line."""


@dataclass(frozen=True)
class Case:
    """One way to use an engine, and one fault."""

    engine: Engine
    variant: str
    policy: str
    fault: str
    seconds: float
    """The time after which the run gets SIGINT, longer than that of a run without a bad row."""

    def title(self) -> str:
        """Returns the case as cells of the table."""
        early = ", interrupted early" if self.seconds == INTERRUPT else ""
        return f"{self.engine.title} | {self.policy} | {self.fault}{early}"

    def log(self) -> str:
        """Returns the name of the file with the engine's output."""
        return f"{self.engine.name}-{self.variant}-{self.fault}-{self.seconds:.0f}.log"


@dataclass(frozen=True)
class Run:
    """One run of a case."""

    ending: Ending
    rows: int
    naming: str | None
    """The line of the output or of the file of rejected rows that names the bad row."""


@dataclass(frozen=True)
class Bench:
    """The command of Stillbox, a folder for the files of runs, and one for the output of the engines."""

    command: str
    folder: Path
    logs: Path

    def source(self) -> Path:
        """Returns the input."""
        return self.folder / "input.jsonl"

    def run(self, case: Case, usual: float) -> Run:
        """Runs a case. `usual` is the time of a run without a bad row."""
        work = self.folder / "run"
        work.mkdir()
        try:
            if case.engine.name == "stillbox":
                target = work / "output.jsonl"
                arguments = stillbox.poison(self.command, work, self.source(), target, case.variant, case.fault)
            else:
                target = work / "output"
                words = ["poison", str(self.source()), str(target), case.variant, case.fault]
                arguments = engines.program(case.engine, words)
            log = self.logs / case.log()
            ending = processes.run(arguments, work, engines.environment(work), log, usual + case.seconds, CHECK)
            right = [row["id"] for row in data.rows(target) if is_right(row)]
            return Run(ending, len(set(right)), naming([log, work / "rejects.jsonl"]))
        finally:
            shutil.rmtree(work, ignore_errors=True)


def compare(chosen: list[Engine], command: str, faults: list[str], logs: Path) -> str:
    """Runs all cases. Returns the table. The output of every run is in `logs`."""
    chosen_faults = [fault for fault in FAULTS if fault in ("none", *faults)]
    lines = [f"| engine | policy | {' | '.join(chosen_faults)} | SIGINT | left |", "|---" * (len(chosen_faults) + 4) + "|"]
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as temporary:
        bench = Bench(command, Path(temporary), logs)
        data.write_poison(bench.source())
        for engine in chosen:
            for variant, policy in engine.poison:
                title = f"| {engine.title} | {policy} |"
                try:
                    lines.append(f"{title} {row(bench, list(cases(engine, variant, policy, chosen_faults)))} |")
                except engines.NotInstalled as problem:
                    lines.append(f"{title} {problem} |")
    return "\n".join(lines)


def row(bench: Bench, chosen: list[Case]) -> str:
    """Runs all cases with one way to use an engine. Returns the cells of its row."""
    runs: list[tuple[Case, Run]] = []
    for case in chosen:
        runs.append((case, bench.run(case, runs[0][1].ending.seconds if runs else 0.0)))
        ending = runs[-1][1].ending
        print(case.title(), "|", cell(runs[-1][1]), ending, runs[-1][1].naming, file=sys.stderr, flush=True)
    results = [cell(run) for case, run in runs if case.seconds == SECONDS]
    ends = [after_interrupt(run.ending) for case, run in runs if case.fault == "loop" and run.ending.interrupted]
    left = max(run.ending.left for _, run in runs)
    return " | ".join([*results, ", ".join(ends), str(left)])


def cases(engine: Engine, variant: str, policy: str, faults: list[str]) -> Iterator[Case]:
    """Returns the cases of one way to use an engine. The first is without a fault."""
    for fault in faults:
        if fault == "loop":
            yield Case(engine, variant, policy, fault, INTERRUPT)
        yield Case(engine, variant, policy, fault, SECONDS)


def is_right(row: dict[str, Any]) -> bool:
    """Returns whether a row of an output is the one that the step without a fault writes."""
    return bool(row.get("text") == data.poison_text(row.get("id")).upper())


def naming(logs: list[Path]) -> str | None:
    """Returns the first line that names the bad row."""
    for log in logs:
        if log.exists():
            for line in log.read_text(errors="replace").splitlines():
                if found := NAMES.search(line):
                    return line[max(0, found.start() - 60) : found.end() + 60].strip()
    return None


def cell(run: Run) -> str:
    """Returns the end of a run, its rows, and whether the bad row was named."""
    ending = run.ending
    end = str(ending.status) if ending.status >= 0 else signal.Signals(-ending.status).name
    if ending.interrupted:
        end = "endless"
    if ending.memory_kills:
        end += f" ({ending.memory_kills} killed)"
    return f"{end}; {run.rows:,}{'; named' if run.naming else ''}"


def after_interrupt(ending: Ending) -> str:
    """Returns the time from SIGINT to the end."""
    return "killed" if ending.after_interrupt is None else f"{ending.after_interrupt:.2f} s"
