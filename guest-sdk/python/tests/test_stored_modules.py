"""Modules of packages that are imported when their files are gone. Each test has an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PRELUDE = """
import traceback
import sys
sys.path.insert(0, FOLDER)
import pack
from stillbox_sdk.stored_modules import StoredModules
sys.meta_path.insert(0, StoredModules(list(sys.modules.values()), FOLDER))
import shutil
shutil.rmtree(FOLDER)
sys.path.clear()
sys.path_importer_cache.clear()
def fails(name):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        return str(error) == f"No module named {name!r}" and error.name == name
"""


def run(folder: Path, code: str) -> None:
    files = {
        "pack/__init__.py": "X = 1",
        "pack/late.py": "# -*- coding: latin-1 -*-\nfrom . import X\ndef f():\n    raise ValueError('here')\n",
        "pack/sub/__init__.py": "",
        "pack/sub/deep.py": "Y = 2",
        "pack/tests/__init__.py": "",
        "pack/not-a-name.py": "",
        "other.py": "",
        "unused/__init__.py": "",
    }
    for name, text in files.items():
        path = folder / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    prelude = PRELUDE.replace("FOLDER", repr(str(folder / "packages") + "/"))
    subprocess.run([sys.executable, "-c", prelude + code], check=True)


def test_modules_of_an_imported_package_are_found_without_files(tmp_path: Path) -> None:
    run(tmp_path, "import pack.late, pack.sub.deep\nassert pack.late.X == 1 and pack.sub.deep.Y == 2 and pack.sub.__path__")


def test_a_trace_has_the_lines_of_a_stored_module(tmp_path: Path) -> None:
    run(
        tmp_path,
        "import pack.late\ntry:\n    pack.late.f()\nexcept ValueError:\n"
        "    assert \"raise ValueError('here')\" in traceback.format_exc()",
    )


def test_other_modules_are_not_found(tmp_path: Path) -> None:
    run(tmp_path, "assert fails('pack.missing') and fails('pack.tests') and fails('other') and fails('unused')")


def test_every_encoding_is_found_without_files(tmp_path: Path) -> None:
    code = "stored = sys.meta_path[0]\nassert stored.find_spec('encodings.punycode').loader is stored and fails('encodings.missing')"
    run(tmp_path, code + "\nassert 'ä'.encode('punycode') == b'4ca'")
