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
from typing import Any, NoReturn

from . import component, heap, immortal, seeding
from .code import Code
from .contract import ErrorKind
from .errors import DefinitionError
from .failures import CAUGHT, describe
from .load_errors import load_error, load_error_lines
from .step import Step, find_step
from .stored_modules import StoredModules
from .warm_up import warm_up

# The function of Python, which `report_exits` replaces.
_end_process = os._exit

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
    component.report_exits()
    seeding.before_import()
    try:
        step = prepared(settings, code)
        if settings["http"]:
            importlib.import_module(".http_libraries", __package__).adapt()
    except CAUGHT as error:
        end_build(error, code, settings["report"])
    code.cache_all_lines()
    sys.meta_path.insert(0, StoredModules(list(sys.modules.values())))
    disable_file_access()
    # Warms up the code for failures, whose first use is slow.
    describe(ValueError("warm-up"), code, ErrorKind.INPUT, step.target)
    seeding.after_import()
    warm_up(component.Exports)
    immortal.write_addresses(os.path.dirname(settings["report"]))
    heap.close_gaps()
    # All current objects are permanent. Without `freeze`, every garbage collection would write to their memory.
    gc.freeze()
    return type("Guest", (component.Exports,), {"step": step})


def end_build(error: BaseException, code: Code, report: str) -> NoReturn:
    """Writes an error to the file `report`, and ends the build."""
    code.cache_lines(error.__traceback__)
    found = load_error(error, code)
    text = {"place": found["place"], "lines": load_error_lines(found)}
    with open(report, "w", encoding="utf-8") as file:
        json.dump(text, file)
    _end_process(1)


def prepared(settings: dict[str, Any], code: Code) -> Step:
    """Imports the step's module, and returns its step, whose manifest can be made.

    Any exception of the module passes through.
    """
    module = importlib.import_module(settings["module"])
    found = _only_step(module, settings["module"])
    step = found.named(settings["name"], settings["version"], settings["description"], code)
    step.manifest()
    return step


def import_used_late() -> None:
    """Imports the modules that the standard library imports on first use."""
    for name in _USED_LATE:
        importlib.import_module(name)


def disable_file_access() -> None:
    """Stops all searches for files, which an instance does not have: a search would be reported as denied file access."""
    import_used_late()
    linecache.checkcache = lambda filename=None: None
    linecache.updatecache = lambda filename, module_globals=None: []
    # An import of another module, unless it is stored, now fails with `ModuleNotFoundError`.
    sys.path.clear()
    sys.path_importer_cache.clear()


def _only_step(module: Any, name: str) -> Step:
    steps = {id(made): (key, made) for key, value in vars(module).items() if (made := find_step(value)) is not None}
    if len(steps) == 1:
        return next(iter(steps.values()))[1]
    file = getattr(module, "__file__", None)
    if not steps:
        raise DefinitionError(f"the module `{name}` has no step: write `@step` above a function or class", file, 1)
    names = ", ".join(f"`{key}`" for key, _ in steps.values())
    raise DefinitionError(f"the module `{name}` has {len(steps)} steps, but a component has exactly one: {names}", file, 1)
