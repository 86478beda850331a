"""The build of a step up to the call of componentize-py. The end-to-end tests cover the rest."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
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


def test_a_project_contains_the_name_module_and_dependencies_of_the_step(folder):
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
        (None, "pyproject.toml: No such file or directory"),
        ("name = ", "pyproject.toml is not valid TOML: "),
        ("[tool]", "`[project]` has no `name`"),
        ("[project]\nname = 1", "`name` must be a text"),
        ('[project]\nname = "tokenize"', "the module `tokenize` has the name of a module of the standard library, "),
        ('[project]\nname = "other"', "contains neither other.py nor src/other.py; "),
    ],
)
def test_a_mistake_in_a_project_is_reported(folder, text, message, capsys):
    if text is None:
        (folder / "pyproject.toml").unlink()
    else:
        (folder / "pyproject.toml").write_text(text)
    with pytest.raises(ProjectError, match="(?s)" + message.replace("[", r"\[").replace("(", r"\(")):
        read_project(folder)
    if importlib.util.find_spec("componentize_py"):
        assert build.main(["--output", str(folder / "out.wasm"), str(folder)]) == 1
        assert message in capsys.readouterr().err


def test_files_that_are_not_code_of_the_step_are_not_copied(folder, tmp_path_factory):
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


def test_files_that_code_in_the_component_may_have_written_are_not_trusted(tmp_path):
    path = tmp_path / "report.json"
    assert build._read_made(path) is None
    path.write_bytes(b"{}")
    assert build._read_made(path) == b"{}"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ProjectError, match="the step's code has replaced the file report.json of the build"):
        build._read_made(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ProjectError, match="replaced the file report.json"):
        build._read_made(path)


@pytest.mark.parametrize("content", [b"\xff", b"[]", b"{", b'{"place": "", "lines": [1]}', b"null", b"[" * 200_000])
def test_a_report_of_another_form_is_an_error(folder, monkeypatch, content):
    def componentize(command, cwd, **options):
        (cwd / "sdk" / "report.json").write_bytes(content)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(build.subprocess, "run", componentize)
    monkeypatch.setattr(build, "worlds", lambda *_: [])
    with pytest.raises(ProjectError, match="replaced the file report.json"):
        build.build(read_project(folder), folder / "words.wasm")


def test_an_output_that_cannot_be_written_is_reported_in_one_line(folder, capsys):
    pytest.importorskip("componentize_py")
    output = folder / "count_words.py" / "out.wasm"
    assert build.main(["--output", str(output), str(folder)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and "count_words.py" in message and message.count("\n") == 1


def test_a_missing_componentize_py_is_reported_in_one_line(folder, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert build.main(["--output", str(folder / "out.wasm"), str(folder)]) == 3
    message = capsys.readouterr().err
    assert message == "error: componentize-py is missing: run `python -m pip install componentize-py==0.25.1`\n"


def test_a_terminated_build_removes_its_temporary_files(folder, tmp_path_factory, monkeypatch):
    pytest.importorskip("componentize_py")
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    output = folder / "made" / "out.wasm"

    def terminate(project, stage, made, report):
        assert list(temporary.iterdir()) and list(output.parent.iterdir())
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(build, "_componentize", terminate)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            build.main(["--output", str(output), str(folder)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
    assert not list(temporary.iterdir()) and not list(output.parent.iterdir())
