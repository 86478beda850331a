"""What happens inside the component while it is built: the author's module is imported, and everything made ready.

The interpreter's memory at the end of this is what every instance starts with, so nothing of it is done again.
"""

from __future__ import annotations

import gc
import importlib
import json
import linecache
import os
import sys
from typing import Any

from . import component
from .code import Code, located
from .contract import ErrorKind
from .errors import DefinitionError
from .failures import CAUGHT, describe, message_of
from .step import Step, step_of

# What the standard library imports only when it is first used, which is too late in an instance.
_USED_LATE = (
    "_strptime",
    "unicodedata",
    *(f"encodings.{name}" for name in ("ascii", "cp1252", "idna", "latin_1", "utf_16", "utf_32", "utf_8_sig")),
)


def load(settings: dict[str, Any]) -> type[component.Exports]:
    """Imports a step's module, and makes the class that the bindings call.

    What is wrong with the module goes to the file `settings["report"]`, because of what is printed only some is kept.
    """
    code = Code(settings["root"], settings["prefix"])
    component.listen(code)
    try:
        module = importlib.import_module(settings["module"])
        found = _only_step(module, settings["module"])
        step = found.named(settings["name"], settings["version"], settings["description"], code)
        step.manifest()
    except CAUGHT as error:
        code.read_lines(error.__traceback__)
        with open(settings["report"], "w", encoding="utf-8") as file:
            json.dump(report(error, code), file)
        os._exit(1)
    code.keep_lines()
    _forget_files()
    # The ways that only failures take are made ready, too: their first use would take longer.
    describe(ValueError("a rehearsal"), code, ErrorKind.INPUT, step.target)
    # What there is now stays for ever. A collector that walked over it would write to all of its memory.
    gc.collect()
    gc.freeze()
    return type("Guest", (component.Exports,), {"step": step})


def _forget_files() -> None:
    """Has nothing look for files any more. There are none in an instance, and looking is an attempt to use some."""
    for name in _USED_LATE:
        importlib.import_module(name)
    linecache.checkcache = lambda filename=None: None
    linecache.updatecache = lambda filename, module_globals=None: []
    # A module that is imported later is missing then, which is what the failure says.
    sys.path.clear()
    sys.path_importer_cache.clear()


def report(error: BaseException, code: Code) -> dict[str, Any]:
    """What is wrong with the author's module, and where."""
    location, trace = located(code, error.__traceback__)
    place = "" if location is None else f"{location.file}:{location.line}"
    message, hint = message_of(error), None
    if isinstance(error, SyntaxError) and error.filename is not None:
        place = f"{code.name(error.filename)}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
        message, trace = f"{type(error).__name__}: {error.msg}", [(error.text or "").strip()]
    elif isinstance(error, DefinitionError):
        message, trace = error.message, []
        if error.file is not None:
            place = f"{code.name(error.file)}:{error.line}"
    elif isinstance(error, ModuleNotFoundError):
        hint = "install it where the step is built, and name it in the `dependencies` of pyproject.toml"
    # The frames before the module's own are those of the import.
    while trace and trace[0].startswith("importlib"):
        trace.pop(0)
    causes = describe(error, code, ErrorKind.INTERNAL).causes
    return {"place": place, "message": message, "causes": causes, "trace": trace, "hint": hint}


def _only_step(module: Any, name: str) -> Step:
    steps = {id(made): (key, made) for key, value in vars(module).items() if (made := step_of(value)) is not None}
    if len(steps) == 1:
        return next(iter(steps.values()))[1]
    file = getattr(module, "__file__", None)
    if not steps:
        raise DefinitionError(f"the module `{name}` has no step: write `@step` above a function or class", file, 1)
    names = ", ".join(f"`{key}`" for key, _ in steps.values())
    raise DefinitionError(f"the module `{name}` has {len(steps)} steps, and a component is one: {names}", file, 1)
