"""Names the installed distributions with compiled code, which a component cannot load, in the error of a step that needs them."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

# Compiled for the machine that builds the step, and not for components.
_ENDINGS = (".so", ".pyd", ".dylib")

# The tools that compile a step, which are no part of it.
_TOOLS = {"componentize-py", "pip", "setuptools", "wheel"}

_INSTEAD = {
    "lxml": "bs4 with the parser `html.parser`, or xml.etree",
    "numpy": "lists and the module `array`; a column of vectors is a list of floats",
    "onnxruntime": "a model that the step asks",
    "orjson": "the module `json`",
    "pandas": "the columns of a batch, which are lists",
    "pillow": "a step in Rust with the crate `image`",
    "polars": "the columns of a batch, which are lists",
    "pyarrow": "the columns of a batch, which are lists",
    "pydantic": "dataclasses, which also define columns and parameters",
    "pydantic-core": "dataclasses, which also define columns and parameters",
    "regex": "the module `re`",
    "scikit-learn": "a step in Rust, or a model that the step asks",
    "scipy": "the modules `math` and `statistics`, or a step in Rust",
    "spacy": "a step in Rust, or a model that the step asks",
    "tiktoken": "a step in Rust with the crate `tiktoken-rs`",
    "tokenizers": "a step in Rust with the crate `tokenizers`",
    "torch": "a model that the step asks",
    "transformers": "a model that the step asks",
}


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
            instead = _INSTEAD.get(name)
            advice = f"use {instead}" if instead else "use a package in pure Python, or write the step in Rust"
            lines.append(f"{name} has compiled code ({files[0].name}), which a component cannot load: {advice}")
    return sorted(lines)
