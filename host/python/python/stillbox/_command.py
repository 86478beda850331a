"""The command ``stillbox``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from . import _stillbox


def own_command() -> list[str]:
    """Returns the command that starts this one again. Empty if the interpreter is not known."""
    if not sys.executable:
        return []
    # Isolated from the environment, and without the packages of the site, so that it starts fast.
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("__main__.py"))]


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
