"""The mistakes that are found before the compiler runs."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from stillbox_sdk.missing_modules import missing_hint
from stillbox_sdk.newer_syntax import may_be_newer
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
    assert error.startswith("src/words.py:2: ModuleNotFoundError: No module named 'nowhere'\n  hint: a module of the step is a file `nowhere.py` next to its main module; a package is added to "), error


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
    assert "a package is added to `dependencies` in pyproject.toml, as `pyyaml`" in (missing_hint("yaml") or "")
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


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python has the syntax of a component")
@pytest.mark.parametrize(
    "code",
    ['x = t"{1}"\n', "try:\n    pass\nexcept ValueError, TypeError:\n    pass\n", 'x = "\\N{LEAF OF AN UNKNOWN TREE}"\n', "\U0001c8ff = 1\n"],
)
def test_syntax_that_may_be_newer_than_this_python_is_left_to_the_compiler(tmp_path: Path, code: str) -> None:
    assert checked(tmp_path, code) is None
    (tmp_path / "helper.py").write_text(code)
    assert checked(tmp_path, "import helper\n") is None


@pytest.mark.parametrize(
    ("code", "version"),
    [
        ("f'{x['a']}'", (3, 12)),
        ("RF'{x!r}'", (3, 12)),
        ("type Row = int", (3, 12)),
        ("def first[T](x: T) -> T: ...", (3, 12)),
        ("class Box[T = int]: ...", (3, 13)),
        ("try: ...\nexcept E:\n    global x", (3, 13)),
        ("try: ...\nexcept (A), B: ...", (3, 14)),
        ("try: ...\nexcept* A, b.C: ...", (3, 14)),
        ("Tr'{x}'", (3, 14)),
    ],
)
def test_syntax_counts_as_newer_before_the_version_that_has_it(code: str, version: tuple[int, int]) -> None:
    error = SyntaxError("invalid syntax")
    assert may_be_newer(code.encode(), error, (version[0], version[1] - 1))
    assert not may_be_newer(code.encode(), error, (3, 14))


def test_an_error_far_from_a_text_that_may_be_newer_is_certain() -> None:
    code = b"if (n := 1):\n\n\n    text = f'{n}'\nx = = 1\n"
    error = SyntaxError("invalid syntax", ("words.py", 5, 5, "x = = 1", 5, 6))
    assert not may_be_newer(code, error, (3, 11))
    for message, line in [("invalid syntax", 4), ("f-string: expecting '}'", 5), ("unterminated string literal (detected at line 5)", 5)]:
        assert may_be_newer(code, SyntaxError(message, ("words.py", line, 1, None, line, 2)), (3, 11))


def test_an_error_in_a_module_without_newer_syntax_is_certain() -> None:
    code = b"import re\ntry:\n    x = type(re)\nexcept (ValueError, TypeError) as error:\n    text = 'it'\ndef f(:\n"
    assert not may_be_newer(code, SyntaxError("invalid syntax"), (3, 11))


@pytest.mark.parametrize("value", ["+".join(["1"] * 20_000), "-" * 20_000 + "1"])
def test_an_expression_that_is_too_deep_for_this_python_is_left_to_the_compiler(tmp_path: Path, value: str) -> None:
    (tmp_path / "table.py").write_text(f"x = {value}\n")
    assert checked(tmp_path, "import table\n") is None


def test_warnings_that_are_errors_are_no_mistakes(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checked(tmp_path, 'x = "\\d"\n') is None


@pytest.mark.parametrize(
    "init",
    [
        "inner = 1\n",
        "def inner(): ...\n",
        "from json import dumps as inner\n",
        "import json.tool as inner\n",
        "try:\n    from json import *\nfinally:\n    pass\n",
        "def __getattr__(name): ...\n",
        "globals()['inner'] = 1\n",
        "match {}:\n    case {**inner}:\n        pass\n",
    ],
)
def test_a_name_that_a_package_defines_is_not_its_module(tmp_path: Path, init: str) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "inner.py").write_text("import nowhere\n")
    (tmp_path / "helpers" / "__init__.py").write_text(init)
    assert checked(tmp_path, "from helpers import inner\n") is None
    (tmp_path / "helpers" / "__init__.py").write_text("from . import inner\nother = 1\n")
    assert checked(tmp_path, "from helpers import inner\n") is not None


def test_a_folder_next_to_a_module_of_its_name_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "inner.py").write_text("import nowhere\n")
    assert checked(tmp_path, "from helpers import inner\n") is not None
    (tmp_path / "helpers.py").write_text("inner = 1\n")
    assert checked(tmp_path, "from helpers import inner\n") is None


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.path.insert(0, 'lib')\n",
        "from sys import path\npath.append('lib')\n",
        "import sys as system\nsystem.path.append('lib')\n",
        "import sys, types\nsys.modules['nowhere'] = types.ModuleType('nowhere')\n",
        "import site\nsite.addsitedir('lib')\n",
    ],
)
def test_a_missing_module_is_no_mistake_if_the_step_may_change_where_modules_are(tmp_path: Path, code: str) -> None:
    (tmp_path / "setup_paths.py").write_text(code)
    for line in ("import nowhere", "import ctypes"):
        assert checked(tmp_path, f"import setup_paths\n{line}\n") is None
    (tmp_path / "setup_paths.py").write_text("import os.path\n")
    assert checked(tmp_path, "import setup_paths\nimport nowhere\n") is not None
