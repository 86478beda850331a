"""Compiling a step, up to where componentize-py takes over; the host's tests go on from there."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import tempfile

import pytest

from stillbox_sdk import build
from stillbox_sdk.project import ProjectError, read_project


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "Count_Words"\nversion = "1.2.3"\ndescription = "Counts."\ndependencies = ["stillbox-sdk>=0.1"]\n'
    )
    (tmp_path / "count_words.py").write_text("")
    return tmp_path


def test_a_project_says_what_the_step_is(folder):
    project = read_project(folder)
    assert (project.name, project.version, project.description) == ("count-words", "1.2.3", "Counts.")
    assert (project.module, project.prefix, project.has_dependencies) == ("count_words", "", False)
    (folder / "src" / "other").mkdir(parents=True)
    (folder / "src" / "other" / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndependencies = ["stillbox_sdk", "attrs"]\n[tool.stillbox]\nmodule = "other"\n'
    )
    project = read_project(folder)
    assert (project.module, project.prefix, project.has_dependencies) == ("other", "src/", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "pyproject.toml cannot be read: No such file or directory"),
        ("name = ", "pyproject.toml is no TOML: "),
        ("[tool]", "`[project]` has no `name`"),
        ("[project]\nname = 1", "`name` must be a text"),
        ('[project]\nname = "tokenize"', "the module `tokenize` has the name of one of Python's own, "),
        ('[project]\nname = "other"', "the module `other` is missing: there is neither other.py nor src/other.py in "),
    ],
)
def test_what_is_wrong_with_a_project_is_told(folder, text, message, capsys):
    if text is None:
        (folder / "pyproject.toml").unlink()
    else:
        (folder / "pyproject.toml").write_text(text)
    with pytest.raises(ProjectError, match="(?s)" + message.replace("[", r"\[").replace("(", r"\(")):
        read_project(folder)
    if importlib.util.find_spec("componentize_py"):
        assert build.main(["--output", str(folder / "out.wasm"), str(folder)]) == 1
        assert message in capsys.readouterr().err


def test_what_is_no_code_is_left_out(folder, tmp_path_factory):
    for name in ("tests/data", ".venv/lib", "words/target", "words/__pycache__", "build/lib"):
        (folder / name).mkdir(parents=True)
        (folder / name / "some.py").write_text("")
    (folder / "words" / "dangling").symlink_to(folder / "nowhere")
    target = tmp_path_factory.mktemp("stage") / "step"

    def copied():
        build._copy_step(read_project(folder), target)
        found = sorted(path.relative_to(target).as_posix() for path in target.rglob("*.py"))
        shutil.rmtree(target)
        return found

    assert copied() == ["count_words.py", "words/target/some.py"]
    (folder / "build" / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text('[project]\nname = "a"\n[tool.stillbox]\nmodule = "build"\n')
    assert copied() == ["build/__init__.py", "build/lib/some.py", "count_words.py", "words/target/some.py"]


def test_an_output_that_cannot_be_written_is_told(folder, capsys):
    pytest.importorskip("componentize_py")
    output = folder / "count_words.py" / "out.wasm"
    assert build.main(["--output", str(output), str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "count_words.py" in said and said.count("\n") == 1


def test_without_componentize_py_there_is_one_line(folder, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert build.main(["--output", str(folder / "out.wasm"), str(folder)]) == 3
    said = capsys.readouterr().err
    assert said == "error: componentize-py is missing: run `python -m pip install componentize-py==0.25.1`\n"


def test_a_build_that_is_told_to_end_leaves_nothing_behind(folder, tmp_path_factory, monkeypatch):
    pytest.importorskip("componentize_py")
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    output = folder / "made" / "out.wasm"

    def told_to_end(project, stage, made, report):
        assert list(temporary.iterdir()) and list(output.parent.iterdir())
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(build, "_componentize", told_to_end)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            build.main(["--output", str(output), str(folder)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
    assert not list(temporary.iterdir()) and not list(output.parent.iterdir())
