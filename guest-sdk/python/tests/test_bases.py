"""Bases of components for tests: when they are made, and how builds share their folder. The end-to-end tests run them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from stillbox_sdk import bases, worlds
from stillbox_sdk.bases import Bases, base_code, base_key, source
from stillbox_sdk.modules import StepModules
from stillbox_sdk.project import CodeError, ProjectError, read_project

KEY = "0123456789abcdef" * 4
OTHER = "f123456789abcdef" * 4


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "step"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\ndependencies = ["stillbox-sdk"]\n')
    (folder / "a.py").write_text("import json, xmlrpc\nif x:\n    import wave\n")
    return read_project(folder)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "bases"


def component(text):
    """Returns the bytes of a component with a section of this text."""
    section = b"\x04base" + text.encode()
    return b"\0asm\x0d\0\x01\0" + b"\0" + bytes([len(section)]) + section


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_source_has_the_modules_and_the_project(project):
    settings = json.loads(source(project, StepModules(project, project.folder)))
    assert (settings["module"], settings["name"], settings["version"]) == ("a", "a", "1")
    assert settings["files"] == {"a.py": (project.folder / "a.py").read_text()}


def test_a_base_imports_what_the_step_imports_from_others(project):
    code = base_code(StepModules(project, project.folder), "/1/report.json", has_http=False)
    assert "load('/0/', ['xmlrpc'], ['wave'], '/1/report.json', has_http=False)" in code


def test_a_base_depends_on_the_imports_and_the_contract(project, tmp_path, monkeypatch):
    modules = StepModules(project, project.folder)
    key = base_key(project, modules)
    assert key == base_key(project, modules)
    (project.folder / "a.py").write_text("import json, xmlrpc\nX = 1\nif x:\n    import wave\n")
    assert base_key(project, StepModules(project, project.folder)) == key
    (project.folder / "a.py").write_text("import json, xmlrpc, wave\n")
    assert base_key(project, StepModules(project, project.folder)) != key
    contract = tmp_path / "wit"
    shutil.copytree(worlds.contract_folder(), contract)
    monkeypatch.setattr(bases, "contract_folder", lambda: contract)
    assert base_key(project, modules) == key
    with open(contract / "step.wit", "a") as file:
        file.write("// changed\n")
    assert base_key(project, modules) != key


def test_a_base_is_made_once(folder, tmp_path):
    made = []

    def compile_base(path):
        made.append(path)
        path.write_bytes(component(f"base {len(made)}"))

    output = tmp_path / "out.wasm"
    for _ in range(2):
        assert Bases(folder).write(KEY, output, compile_base)
        assert output.read_bytes() == component("base 1")
    assert Bases(folder).write(OTHER, output, compile_base)
    assert output.read_bytes() == component("base 2") and len(made) == 2
    # A base that was removed in the meantime is made again.
    (folder / f"{KEY}.wasm").unlink()
    assert Bases(folder).write(KEY, output, compile_base)
    assert output.read_bytes() == component("base 3")
    # So is one that is truncated, or no component.
    path = folder / f"{KEY}.wasm"
    for number, broken in enumerate([path.read_bytes()[:-1], path.read_bytes()[:9], path.read_bytes() + b"\0", bytes(30)], 4):
        path.write_bytes(broken)
        assert Bases(folder).write(KEY, output, compile_base)
        assert output.read_bytes() == component(f"base {number}") == path.read_bytes()
    assert names(folder) == [".lock", f"{KEY}.wasm", f"{OTHER}.wasm"]


def test_the_bases_that_were_not_used_for_longest_are_removed(folder, tmp_path):
    for number in range(20):
        key = f"{number:064x}"
        Bases(folder).write(key, tmp_path / "out.wasm", lambda path: path.write_text("base"))
        os.utime(folder / f"{key}.wasm", (number, number))
    assert names(folder) == [".lock", *(f"{number:064x}.wasm" for number in range(12, 20))]


def test_a_base_whose_modules_cannot_be_imported_is_not_compiled_again(folder, tmp_path):
    made = []

    def compile_base(path):
        made.append(path)
        path.write_text("half")
        raise CodeError("no")

    for _ in range(2):
        assert not Bases(folder).write(KEY, tmp_path / "out.wasm", compile_base)
    assert len(made) == 1
    assert names(folder) == [".lock", f"{KEY}.wasm"]


@pytest.mark.parametrize("error", [ProjectError("the disk is full"), SystemExit(143)])
def test_a_base_that_cannot_be_made_now_leaves_nothing(folder, tmp_path, error):
    def compile_base(path):
        path.write_text("half")
        raise error

    if isinstance(error, ProjectError):
        assert not Bases(folder).write(KEY, tmp_path / "out.wasm", compile_base)
    else:
        with pytest.raises(SystemExit):
            Bases(folder).write(KEY, tmp_path / "out.wasm", compile_base)
    assert names(folder) == [".lock"]


# Compiles a base for as long as the file `wait` exists, and adds a line to the file `made`.
_BUILD = """
import pathlib, sys, time
from stillbox_sdk.bases import Bases
folder, key = pathlib.Path(sys.argv[1]), sys.argv[2]
def compile_base(path):
    path.write_text("half")
    with open(folder / "made", "a") as file:
        file.write(key + "\\n")
    while (folder / "wait").exists():
        time.sleep(0.01)
    path.write_bytes(b"\\0asm\\x0d\\0\\x01\\0")
assert Bases(folder).write(key, folder / f"out-{sys.argv[3]}", compile_base)
"""


def start(folder, key, number):
    return subprocess.Popen([sys.executable, "-c", _BUILD, str(folder), key, str(number)])


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_builds_at_the_same_time_compile_a_base_once(folder):
    folder.mkdir()
    (folder / "wait").touch()
    builds = [start(folder, KEY, number) for number in range(3)]
    wait_until((folder / "made").exists)
    # Another base does not wait for this one, and leaves its temporary file.
    other = start(folder, OTHER, "other")
    wait_until(lambda: (folder / "made").read_text().count("\n") == 2)
    assert len(list(folder.glob(".*.wasm.*"))) == 2
    (folder / "wait").unlink()
    assert [build.wait() for build in [*builds, other]] == [0] * 4
    assert sorted((folder / "made").read_text().split()) == [KEY, OTHER]
    assert all((folder / f"out-{number}").read_bytes() == b"\0asm\x0d\0\x01\0" for number in range(3))


def test_the_temporary_file_of_a_killed_build_is_removed(folder, tmp_path):
    folder.mkdir()
    (folder / "wait").touch()
    killed = [start(folder, key, key) for key in (KEY, OTHER)]
    wait_until(lambda: len(list(folder.glob(".*.wasm.*"))) == 2)
    for build in killed:
        build.send_signal(signal.SIGKILL)
        build.wait()
    assert Bases(folder).write(KEY, tmp_path / "out.wasm", lambda path: path.write_text("base"))
    assert list(folder.glob(".*.wasm.*")) == []
