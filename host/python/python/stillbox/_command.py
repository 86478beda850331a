"""The command ``stillbox``."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import _stillbox


def own_command() -> list[str]:
    """Returns the command that starts this one again. Empty if the interpreter is not known."""
    if not sys.executable:
        return []
    # Isolated from the environment, and without the packages of the site, so that it starts fast.
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("__main__.py"))]


def run_command(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own, and returns its output. Ctrl-C ends it with all that it has started, also where
    the signal comes to this process alone, as in a notebook.
    """
    command = [*own_command(), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # `Popen` waits a quarter of a second at Ctrl-C, and then kills the command alone.
    with ThreadPoolExecutor(1) as threads:
        outputs = threads.submit(process.communicate)
        try:
            out, err = outputs.result()
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def main() -> int:
    """Runs the command with the arguments of this process."""
    # Python's handler only sets a flag, which nothing would look at. A signal that is ignored stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _stillbox.command(["stillbox", *sys.argv[1:]], own_command(), _connect)


def _connect(address: str) -> _stillbox._Executor:
    from .ray import connect

    return connect(address or None)


_stillbox.start(own_command())
