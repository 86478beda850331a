"""Code for components of tests, which import the step's modules when an instance starts: an edit then compiles nothing.

The component is a base that many steps share: the interpreter, the SDK, and the modules of others that the steps import. The host
passes the step's own modules to each instance.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from wit_world.imports import log, panic, source

from . import component, heap, immortal, seeding
from .code import Code
from .common_modules import COMMON
from .contract import ErrorKind
from .entry import disable_file_access, end_build, import_used_late, prepared
from .failures import CAUGHT, clean, describe
from .late_modules import HiddenModules, NoFiles, StepFinder
from .load_errors import load_error, load_error_lines
from .step import Step
from .stored_modules import StoredModules
from .warm_up import warm_up


def load(
    root: str, required: Sequence[str], optional: Sequence[str], report: str, *, has_http: bool
) -> type[component.Exports]:
    """Imports modules that are not the step's, and returns the class that the bindings call. It runs when the base is built.

    An exception of a required module is written to the file `report`, and means that a step needs a component of its own.
    """
    code = Code(root)
    handler = component.forward_output(code)
    component.report_exits()
    seeding.before_import()
    hidden = HiddenModules()
    try:
        for module in required:
            importlib.import_module(module)
    except CAUGHT as error:
        end_build(error, code, report)
    import_used_late()
    if has_http:
        importlib.import_module(".http_libraries", __package__)
    sys.meta_path.insert(0, hidden)
    for module in (*COMMON, *optional):
        hidden.hide(module)
    stored = StoredModules([*sys.modules.values(), *hidden.modules()])
    disable_file_access()
    # The runtime seeds the generator in each instance, before the step's module is imported.
    seeding.after_import()
    describe(ValueError("warm-up"), code, ErrorKind.INPUT)
    warm_up(component.Exports)
    immortal.write_addresses(os.path.dirname(report))
    heap.close_gaps()
    gc.freeze()
    return type("Guest", (_Exports,), {"root": root, "handler": handler, "hidden": hidden, "stored": stored, "has_http": has_http})


class _LateStep:
    """Imports the step on its first use, and takes its own place in the class."""

    def __get__(self, exports: _Exports | None, kind: type[_Exports]) -> Step:
        settings = json.loads(source.read())
        code = Code(kind.root, settings["prefix"])
        kind.handler.setFormatter(component.HostFormatter(code))
        finders = [StepFinder(kind.root, settings["files"]), kind.hidden, kind.stored, NoFiles()]
        sys.meta_path[:] = [*finders, *(finder for finder in sys.meta_path if finder is not kind.hidden)]
        seeding.before_import()
        try:
            step = prepared(settings, code)
            if kind.has_http:
                importlib.import_module(".http_libraries", __package__).adapt()
        except CAUGHT as error:
            _abort(error, code)
        seeding.after_import()
        # As in the component that a build makes, only modules that are stored can be imported later.
        sys.meta_path[:] = [kind.stored, *(finder for finder in sys.meta_path if finder not in finders)]
        kind.step = step  # type: ignore[assignment]
        return step


class _Exports(component.Exports):
    root: str
    handler: logging.Handler
    hidden: HiddenModules
    stored: StoredModules
    has_http: bool
    step = _LateStep()


def _abort(error: BaseException, code: Code) -> NoReturn:
    """Reports an error of the author's module to the host, and ends the instance: `manifest` has no error in the contract."""
    found = load_error(error, code)
    message, *others = load_error_lines(found)
    # A panic has no causes, trace and hint.
    for line in others:
        log.write(log.Level.ERROR, clean(line.strip())[: component.MESSAGE_CHARACTERS])
    panic.report(clean(message)[: component.MESSAGE_CHARACTERS], found["location"], None)
    os.abort()
