"""Finds mistakes that need no compiler, before it runs for seconds: the syntax of the modules that a step imports, and imports of
modules that do not exist.

The compiler rejects what this check reports, except where a step defines modules by unusual means. Uncertain cases are left to it, such as
a missing module if the step seems to change where modules are found."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from .missing_modules import ADDED, lacking_hint, missing_hint
from .newer_syntax import may_be_newer
from .project import Project, ProjectError

# Modules that exist only inside a component, and the SDK.
PROVIDED = {"stillbox_sdk", "wit_world", "componentize_py_types", "componentize_py_runtime", "componentize_py_async_support", "poll_loop"}
# Errors of the parser for a source that has no mistake in its syntax, such as one that is nested too deeply for this Python.
UNREADABLE = (ValueError, RecursionError, MemoryError)
# Code that may change where modules are found.
_CHANGES_IMPORTS = re.compile(rb"\bsys\s*\.\s*(?:path|modules)\b|\b(?:from\s+sys|sys[\s\\]+as)\b|\b(?:__import__|addsitedir|meta_path|path_hooks)\b")
# Names by which a module can define others.
_DEFINES_ANY = {"*", "__dict__", "__getattr__", "exec", "globals", "locals", "modules", "setattr", "vars"}


def check(project: Project, staged: Path) -> None:
    """Checks the modules of a step in the folder `staged`, a copy of its code: the main module, and those that are certainly imported
    with it. Other files may be templates, or for another version of Python.

    Raises `ProjectError` for the first mistake, in the form of one that the compiler finds.
    """
    left, seen = [project.module], set[Path]()
    while left:
        module = left.pop()
        for file in _files(module, staged):
            if file not in seen:
                seen.add(file)
                left += reversed(_check_file(file, project.prefix, staged))


def _check_file(file: Path, prefix: str, staged: Path) -> list[str]:
    """Checks a module. Returns the modules that it imports, or may import."""
    name = prefix + file.relative_to(staged).as_posix()
    source = file.read_bytes()
    try:
        tree = _parse(source, name)
    except SyntaxError as error:
        if may_be_newer(source, error):
            return []
        raise ProjectError(_syntax_error(name, error)) from error
    except UNREADABLE:
        return []
    imported = []
    for line, module, is_absolute in _imports(tree, ".".join(file.parent.relative_to(staged).parts), staged):
        problem = _problem(module, staged) if is_absolute else None
        if problem is not None and not _may_change_imports(staged):
            missing, hint = problem
            lines = [f"{name}:{line}: ModuleNotFoundError: No module named '{missing}'", *([f"  hint: {hint}"] if hint else [])]
            raise ProjectError("\n".join(lines))
        imported.append(module)
    return imported


def _parse(source: bytes, name: str) -> ast.Module:
    with warnings.catch_warnings():
        # They can be set to be errors.
        warnings.simplefilter("ignore")
        tree = ast.parse(source, name)
        # Finds more than the parser, such as `return` outside of a function.
        compile(source, name, "exec", dont_inherit=True)
    return tree


def _syntax_error(name: str, error: SyntaxError) -> str:
    place = f"{name}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
    lines = [f"{place}: {type(error).__name__}: {error.msg}"]
    text = (error.text or "").strip()
    return "\n".join([*lines, f"  {text}"] if text else lines)


def _imports(tree: ast.Module, package: str, staged: Path) -> Iterator[tuple[int, str, bool]]:
    """Returns the line and the module of each import that is neither in a function nor in an `if` or `try`, which may not run or may fail,
    and whether it is absolute. A name that is imported from a package is a module, too, if the package does not define it."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from ((statement.lineno, alias.name, True) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = absolute(statement, package)
            names = [module] if module else []
            members = (alias.name for alias in statement.names if not _may_define(module, alias.name, staged))
            names += [f"{module}.{name}" if module else name for name in members]
            yield from ((statement.lineno, name, not statement.level) for name in names)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Returns the name of the module of `from module import name`, which may be relative to a package."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _may_define(package: str, name: str, staged: Path) -> bool:
    """Returns whether a module of the step has a module of this name, and may have the name by other means."""
    path = staged.joinpath(*package.split("."))
    if not any(file.is_file() for file in (path / f"{name}.py", path / name / "__init__.py")):
        return False
    init = path / "__init__.py"
    if not init.is_file():
        # Only a package has modules.
        return path.with_suffix(".py").is_file()
    try:
        tree = _parse(init.read_bytes(), init.name)
    except (SyntaxError, *UNREADABLE):
        return True
    modules = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and absolute(node, package) == package:
            # `from . import name` in the package itself imports its module.
            modules |= {id(alias) for alias in node.names if alias.name == name and alias.asname in {None, name}}
        elif id(node) not in modules and not {name, *_DEFINES_ANY}.isdisjoint(_names(node)):
            return True
    return False


def _names(node: ast.AST) -> Iterator[str]:
    """Returns the names in a node that it may define."""
    for field in ("asname", "attr", "id", "name", "rest"):
        if isinstance(value := getattr(node, field, None), str):
            yield from value.split(".")


def _files(module: str, staged: Path) -> list[Path]:
    """Returns the files of a module of the step: its own, after those of its packages. None if it is not one of the step."""
    parts = module.split(".")
    packages = [staged.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
    # A package takes precedence.
    own = [] if packages[-1].is_file() else [staged.joinpath(*parts).with_suffix(".py")]
    return [file for file in (*packages, *own) if file.is_file()]


def _problem(module: str, staged: Path) -> tuple[str, str | None] | None:
    """Returns the missing module and a hint, if a module certainly does not exist in a component."""
    top = module.partition(".")[0]
    if (staged / f"{top}.py").exists() or (staged / top).is_dir():
        return None
    hint = lacking_hint(module)
    if hint is None and (top in sys.stdlib_module_names or top in ADDED or top in PROVIDED):
        return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if hint is None:
        return None if spec is not None else (top, missing_hint(top))
    # A distribution may have a module that the standard library had before.
    is_installed = spec is not None and "site-packages" in (spec.origin or "")
    return None if is_installed else (module, hint)


def _may_change_imports(staged: Path) -> bool:
    """Returns whether a module of the step may change where modules are found, such as `sys.path`."""
    return any(_CHANGES_IMPORTS.search(file.read_bytes()) for file in staged.rglob("*.py") if file.is_file())
