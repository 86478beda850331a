"""Runs a command with limits on time and memory, and ends every process that it leaves."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from peers import network

MEMORY = 4 << 30
"""The bytes of anonymous memory that a command and its processes may use together. Above it the largest process is killed, as
the kernel does at the memory limit of a container."""
DATA_LIMIT = 12 << 30
"""The bytes of writable private memory that one process can have, should the check of `MEMORY` come too late."""
SECOND_INTERRUPT = 10.0
"""Seconds from the first SIGINT to the second."""
KILL = 20.0
"""Seconds from the first SIGINT to SIGKILL."""
SETTLE = 5.0
"""Seconds that the other processes have to end after the first one."""
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Ending:
    """The end of a command."""

    status: int
    """The exit status, or the negative number of the signal that ended the first process."""
    seconds: float
    """From the start to the end of the first process."""
    interrupted: bool
    """SIGINT was sent, because the time was over."""
    after_interrupt: float | None
    """Seconds from the first SIGINT to the end of the first process, or `None` if it was killed."""
    memory_kills: int
    """Processes that were killed because of their memory."""
    left: int
    """Processes that still ran `SETTLE` seconds after the first one had ended, and then were killed."""


def adopt_orphans() -> None:
    """Makes this process the parent of every process whose parent ends, so that none is lost."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the parent of orphans")


def run(command: list[str], folder: Path, environment: dict[str, str], log: Path, seconds: float, check: float) -> Ending:
    """Runs a command in a session of its own, and sends SIGINT to its process group after `seconds`, as Ctrl-C does.

    Every `check` seconds the memory is checked. No process is left after the return.
    """
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=prepare,
        )
    try:
        return watch(process, start, seconds, check)
    finally:
        end_descendants()
        process.wait()


def prepare() -> None:
    """Runs in the new process before the command: sets the limit, the network, and SIGINT back to its default.

    A shell starts background jobs with SIGINT ignored, and programs that inherit this would ignore Ctrl-C.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    network.isolate()
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_LIMIT, DATA_LIMIT))


def watch(process: subprocess.Popen[bytes], start: float, seconds: float, check: float) -> Ending:
    """Waits for the end of a command."""
    # In the order of time: SIGINT, SIGINT, SIGKILL.
    signals = [
        (start + seconds, signal.SIGINT),
        (start + seconds + SECOND_INTERRUPT, signal.SIGINT),
        (start + seconds + KILL, signal.SIGKILL),
    ]
    memory_kills, first_interrupt, killed = 0, None, False
    for _ in until_end(process.pid, check):
        memory_kills += end_largest()
        now = time.monotonic()
        if signals and now >= signals[0][0]:
            number = signals.pop(0)[1]
            first_interrupt = first_interrupt or now
            killed = number == signal.SIGKILL
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
    end = time.monotonic()
    status = process.wait()
    return Ending(
        status=status,
        seconds=end - start,
        interrupted=first_interrupt is not None,
        after_interrupt=None if first_interrupt is None or killed else end - first_interrupt,
        memory_kills=memory_kills,
        left=count_left(),
    )


def until_end(pid: int, check: float) -> Iterator[None]:
    """Yields every `check` seconds until a process ends."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(check * 1000):
            yield
    finally:
        os.close(descriptor)


def descendants() -> list[int]:
    """Returns the processes that this one has started, directly or not, except those that have ended."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found = list(parents.get(os.getpid(), []))
    for pid in found:
        found.extend(parents.get(pid, []))
    return found


def end_largest() -> int:
    """Kills the largest descendant if all of them together use too much memory. Returns the number of killed processes."""
    sizes = {pid: anonymous_memory(pid) for pid in descendants()}
    if sum(sizes.values()) <= MEMORY:
        return 0
    return send(max(sizes, key=lambda pid: sizes[pid]), signal.SIGKILL)


def anonymous_memory(pid: int) -> int:
    """Returns the bytes of resident memory that belong to no file, or 0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(sizes[0]) * 1024 if sizes else 0


def count_left() -> int:
    """Waits until no process is left, for `SETTLE` seconds at most, and returns the number of those that are."""
    limit = time.monotonic() + SETTLE
    while (left := len(descendants())) and time.monotonic() < limit:
        reap_orphans()
        time.sleep(0.05)
    return left


def end_descendants() -> None:
    """Kills all descendants."""
    while left := descendants():
        for pid in left:
            send(pid, signal.SIGKILL)
        reap_orphans()
        time.sleep(0.02)
    reap_orphans()


def reap_orphans() -> None:
    """Takes the exit status of the adopted processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def send(pid: int, number: signal.Signals) -> int:
    """Sends a signal. Returns 1, or 0 if the process has ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return 0
    return 1
