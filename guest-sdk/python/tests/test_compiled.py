"""The advice for distributions with compiled code."""

from __future__ import annotations

from pathlib import Path

from stillbox_sdk.compiled import compiled_advice


def install(packages: Path, name: str, *files: str) -> None:
    info = packages / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def test_distributions_with_compiled_code_are_named_if_the_error_names_them(tmp_path: Path) -> None:
    install(tmp_path, "numpy", "numpy/__init__.py", "numpy/_core/_umath.cpython-312-x86_64-linux-gnu.so")
    install(tmp_path, "pydantic_core", "pydantic_core/_pydantic_core.abi3.so")
    install(tmp_path, "fast-words", "_fast_words.abi3.so")
    install(tmp_path, "pure", "pure/__init__.py")
    error = "step.py:1: ModuleNotFoundError: No module named 'numpy._core._umath'"
    assert compiled_advice(error, tmp_path) == [
        "numpy has compiled code (_umath.cpython-312-x86_64-linux-gnu.so), which a component cannot load: use lists and the module "
        "`array`; a column of vectors is a list of floats"
    ]
    [line] = compiled_advice("ImportError: cannot import name 'x' from '_fast_words'", tmp_path)
    assert line.endswith("use a package in pure Python, or write the step in Rust")
    assert compiled_advice("ValueError: pure numbers", tmp_path) == []
