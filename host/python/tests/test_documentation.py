"""The examples of `docs/python.md` run, and its table is complete. `test_ray.py` runs those of `docs/ray.md`."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import ROOT, examples, prepare_examples

import stillbox

Guests = dict[str, Path]

@pytest.fixture
def folder(guests: Guests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    prepare_examples(tmp_path, guests, monkeypatch)
    return tmp_path


def test_the_examples_of_the_page_on_python_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    duckdb, datasets = pytest.importorskip("duckdb"), pytest.importorskip("datasets")
    rows = {"text": ["a text of five words", "short"]}
    names: dict[str, Any] = {
        "table": pa.table(rows),
        "pandas_frame": pandas.DataFrame(rows),
        "polars": polars,
        "polars_frame": polars.DataFrame(rows),
        "duckdb": duckdb,
        "articles": pa.table(rows),
        "dataset": datasets.Dataset.from_dict(rows),
    }
    for example in examples("python.md"):
        exec(compile(example, "docs/python.md", "exec"), names)  # noqa: S102
    assert names["table"].num_rows == 2
    assert (names["report"].rows_in, names["report"].sinks[0].rows) == (2, 1)
    assert len(names["cleaned"]) == 2
    assert "2\n" in capsys.readouterr().out


def test_the_table_of_arguments_is_complete() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(inspect.signature(stillbox.Step).parameters)


def test_everything_public_has_a_description() -> None:
    import stillbox.ray

    for module in [stillbox, stillbox.ray]:
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value):
                continue
            assert inspect.getdoc(value), name
            for member, inner in vars(value).items() if inspect.isclass(value) else []:
                if not member.startswith("_") and (callable(inner) or isinstance(inner, property)):
                    assert inspect.getdoc(inner), f"{name}.{member}"


def test_the_stubs_have_what_the_native_half_has() -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "stillbox._stillbox"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
