"""The modules of a step that its main module imports, and the modules of others that those import."""

from __future__ import annotations

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from .common_modules import COMMON
from .project import Project
from .quick_check import PROVIDED, UNREADABLE, absolute

# Names by which code finds files: its own, or those of a package. A step with one of them is compiled as a whole.
_FINDS_FILES = {
    "__cached__",
    "__file__",
    "__import__",
    "__loader__",
    "__path__",
    "__spec__",
    "co_filename",
    "getabsfile",
    "getfile",
    "getsourcefile",
    "importlib",
    "pkgutil",
    "runpy",
    "zipimport",
}
_SDK = "stillbox_sdk"
# Files that are no data.
_NO_DATA = {".c", ".h", ".lock", ".md", ".pxd", ".py", ".pyc", ".pyi", ".pyx", ".rst", ".so"}
_NO_DATA_NAMES = {"LICENSE", "Makefile", "py.typed"}


class NeedsWholeError(Exception):
    """A step that needs a component of its own, and the reason."""


class StepModules:
    """The modules of a step that are imported, and the names of the modules of others that they import."""

    def __init__(self, project: Project, staged: Path) -> None:
        """Follows the imports from the main module.

        Raises `NeedsWholeError` if an instance could not import the modules.
        """
        # The texts of the modules, by their paths.
        self.files: dict[str, str] = {}
        # Modules of others that the step cannot do without.
        self.required: set[str] = set()
        # Those whose import may not run, or may fail.
        self.optional: set[str] = set()
        self._staged = staged
        self._certain: list[str] = []
        self._possible: list[str] = []
        self._seen: set[str] = set()
        if project.has_dependencies:
            _check_data(project, staged)
        self._add(project.module, is_certain=True)
        # The certain imports first, so that no module is seen as a possible one before.
        while self._certain or self._possible:
            is_certain = bool(self._certain)
            self._visit((self._certain or self._possible).pop(), is_certain)
        self.optional -= self.required

    def _add(self, name: str, *, is_certain: bool) -> None:
        """Adds the import of a module."""
        if not self._is_own(name):
            self._add_others(name, is_certain=is_certain)
            return
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            module = ".".join(parts[:count])
            if module not in self._seen:
                (self._certain if is_certain else self._possible).append(module)

    def _add_others(self, name: str, *, is_certain: bool) -> None:
        top = name.partition(".")[0]
        if name in COMMON or (top in PROVIDED and top != _SDK):
            return
        if _find_top(top) is not None:
            (self.required if is_certain else self.optional).add(name)
        elif is_certain:
            raise NeedsWholeError(f"the module {name} is missing")

    def _visit(self, name: str, is_certain: bool) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        path = self._locate(name)
        if path is None:
            return
        try:
            text = _read(path)
            tree = ast.parse(text)
        except (SyntaxError, *UNREADABLE) as error:
            raise NeedsWholeError(f"{path.name} cannot be read") from error
        self.files[path.relative_to(self._staged).as_posix()] = text
        _check_names(tree, path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        at_top = {id(statement) for statement in tree.body}
        for node in ast.walk(tree):
            self._add_imports(node, package, is_certain=is_certain and id(node) in at_top)

    def _add_imports(self, node: ast.AST, package: str, *, is_certain: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._add(alias.name, is_certain=is_certain)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, package)
            if module:
                self._add(module, is_certain=is_certain)
            for alias in node.names:
                self._add_member(module, alias.name, is_certain=is_certain)
        elif isinstance(node, ast.AsyncFunctionDef):
            # The SDK imports them for an `async` step.
            self.optional |= {"asyncio", f"{_SDK}.event_loop"}

    def _add_member(self, module: str, name: str, *, is_certain: bool) -> None:
        """Adds `from module import name`, where the name may be a module."""
        member = f"{module}.{name}" if module else name
        if not self._is_own(member):
            if name != "*" and _may_be_module(member):
                self._add_others(member, is_certain=False)
        elif name != "*":
            if self._locate(member) is not None:
                self._add(member, is_certain=is_certain)
        else:
            # `__all__` may name modules.
            for path in sorted((self._staged / module.replace(".", "/")).glob("*.py")):
                self._add(f"{module}.{path.stem}", is_certain=False)

    def _is_own(self, name: str) -> bool:
        top = name.partition(".")[0]
        return (self._staged / f"{top}.py").is_file() or any((self._staged / top).glob("**/*.py"))

    def _locate(self, name: str) -> Path | None:
        path = self._staged / name.replace(".", "/")
        return next((file for file in (path / "__init__.py", path.with_name(f"{path.name}.py")) if file.is_file()), None)


def _read(path: Path) -> str:
    """Returns the text of a module in the encoding that it declares."""
    data = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def _check_names(tree: ast.Module, path: Path) -> None:
    """Raises `NeedsWholeError` if a module has a name by which it can find files, which an instance does not have."""
    for name in _names(tree):
        if name in _FINDS_FILES:
            raise NeedsWholeError(f"{path.name} may read files: it has the name {name}")


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            is_path = isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr == "path"
            yield "__path__" if is_path else node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
            yield from (alias.name for alias in node.names)


def _check_data(project: Project, staged: Path) -> None:
    """Raises `NeedsWholeError` if a package of others may read data: its own, or that of a package of the step, whose name it may get."""
    for file in staged.rglob("*"):
        if file.parent != staged and file.is_file() and _is_data(file):
            raise NeedsWholeError(f"{file.relative_to(staged)} may be data")
    for name in project.dependencies:
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue
        for each in files:
            if _is_data(each) and ".." not in each.parts and not each.parts[0].endswith((".dist-info", ".egg-info")):
                raise NeedsWholeError(f"{name} has the file {each}")


def _is_data(path: Path | metadata.PackagePath) -> bool:
    return path.suffix not in _NO_DATA and path.name not in _NO_DATA_NAMES


def _find_top(top: str) -> list[str] | None:
    """Returns the folders of a module of others, which are none unless it is a package. Returns `None` if it is missing."""
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    return None if found is None else list(found.submodule_search_locations or ())


def _may_be_module(name: str) -> bool:
    """Returns whether a name in a package of others is one of its modules. It imports nothing."""
    top, _, rest = name.partition(".")
    if top not in (_SDK,) and top in PROVIDED:
        return False
    for folder in _find_top(top) or ():
        path = Path(folder, rest.replace(".", "/"))
        if path.is_dir() or any(path.parent.glob(f"{path.name}.*")):
            return True
    return False
