"""Bases of components for tests: what is part of them, and when they are made. The end-to-end tests run them."""

from __future__ import annotations

import json

import pytest

from stillbox_sdk import bases
from stillbox_sdk.project import ProjectError, read_project

_CODE = """
import json, local_module
from email import message, policy
from os.path import join
from .relative import this
try:
    import missing_module
except ImportError:
    import decimal
def late():
    import fractions
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "step"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\ndependencies = ["stillbox-sdk"]\n')
    (folder / "a.py").write_text(_CODE)
    (folder / "local_module.py").write_text("import base64\n")
    return read_project(folder)


def test_the_source_has_the_modules_and_their_imports(project, tmp_path):
    found = bases.write_source(project, project.folder, tmp_path / "a.source")
    assert found is not None
    assert found.required == ["base64", "email", "json", "os.path"]
    assert found.optional == ["decimal", "email.message", "email.policy", "fractions", "os.path.join"]
    settings = json.loads((tmp_path / "a.source").read_text())
    assert (settings["module"], settings["name"], settings["version"]) == ("a", "a", "1")
    assert settings["files"] == {"a.py": _CODE, "local_module.py": "import base64\n"}


@pytest.mark.parametrize(("name", "content"), [("words.txt", b"a"), ("late.py", b"("), ("latin.py", b"'\xe4'")])
def test_a_step_with_other_files_needs_its_own_component(project, tmp_path, name, content):
    (project.folder / "README.md").write_text("# a\n")
    assert bases.write_source(project, project.folder, tmp_path / "a.source") is not None
    (project.folder / name).write_bytes(content)
    assert bases.write_source(project, project.folder, tmp_path / "a.source") is None


def test_a_base_is_made_once_for_the_same_imports(project, tmp_path):
    made = []

    def compile_base(code, path):
        made.append(code)
        path.write_text(code)

    folder = tmp_path / "bases"
    imports = bases.Imports(["json"], ["decimal"])
    first = bases.base(project, imports, folder, compile_base)
    assert bases.base(project, imports, folder, compile_base) == first
    assert len(made) == 1 and "load('/0/', ['json'], ['decimal'], has_http=False)" in made[0]
    assert bases.base(project, bases.Imports(["json", "decimal"], []), folder, compile_base) != first
    # The ones that were not used for longest are removed.
    for number in range(20):
        bases.base(project, bases.Imports([f"m{number}"], []), folder, compile_base)
    assert len(list(folder.iterdir())) == 8


def test_a_base_that_cannot_be_made_leaves_nothing(project, tmp_path):
    def compile_base(code, path):
        path.write_text("half")
        raise ProjectError("no")

    assert bases.base(project, bases.Imports(["json"], []), tmp_path / "bases", compile_base) is None
    assert list((tmp_path / "bases").iterdir()) == []
