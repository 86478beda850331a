"""Hints for exceptions whose cause is that a sandbox has no threads, processes, sockets or environment."""

from __future__ import annotations

from types import TracebackType

from .missing_modules import NETWORK, PARALLEL, lacking_hint

_ENVIRONMENT = "a step sees no variable of the environment: use a parameter, or grant the variable with `[step.allow.env]`"
_INPUT = "the standard input is always empty: a step gets its rows as arguments"
_EXIT = "a step returns its result or raises an exception; it does not exit, not even with status 0"
_IMPORT = (
    "modules can be imported only when the step is built: import it at the top of the step's module, and add packages to "
    "`dependencies` in pyproject.toml"
)

# The hints for modules that cannot help a step, even if they can be imported.
_MODULES = {
    "concurrent": PARALLEL,
    "multiprocessing": PARALLEL,
    "subprocess": PARALLEL,
    "http": NETWORK,
    "smtplib": NETWORK,
    "socket": NETWORK,
    "ssl": NETWORK,
    "urllib": NETWORK,
    "urllib3": NETWORK,
}


def sandbox_hint(error: BaseException, message: str, traceback: TracebackType | None) -> str | None:
    """Returns the hint for an exception that a component cannot avoid in another way, or `None`."""
    kind = type(error)
    if issubclass(kind, ModuleNotFoundError):
        name = error.name if isinstance(error, ModuleNotFoundError) else None
        if not isinstance(name, str):
            return _IMPORT
        return _MODULES.get(name.partition(".")[0]) or lacking_hint(name) or _IMPORT
    if issubclass(kind, RuntimeError) and "can't start new thread" in message:
        return PARALLEL
    if issubclass(kind, OSError) and "does not support processes" in message:
        return PARALLEL
    if issubclass(kind, SystemExit):
        return _EXIT
    if issubclass(kind, EOFError):
        return _INPUT
    # `os.environ` raises it.
    if issubclass(kind, KeyError) and _last_module(traceback) == "os":
        return _ENVIRONMENT
    return None


def _last_module(traceback: TracebackType | None) -> object:
    """Returns the name of the module of the function that raised."""
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_globals.get("__name__")
