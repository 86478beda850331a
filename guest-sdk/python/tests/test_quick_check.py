"""The mistakes that are found before the compiler runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillbox_sdk.missing_modules import missing_hint
from stillbox_sdk.project import Project, ProjectError
from stillbox_sdk.quick_check import check


def checked(folder: Path, code: str) -> str | None:
    (folder / "words.py").write_text(code)
    try:
        check(Project(folder, "words", "1", "", "words", "src/", False), folder)
    except ProjectError as error:
        return str(error)
    return None


def test_a_syntax_error_is_reported_with_its_place(tmp_path: Path) -> None:
    error = checked(tmp_path, "import json\ndef f(:\n")
    assert error is not None
    assert error.startswith("src/words.py:2:7: SyntaxError: "), error
    assert error.endswith("\n  def f(:")
    error = checked(tmp_path, "return 1\n")
    assert error is not None
    assert error.startswith("src/words.py:1:1: SyntaxError: 'return' outside function"), error


@pytest.mark.parametrize("line", ["import nowhere.at_all", "from nowhere import x"])
def test_an_import_of_a_module_that_does_not_exist_is_reported(tmp_path: Path, line: str) -> None:
    error = checked(tmp_path, f"import os\n{line}\n")
    assert error is not None
    assert error.startswith("src/words.py:2: ModuleNotFoundError: No module named 'nowhere'\n  hint: if it is a package, add `nowhere` to "), error


def test_imports_that_may_fail_or_exist_in_the_component_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    code = "try:\n    import nowhere\nexcept ImportError:\n    pass\nimport other, json, wit_world\nfrom . import x\n"
    assert checked(tmp_path, code) is None


@pytest.mark.parametrize(
    ("code", "module", "hint"),
    [
        ("import ctypes", "ctypes", "a component has no module `ctypes`: use a package in pure Python, "),
        ("from ctypes import util", "ctypes", "a component has no module `ctypes`: "),
        ("import tkinter.ttk", "tkinter.ttk", "a component has no module `tkinter`: a step has neither a terminal nor a screen: "),
        ("import os, ssl", "ssl", "a component has no module `ssl`: a step has no sockets: "),
        ("from compression import zstd", "compression.zstd", "a component has no module `compression.zstd`: of the modules for "),
        ("import cgi", "cgi", "the Python of a component has no module `cgi` any more: use "),
    ],
)
def test_a_module_that_a_component_lacks_has_a_hint_of_its_own(tmp_path: Path, code: str, module: str, hint: str) -> None:
    error = checked(tmp_path, f"{code}\n")
    assert error is not None
    assert error.startswith(f"src/words.py:1: ModuleNotFoundError: No module named '{module}'\n  hint: {hint}"), error


def test_a_package_that_is_not_installed_is_named_by_its_distribution() -> None:
    assert (missing_hint("yaml") or "").startswith("if it is a package, add `pyyaml` to `dependencies` in pyproject.toml")
    assert (missing_hint("numpy") or "").startswith("numpy does not work in a component, because of compiled code: use lists ")


def test_modules_that_only_the_python_of_a_component_has_are_accepted(tmp_path: Path) -> None:
    assert checked(tmp_path, "import annotationlib\nfrom compression import gzip\nimport sqlite3\n") is None


def test_a_module_of_the_step_takes_the_place_of_one_that_a_component_lacks(tmp_path: Path) -> None:
    (tmp_path / "readline.py").write_text("x = 1\n")
    assert checked(tmp_path, "import readline\n") is None


@pytest.mark.parametrize(
    "code",
    [
        "import helpers.inner",
        "from helpers import inner",
        "from helpers.inner import value",
        "import other",
    ],
)
def test_a_syntax_error_in_a_module_that_is_imported_is_reported(tmp_path: Path, code: str) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("")
    (tmp_path / "helpers" / "inner.py").write_text("\nvalue = (1\n")
    (tmp_path / "other.py").write_text("import json\nfrom helpers import inner\n")
    error = checked(tmp_path, f"{code}\n")
    assert error is not None
    assert error.startswith("src/helpers/inner.py:2:9: SyntaxError: '(' was never closed"), error


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("from .inner import value\nfrom . import more\n")
    (tmp_path / "helpers" / "inner.py").write_text("value = 1\n")
    (tmp_path / "helpers" / "more.py").write_text("import nowhere\n")
    error = checked(tmp_path, "import helpers\n")
    assert error is not None
    assert error.startswith("src/helpers/more.py:1: ModuleNotFoundError: No module named 'nowhere'"), error


def test_a_syntax_error_in_a_file_that_may_not_be_imported_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "template.py").write_text("{{ name }} = 1 2\n")
    (tmp_path / "newer.py").write_text("(\n")
    assert checked(tmp_path, "def f():\n    import newer\n") is None
