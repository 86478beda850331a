"""Finds mistakes that need no compiler, before it runs for seconds: the syntax of the modules that a step imports, and imports of
modules that do not exist."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from .missing_modules import ADDED, lacking_hint, missing_hint
from .project import Project, ProjectError

# Modules that exist only inside a component, and the SDK.
PROVIDED = {"stillbox_sdk", "wit_world", "componentize_py_types", "componentize_py_runtime", "componentize_py_async_support", "poll_loop"}


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
    try:
        source = file.read_bytes()
        tree = ast.parse(source, name)
        # Finds more than the parser, such as `return` outside of a function.
        compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ProjectError(_syntax_error(name, error)) from error
    except ValueError:
        return []
    imported = []
    for line, module, is_absolute in _imports(tree, ".".join(file.parent.relative_to(staged).parts)):
        problem = _problem(module, staged) if is_absolute else None
        if problem is not None:
            missing, hint = problem
            lines = [f"{name}:{line}: ModuleNotFoundError: No module named '{missing}'", *([f"  hint: {hint}"] if hint else [])]
            raise ProjectError("\n".join(lines))
        imported.append(module)
    return imported


def _syntax_error(name: str, error: SyntaxError) -> str:
    place = f"{name}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
    lines = [f"{place}: {type(error).__name__}: {error.msg}"]
    text = (error.text or "").strip()
    return "\n".join([*lines, f"  {text}"] if text else lines)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[int, str, bool]]:
    """Returns the line and the module of each import that is neither in a function nor in an `if` or `try`, which may not run or may fail,
    and whether it is absolute. A name that is imported from a module may be a module, too."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from ((statement.lineno, alias.name, True) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = absolute(statement, package)
            names = [module] if module else []
            names += [f"{module}.{alias.name}" if module else alias.name for alias in statement.names]
            yield from ((statement.lineno, name, not statement.level) for name in names)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Returns the name of the module of `from module import name`, which may be relative to a package."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _is_installed(top: str) -> bool:
    """Returns whether a distribution has a module, such as one that the standard library had before."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return spec is not None and "site-packages" in (spec.origin or "")


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
    if hint is not None and not _is_installed(top):
        return module, hint
    if top in sys.stdlib_module_names or top in ADDED or top in PROVIDED:
        return None
    try:
        return None if importlib.util.find_spec(top) is not None else (top, missing_hint(top))
    except (ImportError, ValueError):
        return None
