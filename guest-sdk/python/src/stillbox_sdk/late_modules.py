"""Finds the modules that an instance of a base imports with the step's module: those of the step, and those of others."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .failures import CAUGHT


class StepFinder(MetaPathFinder, Loader):
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


class HiddenModules(MetaPathFinder, Loader):
    """Modules of others that a base has loaded, but that are not imported until the step imports them: in the component that a build
    makes, a function cannot import a module that nothing has imported before."""

    def __init__(self) -> None:
        self._modules: dict[str, Any] = {}
        # The modules that each module imports.
        self._imports: dict[str, set[str]] = {}
        # The modules that are attributes of their packages.
        self._attributes: set[str] = set()
        self._specs: dict[str, Any] = {}

    def hide(self, name: str) -> None:
        """Imports a module if that is possible, and hides all modules that were not imported before."""
        before = set(sys.modules)
        with self._recorded(name, before), contextlib.suppress(*CAUGHT):
            importlib.import_module(name)
        added = [key for key in sys.modules if key not in before]
        for key in added:
            module = self._modules[key] = sys.modules[key]
            parent, _, child = key.rpartition(".")
            package = sys.modules.get(parent)
            if package is not None and vars(package).get(child) is module:
                self._attributes.add(key)
                delattr(package, child)
        for key in added:
            del sys.modules[key]
        # Those that were imported in another way than by a statement.
        self._imports.setdefault(name, set()).update(set(added) - self._needed(name))

    def modules(self) -> list[Any]:
        """Returns the hidden modules."""
        return list(self._modules.values())

    @contextlib.contextmanager
    def _recorded(self, name: str, before: set[str]) -> Iterator[None]:
        """Records imports. Those of modules that are not hidden, such as the import system, count as imports of the module that is
        being imported."""
        original = builtins.__import__
        current = [name]

        def record(module: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
            settings = globals or {}
            importer = settings.get("__name__")
            known = self._imports.setdefault(current[-1] if importer is None or importer in before else importer, set())
            package = settings.get("__package__") or ""
            full = importlib.util.resolve_name("." * level + module, package) if level else module
            known |= {full, *(f"{full}.{each}" for each in fromlist or ())}
            current.append(full)
            try:
                return original(module, globals, locals, fromlist, level)
            finally:
                current.pop()

        builtins.__import__ = record  # type: ignore[assignment]
        try:
            yield
        finally:
            builtins.__import__ = original

    def _needed(self, name: str) -> set[str]:
        """Returns the hidden modules that the import of a module imports, with the module itself."""
        needed: set[str] = set()
        left = [name]
        while left:
            module = left.pop()
            if module in self._modules and module not in needed:
                needed.add(module)
                left += [*self._imports.get(module, ()), module.rpartition(".")[0]]
            elif module not in self._modules and "." in module:
                # A name in a module, whose packages are imported.
                left.append(module.rpartition(".")[0])
        return needed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self._modules else None

    def create_module(self, spec: ModuleSpec) -> Any:
        module = self._modules[spec.name]
        # The import replaces it.
        self._specs[spec.name] = getattr(module, "__spec__", None)
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ is not None else module.__name__
        module.__spec__ = self._specs.pop(name)
        needed = self._needed(name)
        for key in needed:
            sys.modules.setdefault(key, self._modules[key])
        for key in needed & self._attributes:
            parent, _, child = key.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], child, self._modules[key])


class NoFiles(MetaPathFinder):
    """Ends the search for a module of a package. Python would look for a file, which the host would report as denied."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None
