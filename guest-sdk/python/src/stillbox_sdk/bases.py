"""Components for tests: a base that many steps share, and the step's own modules as a text next to it.

Only what a step imports from others is part of the base, so an edit of the step compiles nothing. A step with files of data has no
such component, because an instance cannot read files.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .project import Project, ProjectError
from .quick_check import PROVIDED

# Files that no module reads.
_NO_DATA = {".md", ".py", ".pyi", ".lock", ".rst"}
_NO_DATA_NAMES = {"LICENSE", "Makefile", "pyproject.toml", "py.typed", "requirements.txt"}
# Bases are kept until they were not used for this many others.
_KEPT = 8

Compile = Callable[[str, Path], None]


@dataclass(frozen=True)
class Imports:
    """The names of the modules of others that a step imports."""

    # Those that the step cannot do without.
    required: list[str]
    # Those that may not run, or may be names in a module. They may be missing.
    optional: list[str]


def write_source(project: Project, staged: Path, target: Path) -> Imports | None:
    """Writes the step's modules as JSON, and returns what they import.

    Returns `None` if the step needs a component of its own.
    """
    files: dict[str, str] = {}
    required: set[str] = set()
    optional: set[str] = set()
    for file in sorted(staged.rglob("*")):
        if not file.is_file():
            continue
        if file.suffix != ".py":
            if file.suffix not in _NO_DATA and file.name not in _NO_DATA_NAMES:
                return None
            continue
        try:
            text = file.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            # Another encoding, or a file that is no module.
            return None
        files[file.relative_to(staged).as_posix()] = text
        required |= _imports(tree.body)
        optional |= _imports(ast.walk(tree)) | _imported_names(tree)
    own = {name.partition("/")[0].removesuffix(".py") for name in files}
    settings = {
        "prefix": project.prefix,
        "module": project.module,
        "name": project.name,
        "version": project.version,
        "description": project.description,
        "files": files,
    }
    target.write_text(json.dumps(settings), encoding="utf-8")
    required = {name for name in required if _is_of_others(name, own)}
    optional = {name for name in optional - required if _is_of_others(name, own)}
    return Imports(sorted(required), sorted(optional))


def base(project: Project, imports: Imports, folder: Path, compile_base: Compile) -> Path | None:
    """Returns the base with these imports, and makes it if it is not in the folder. `compile_base` gets the code of its main module.

    Returns `None` if it cannot be made: then a component of the step's own has the right message.
    """
    name = f"{_key(project, imports)}.wasm"
    path = folder / name
    if path.is_file():
        os.utime(path)
        return path
    code = "\n".join(
        [
            "import sys",
            "sys.dont_write_bytecode = True",
            "from stillbox_sdk.development import load",
            f"Guest = load('/0/', {imports.required!r}, {imports.optional!r}, has_http={project.has_http})",
            "",
        ]
    )
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f".{name}.{os.getpid()}"
    try:
        compile_base(code, made)
        made.replace(path)
    except ProjectError:
        return None
    finally:
        made.unlink(missing_ok=True)
    _remove_old(folder)
    return path


def _imports(nodes: Iterable[ast.AST]) -> set[str]:
    """Returns the names of the modules that these statements import."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _imported_names(tree: ast.Module) -> set[str]:
    """Returns the names in `from package import name`, each of which may be a module."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level)
    return {f"{node.module}.{alias.name}" for node in found for alias in node.names if alias.name != "*"}


def _is_of_others(name: str, own: set[str]) -> bool:
    top = name.partition(".")[0]
    if top in own or top in PROVIDED:
        return False
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _key(project: Project, imports: Imports) -> str:
    """Returns the digest of everything that a base depends on."""
    package = Path(__file__).resolve().parent
    parts = [sys.version, str(project.has_http), str(project.has_models)]
    parts += [*imports.required, "", *imports.optional]
    for file in sorted(package.rglob("*")):
        if file.suffix in {".py", ".wit"}:
            parts += [file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")]
    parts += sorted(f"{each.metadata['Name']} {each.version}" for each in metadata.distributions())
    if project.has_dependencies:
        parts.append(sysconfig.get_paths()["purelib"])
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _remove_old(folder: Path) -> None:
    """Removes the bases that were not used for longest."""
    found = sorted(folder.glob("*.wasm"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[_KEPT:]:
        path.unlink(missing_ok=True)

