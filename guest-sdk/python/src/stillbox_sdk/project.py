"""The `pyproject.toml` of a step."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SDK = "stillbox-sdk"


class ProjectError(Exception):
    """A mistake in a step's project."""


class CodeError(ProjectError):
    """An exception of a module when it is imported."""


@dataclass(frozen=True)
class Project:
    """The folder of a step, and the settings in its `pyproject.toml`."""

    folder: Path
    name: str
    version: str
    description: str
    module: str
    # The folder of the module, relative to the step's folder: empty or `src/`.
    prefix: str
    # Whether the step depends on other distributions than the SDK.
    has_dependencies: bool
    # Whether it depends on the extra `http` of the SDK.
    has_http: bool = False
    # Whether it depends on the extra `models`.
    has_models: bool = False
    # The names of the distributions that it depends on, without the SDK.
    dependencies: tuple[str, ...] = ()


def read_project(folder: Path) -> Project:
    """Reads `pyproject.toml`, and finds the step's module.

    Raises `ProjectError` if the file or the module is missing, or a setting is invalid.
    """
    file = folder / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProjectError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ProjectError(f"{file} is not valid TOML: {error}") from error
    project = _table(settings, "project", file)
    name = _text(project, "name", file)
    if name is None:
        raise ProjectError(f"{file}: `[project]` has no `name`")
    name = re.sub(r"[-_.]+", "-", name).lower()
    module = _text(_table(_table(settings, "tool", file), "stillbox", file), "module", file) or name.replace("-", "_")
    dependencies = project.get("dependencies", [])
    if not isinstance(dependencies, list):
        raise ProjectError(f"{file}: `dependencies` must be a list")
    others = [text for text in dependencies if _distribution(text) != _SDK]
    version = _text(project, "version", file) or "0.0.0"
    description = _text(project, "description", file) or ""
    extras = {extra for text in dependencies if _distribution(text) == _SDK for extra in _extras(text)}
    prefix = _find(folder, module)
    return Project(
        folder,
        name,
        version,
        description,
        module,
        prefix,
        bool(others),
        "http" in extras,
        "models" in extras,
        tuple(_distribution(text) for text in others),
    )


def _find(folder: Path, module: str) -> str:
    if module.split(".")[0] in sys.stdlib_module_names:
        raise ProjectError(
            f"the module `{module}` has the name of a module of the standard library, which Python would import instead: rename it, "
            "and set `module` in `[tool.stillbox]`"
        )
    path = module.replace(".", "/")
    for prefix in ("", "src/"):
        if (folder / f"{prefix}{path}.py").is_file() or (folder / prefix / path / "__init__.py").is_file():
            return prefix
    raise ProjectError(
        f"the module `{module}` is missing: {folder} contains neither {path}.py nor src/{path}.py; "
        "set `module` in `[tool.stillbox]` for another name"
    )


def _distribution(requirement: object) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", str(requirement))
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else ""


def _extras(requirement: object) -> list[str]:
    found = re.match(r"[A-Za-z0-9._-]+\s*\[([^\]]*)\]", str(requirement))
    return [extra.strip().lower() for extra in found.group(1).split(",")] if found else []


def _table(settings: dict[str, Any], key: str, file: Path) -> dict[str, Any]:
    value = settings.get(key, {})
    if not isinstance(value, dict):
        raise ProjectError(f"{file}: `{key}` must be a table")
    return value


def _text(table: dict[str, Any], key: str, file: Path) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise ProjectError(f"{file}: `{key}` must be a text")
    return value
