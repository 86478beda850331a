"""The modules that an instance of a base imports with the step. Each test has an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import sys
from stillbox_sdk.late_modules import HiddenModules, NoFiles, StepFinder
hidden = HiddenModules()
sys.meta_path.insert(0, hidden)
for name in ("wave", "xmlrpc", "xmlrpc.client", "missing_module", "sched", "broken"):
    hidden.hide(name)
def fails(name):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        return str(error) == f"No module named {name!r}" and error.name == name
sys.path.clear()
sys.path_importer_cache.clear()
files = {"a.py": "import pack.one\\n", "pack/__init__.py": "", "pack/one.py": "X = 1\\ndef f():\\n    raise ValueError\\n", "space/b.py": ""}
step = StepFinder("/0/", files)
sys.meta_path[:] = [step, hidden, NoFiles(), *sys.meta_path[1:]]
"""


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", PRELUDE + code], check=True)


@pytest.mark.parametrize(
    "code",
    [
        "assert 'wave' not in sys.modules and 'xmlrpc.client' not in sys.modules",
        "import wave\nassert sys.modules['wave'] is wave and wave.__spec__.name == 'wave' and wave.__spec__.origin == wave.__file__",
        # A module brings those that it imports, and no others.
        "import xmlrpc.client\nassert xmlrpc.client.ServerProxy and 'http.client' in sys.modules and 'wave' not in sys.modules",
        "import struct\nassert 'wave' not in sys.modules",
        "import decimal\nassert 'numbers' in sys.modules and 'xmlrpc' not in sys.modules",
        "import xmlrpc\nassert not hasattr(xmlrpc, 'client') and 'xmlrpc.client' not in sys.modules",
        "from xmlrpc import client\nassert client.ServerProxy and sys.modules['xmlrpc'].client is client",
        "import wave as first\nimport wave as second\nassert first is second",
        "assert fails('missing_module') and fails('nowhere')",
    ],
)
def test_a_hidden_module_is_imported_only_by_the_step(code: str) -> None:
    run(code)


def test_modules_of_the_step_are_found_in_texts() -> None:
    run(
        "import a, space.b\nfrom pack import one\n"
        "assert (one.X, one.__file__, one.__package__, sys.modules['pack'].__path__) == (1, '/0/pack/one.py', 'pack', ['/0/pack'])\n"
        "import linecache\nassert linecache.getline('/0/pack/one.py', 3) == '    raise ValueError\\n'"
    )


def test_no_module_is_found_after_the_step_is_imported() -> None:
    run("import wave\nsys.meta_path[:] = sys.meta_path[3:]\nimport wave\nassert fails('pack') and fails('sched') and fails('a')")


def test_no_file_is_searched_for_in_packages() -> None:
    run(
        "import os, pack\ndef fail(*arguments):\n    raise AssertionError(arguments)\n"
        "os.stat = os.listdir = fail\nsys.path_hooks[:] = [fail]\n"
        "assert fails('pack.nothing') and fails('json.nothing')"
    )
