"""Code that runs inside the component when it is built: it imports the author's module and prepares the interpreter.

Every instance starts with a copy of the interpreter's memory at the end of this code, so it does not run again.
"""

from __future__ import annotations

import gc
import importlib
import json
import linecache
import os
import sys
from typing import Any

from . import component, seeding
from .code import Code, located
from .contract import ErrorKind
from .errors import DefinitionError
from .failures import CAUGHT, describe, format_message
from .step import Step, find_step

# Modules that the standard library imports on first use, which fails in an instance.
_USED_LATE = (
    "_strptime",
    "unicodedata",
    *(f"encodings.{name}" for name in ("ascii", "cp1252", "idna", "latin_1", "utf_16", "utf_32", "utf_8_sig")),
)


def load(settings: dict[str, Any]) -> type[component.Exports]:
    """Imports a step's module, and returns the class that the bindings call.

    Errors of the module are written to the file `settings["report"]`, because componentize-py truncates standard error.
    """
    code = Code(settings["root"], settings["prefix"])
    component.forward_output(code)
    seeding.before_import()
    try:
        step = prepared(settings, code)
        if settings["http"]:
            importlib.import_module(".http_libraries", __package__).adapt()
    except CAUGHT as error:
        code.cache_lines(error.__traceback__)
        with open(settings["report"], "w", encoding="utf-8") as file:
            json.dump(report(error, code), file)
        os._exit(1)
    code.cache_all_lines()
    disable_file_access()
    # Warms up the code for failures, whose first use is slow.
    describe(ValueError("warm-up"), code, ErrorKind.INPUT, step.target)
    seeding.after_import()
    # All current objects are permanent. Without `freeze`, every garbage collection would write to their memory.
    gc.collect()
    gc.freeze()
    return type("Guest", (component.Exports,), {"step": step})


def prepared(settings: dict[str, Any], code: Code) -> Step:
    """Imports the step's module, and returns its step, whose manifest can be made.

    Any exception of the module passes through.
    """
    module = importlib.import_module(settings["module"])
    found = _only_step(module, settings["module"])
    step = found.named(settings["name"], settings["version"], settings["description"], code)
    step.manifest()
    return step


def disable_file_access() -> None:
    """Stops all searches for files, which an instance does not have: a search would be reported as denied file access."""
    for name in _USED_LATE:
        importlib.import_module(name)
    linecache.checkcache = lambda filename=None: None
    linecache.updatecache = lambda filename, module_globals=None: []
    # An import of another module now fails with `ModuleNotFoundError`.
    sys.path.clear()
    sys.path_importer_cache.clear()


def report(error: BaseException, code: Code) -> dict[str, Any]:
    """Returns the error of the author's module, with its location."""
    location, trace = located(code, error.__traceback__)
    place = "" if location is None else f"{location.file}:{location.line}"
    message, hint = format_message(error), None
    if isinstance(error, SyntaxError) and error.filename is not None:
        place = f"{code.name(error.filename)}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
        message, trace = f"{type(error).__name__}: {error.msg}", [(error.text or "").strip()]
    elif isinstance(error, DefinitionError):
        message, trace = error.message, []
        if error.file is not None:
            place = f"{code.name(error.file)}:{error.line}"
    elif isinstance(error, ModuleNotFoundError):
        hint = "install it on the machine that builds the step, and name it in the `dependencies` of pyproject.toml"
    # The first frames belong to the import.
    while trace and trace[0].startswith("importlib"):
        trace.pop(0)
    causes = describe(error, code, ErrorKind.INTERNAL).causes
    return {"place": place, "message": message, "causes": causes, "trace": trace, "hint": hint}


def _only_step(module: Any, name: str) -> Step:
    steps = {id(made): (key, made) for key, value in vars(module).items() if (made := find_step(value)) is not None}
    if len(steps) == 1:
        return next(iter(steps.values()))[1]
    file = getattr(module, "__file__", None)
    if not steps:
        raise DefinitionError(f"the module `{name}` has no step: write `@step` above a function or class", file, 1)
    names = ", ".join(f"`{key}`" for key, _ in steps.values())
    raise DefinitionError(f"the module `{name}` has {len(steps)} steps, but a component has exactly one: {names}", file, 1)
