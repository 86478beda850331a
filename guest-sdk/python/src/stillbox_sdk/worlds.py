"""The imports and exports of components, from the contract."""

from __future__ import annotations

import re
from pathlib import Path

from .project import Project, ProjectError

_PACKAGE = Path(__file__).resolve().parent


def worlds(project: Project, has_source: bool) -> list[str]:
    """Returns the arguments for the imports and exports of the component. Without extras, it imports neither requests nor models."""
    contract = contract_folder()
    arguments = ["--wit-path", str(contract)]
    if not (project.has_http or project.has_models):
        return [*arguments, "--world", "step-with-source" if has_source else "step-with-drops"]
    text = (contract / "step.wit").read_text(encoding="utf-8")
    found = re.search(r"^package (stillbox:step)(@[^;]*);", text, re.MULTILINE)
    if found is None:
        raise ProjectError(f"{contract / 'step.wit'} does not name its package; reinstall stillbox-sdk")
    name, version = found.groups()
    # The first also has the interfaces of WASI that both use.
    for file in ("http", "models"):
        arguments += ["--wit-path", str(_PACKAGE / "wasi" / f"{file}.wit")]
    world = "http/step" if not project.has_models else "models/step-with-http" if project.has_http else "models/step"
    arguments += ["--world", f"stillbox:python-{world}{'-and-source' if has_source else ''}"]
    arguments += ["--import-interface-name", f"{name}/types{version}=types"]
    if project.has_http:
        # Both packages have an interface `types`.
        arguments += ["--import-interface-name", "wasi:http/types@0.2.9=http_types"]
    return arguments


def contract_folder() -> Path:
    """Returns the folder of the contract in the package, or in the repository for an editable installation."""
    places = [_PACKAGE / "wit", _PACKAGE.parents[2] / "wit"]
    found = next((place for place in places if (place / "step.wit").is_file()), None)
    if found is None:
        raise ProjectError(f"the contract {places[0]} is missing; reinstall stillbox-sdk")
    return found
