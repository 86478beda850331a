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
"""Reactions of the step to the bad row. With `none` it is a row like any other, to show how long a run takes."""
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
    lines = [
        "| engine | policy | bad row | exit status | rows kept | bad row named | seconds | after SIGINT | processes left |",
        "|---|---|---|---|--:|---|--:|--:|--:|",
    ]
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True) as temporary:
        bench = Bench(command, Path(temporary), logs)
        data.write_poison(bench.source())
        for engine in chosen:
            for variant, policy in engine.poison:
                usual = 0.0
                for case in cases(engine, variant, policy, faults):
                    try:
                        run = bench.run(case, usual)
                    except engines.NotInstalled as problem:
                        lines.append(f"| {case.title()} | {problem} | | | | | |")
                        continue
                    usual = usual or run.ending.seconds
                    lines.append(f"| {case.title()} | {cells(run)} |")
                    print(lines[-1], f"[{run.naming}]", file=sys.stderr, flush=True)
    return "\n".join(lines)


def cases(engine: Engine, variant: str, policy: str, faults: list[str]) -> Iterator[Case]:
    """Returns the cases of one way to use an engine. The first is without a fault."""
    for fault in ["none", *(fault for fault in faults if fault != "none")]:
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


def cells(run: Run) -> str:
    """Returns the cells of a run."""
    ending = run.ending
    status = str(ending.status) if ending.status >= 0 else signal.Signals(-ending.status).name
    if ending.memory_kills:
        status += f", {ending.memory_kills} killed at {processes.MEMORY >> 30} GiB"
    if not ending.interrupted:
        after = ""
    elif ending.after_interrupt is None:
        after = f"killed after {processes.KILL:.0f}"
    else:
        after = f"{ending.after_interrupt:.2f}"
    named = "yes" if run.naming else "no"
    return f"{status} | {run.rows:,} | {named} | {ending.seconds:.1f} | {after} | {ending.left}"
