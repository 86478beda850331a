"""The modules of a step that a component for tests gets, and the imports that are part of its base."""

from __future__ import annotations

from importlib import metadata

import pytest

from stillbox_sdk.modules import NeedsWholeError, StepModules
from stillbox_sdk.project import read_project


@pytest.fixture
def step(tmp_path):
    """Writes the files of a step, and returns its modules."""

    def write(main, files=(), dependencies=""):
        manifest = f'[project]\nname = "a"\nversion = "1"\ndependencies = ["stillbox-sdk"{dependencies}]\n'
        for name, text in {"pyproject.toml": manifest, "a.py": main, **dict(files)}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        project = read_project(tmp_path)
        return StepModules(project, tmp_path / project.prefix)

    return write


def test_only_imports_that_always_run_are_required(step):
    code = """
import json, local_module, xmlrpc.client
from concurrent import futures, interpreters_of_another_version
from stillbox_sdk import http, step
from os.path import join
try:
    import missing_module
except ImportError:
    import wave
def late():
    import sched
    from . import nothing
async def later():
    pass
"""
    found = step(code, {"local_module.py": "import mailbox\nif x:\n    import other\n", "other.py": "import cmd\n"})
    # Modules that all bases have are left out.
    assert found.required == {"concurrent", "mailbox", "stillbox_sdk", "xmlrpc.client"}
    optional = {"asyncio", "cmd", "concurrent.futures", "sched", "stillbox_sdk.event_loop", "stillbox_sdk.http", "wave"}
    assert found.optional - {"stillbox_sdk.step"} == optional
    assert sorted(found.files) == ["a.py", "local_module.py", "other.py"]


def test_modules_that_the_step_does_not_import_are_left_out(step):
    files = {"conftest.py": "import pytest\n", "setup.py": "import setuptools\n", "template.py": "def {{ name }}():\n", "tools/x.py": "import pytest\n"}
    found = step("import string\n", files)
    assert (found.required, found.optional, list(found.files)) == (set(), set(), ["a.py"])


def test_packages_and_relative_imports_are_followed(step):
    files = {
        "pack/__init__.py": "from .one import f\n",
        "pack/one.py": "from . import two\nfrom .deep.three import *\n",
        "pack/two.py": "import wave\n",
        "pack/deep/three.py": "from ..four import x\n",
        "pack/four.py": "import sched\n",
        "pack/unused.py": "import pytest\n",
        "space/inside.py": "import cmd\n",
        "star/__init__.py": "__all__ = ['hidden']\n",
        "star/hidden.py": "",
    }
    found = step("import pack.one\nimport space.inside\nfrom star import *\n", files)
    assert sorted(found.files) == ["a.py", *sorted(name for name in files if "unused" not in name)]
    assert found.required == {"wave", "sched", "cmd"}


def test_a_module_is_read_in_its_encoding(step):
    found = step("import latin, marked\n", {"latin.py": b"# coding: latin-1\nX = '\xe4'\n", "marked.py": b"\xef\xbb\xbfX = 1\n"})
    assert found.files["latin.py"].endswith("X = 'ä'\n")
    assert found.files["marked.py"] == "X = 1\n"


@pytest.mark.parametrize(
    "files",
    [
        {"pipeline.toml": "", "output.jsonl": "", "words.txt": "", "LICENSE": ""},
        {"output/part-1.parquet": "", "docs/image.png": ""},
    ],
)
def test_files_that_no_module_can_find_are_no_data(step, files):
    assert step("import re\n", files).files == {"a.py": "import re\n"}


@pytest.mark.parametrize(
    "code",
    [
        "from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text()\n",
        "from importlib.resources import files\n",
        "import importlib.metadata\n",
        "import pkgutil\n",
        "def f(): return __spec__.origin\n",
        "X = globals()['__file__']\n",
        "import sys\nX = sys.path[0]\n",
        "import inspect\nX = inspect.getsourcefile(f)\n",
        "X = __import__('b')\n",
        "import broken\n",
        "def f():\n    import broken\n",
        "import latin\n",
        "import nowhere_at_all\n",
    ],
)
def test_a_step_whose_modules_an_instance_may_not_import_needs_a_component_of_its_own(step, code):
    files = {"broken.py": "def f(:\n", "latin.py": b"X = '\xe4'\n"}
    with pytest.raises(NeedsWholeError):
        step(code, files)
    # A module that is not imported may do it.
    step("import re\n", {**files, "conftest.py": code})


def test_a_dependency_with_data_needs_a_component_of_the_step(step, monkeypatch):
    contents = {"plain": ["plain/__init__.py", "plain/py.typed", "plain-1.dist-info/METADATA", "../../bin/plain"]}
    contents["words"] = [*contents["plain"], "words/all.txt"]

    class Distribution:
        def __init__(self, name):
            self.files = [metadata.PackagePath(file) for file in contents[name]]

    monkeypatch.setattr(metadata, "distribution", Distribution)
    step("import re\n", {"words.txt": ""}, ', "plain>=1"')
    with pytest.raises(NeedsWholeError, match="words has the file words/all.txt"):
        step("import re\n", {}, ', "words"')
    # A library may get the name of a package of the step, and read its data.
    with pytest.raises(NeedsWholeError, match="templates/page.html may be data"):
        step("import re\n", {"templates/page.html": ""}, ', "plain>=1"')
