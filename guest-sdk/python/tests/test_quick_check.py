"""The mistakes that are found before the compiler runs."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert error.startswith("src/words.py:2: ModuleNotFoundError: No module named 'nowhere'\n  hint: install it "), error


def test_imports_that_may_fail_or_exist_in_the_component_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    code = "try:\n    import nowhere\nexcept ImportError:\n    pass\nimport other, json, wit_world\nfrom . import x\n"
    assert checked(tmp_path, code) is None
