"""Names the installed distributions with compiled code, which a component cannot load, in the error of a step that needs them."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from .missing_modules import INSTEAD

# Compiled for the machine that builds the step, and not for components.
_ENDINGS = (".so", ".pyd", ".dylib")

# The tools that compile a step, which are no part of it.
_TOOLS = {"componentize-py", "pip", "setuptools", "wheel"}


def compiled_advice(error: str, packages: Path) -> list[str]:
    """Returns a line for each distribution in a folder that has compiled code and is named in the error."""
    lines = []
    for distribution in metadata.distributions(path=[str(packages)]):
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        files = [file for file in distribution.files or [] if file.name.endswith(_ENDINGS)]
        if not files or name in _TOOLS:
            continue
        # Libraries that a wheel brings along, in folders such as `numpy.libs`, are named like nothing that the author knows.
        files = [file for file in files if not file.parts[0].endswith(".libs")] or files
        modules = {file.parts[0].split(".")[0] for file in files} | {name.replace("-", "_")}
        if any(re.search(rf"\b{re.escape(module)}\b", error) for module in modules):
            instead = INSTEAD.get(name)
            advice = f"use {instead}" if instead else "use a package in pure Python, or write the step in Rust"
            lines.append(f"{name} has compiled code ({files[0].name}), which a component cannot load: {advice}")
    return sorted(lines)
