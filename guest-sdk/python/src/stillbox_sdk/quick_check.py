"""Finds mistakes that need no compiler, before it runs for seconds: the syntax of all modules, and imports of modules that do not exist."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

from .project import Project, ProjectError

# Modules that exist only inside a component, and the SDK.
PROVIDED = {"stillbox_sdk", "wit_world", "componentize_py_types", "componentize_py_runtime", "componentize_py_async_support", "poll_loop"}
_MISSING = "install it on the machine that builds the step, and name it in the `dependencies` of pyproject.toml"


def check(project: Project, staged: Path) -> None:
    """Checks the modules of a step in the folder `staged`, a copy of its code.

    Raises `ProjectError` for the first mistake, in the form of one that the compiler finds.
    """
    main = staged / (project.module.replace(".", "/") + ".py")
    for file in sorted(staged.rglob("*.py"), key=lambda file: (file != main, file)):
        name = project.prefix + file.relative_to(staged).as_posix()
        try:
            source = file.read_bytes()
            tree = ast.parse(source, name)
            # Finds more than the parser, such as `return` outside of a function.
            compile(source, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            # Another file may be a template, or for another version of Python.
            if file == main:
                raise ProjectError(_syntax_error(name, error)) from error
            continue
        except ValueError:
            continue
        if file == main:
            _check_imports(tree, name, staged)


def _syntax_error(name: str, error: SyntaxError) -> str:
    place = f"{name}:{error.lineno}" + (f":{error.offset}" if error.offset else "")
    lines = [f"{place}: {type(error).__name__}: {error.msg}"]
    text = (error.text or "").strip()
    return "\n".join([*lines, f"  {text}"] if text else lines)


def _check_imports(tree: ast.Module, name: str, staged: Path) -> None:
    """Checks the imports that are neither in a function nor in an `if` or `try`, which may not run or may fail."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            modules = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            modules = [statement.module]
        else:
            continue
        for module in modules:
            top = module.split(".")[0]
            if not _exists(top, staged):
                place = f"{name}:{statement.lineno}"
                raise ProjectError(f"{place}: ModuleNotFoundError: No module named '{top}'\n  hint: {_MISSING}")


def _exists(top: str, staged: Path) -> bool:
    if top in sys.stdlib_module_names or top in PROVIDED or (staged / f"{top}.py").exists() or (staged / top).is_dir():
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return True
