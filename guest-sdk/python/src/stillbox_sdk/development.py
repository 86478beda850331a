"""Code for components of tests, which import the step's modules when an instance starts: an edit then compiles nothing.

The component is a base that many steps share: the interpreter, the SDK, and the modules of others that the steps import. The host
passes the step's own modules to each instance.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import linecache
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from componentize_py_types import Err
from wit_world.imports import source

from . import component, contract
from .code import Code
from .contract import ErrorKind
from .entry import disable_file_access, prepared
from .failures import CAUGHT, describe
from .load_errors import load_error
from .step import Step


def load(root: str, required: Sequence[str], optional: Sequence[str], *, has_http: bool) -> type[component.Exports]:
    """Imports modules that are not the step's, and returns the class that the bindings call. It runs when the base is built.

    An exception here means that a step needs a component of its own.
    """
    component.forward_output(Code(root))
    for module in required:
        importlib.import_module(module)
    for module in optional:
        with contextlib.suppress(*CAUGHT):
            importlib.import_module(module)
    if has_http:
        importlib.import_module(".http_libraries", __package__).adapt()
    disable_file_access()
    describe(ValueError("warm-up"), Code(root), ErrorKind.INPUT)
    gc.collect()
    gc.freeze()
    return type("Guest", (_Exports,), {"root": root})


class _LateStep:
    """Imports the step on its first use, and takes its own place in the class."""

    def __get__(self, exports: _Exports | None, kind: type[_Exports]) -> Step:
        settings = json.loads(source.read())
        code = Code(kind.root, settings["prefix"])
        component.forward_output(code)
        sys.meta_path.insert(0, _Modules(kind.root, settings["files"]))
        try:
            step = prepared(settings, code)
        except CAUGHT as error:
            raise Err(_load_error(error, code)) from None
        kind.step = step  # type: ignore[assignment]
        return step


class _Exports(component.Exports):
    root: str
    step = _LateStep()


def _load_error(error: BaseException, code: Code) -> contract.StepError:
    """Returns the error of the author's module as a failure, with the message that a build has."""
    described, reported = describe(error, code, ErrorKind.INTERNAL), load_error(error, code)
    place, hint = reported["place"], reported["hint"]
    message = f"{place}: {reported['message']}" if place and described.location is None else reported["message"]
    return contract.StepError(
        kind=described.kind,
        message=message,
        causes=described.causes,
        location=described.location,
        trace=reported["trace"],
        hint=described.hint if hint is None else hint,
        retry_after_ms=None,
    )


class _Modules(MetaPathFinder, Loader):
    """Finds the step's modules among texts by their paths, which stand for files in the folder `root`."""

    def __init__(self, root: str, files: dict[str, str]) -> None:
        self._root = root
        self._files = files
        for path, text in files.items():
            # Without a modification time, `linecache` never looks for the file.
            linecache.cache[root + path] = (len(text), None, text.splitlines(keepends=True), root + path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        base = fullname.replace(".", "/")
        for file, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            if file in self._files:
                spec = importlib.util.spec_from_loader(fullname, self, origin=self._root + file, is_package=is_package)
                if spec is not None:
                    spec.has_location = True
                    if is_package:
                        spec.submodule_search_locations = [self._root + base]
                return spec
        if any(file.startswith(f"{base}/") for file in self._files):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [self._root + base]
            return spec
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        file = module.__spec__.origin if module.__spec__ is not None else None
        if file is None:
            raise ImportError(f"the module {module.__name__} has no source")
        code = compile(self._files[file.removeprefix(self._root)], file, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102
