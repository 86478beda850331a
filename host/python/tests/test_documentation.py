"""The examples of `docs/python.md` and `docs/ray.md` run, and their tables are complete."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import ROOT

import stillbox

Guests = dict[str, Path]

PIPELINE = """
pipeline = { name = "text" }
source = [{ path = "input.jsonl" }]
step = [{ name = "filter", component = "filter_text.wasm", parameters = { column = "text" } }]
sink = [{ path = "output.jsonl" }]
"""


def examples(page: str, language: str = "python") -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(guests: Guests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that the examples use."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(guests["filter_text"], "filter_text.wasm")
    Path("pipeline.toml").write_text(PIPELINE, encoding="utf-8")
    Path("input.jsonl").write_text('{"text":"a text of five words"}\n{"text":"short"}\n', encoding="utf-8")
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


def test_the_examples_of_the_page_on_ray_run(folder: Path, table: pa.Table, run_python: Any) -> None:
    pytest.importorskip("ray")
    # On a cluster of its own, in a process of its own: the other tests have one.
    program = """
import sys
import ray, ray.data
import stillbox

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
ds = ray.data.from_items([{"text": "a text of five words"}, {"text": "short"}])
step = stillbox.Step("filter_text.wasm", parameters={"column": "text", "min-words": 5})
for example in sys.argv[1:]:
    exec(compile(example, "docs/ray.md", "exec"))
assert report.sinks[0].rows == 2, report
assert [row["text"] for row in rows] == ["a text of five words"], rows
"""
    found = examples("ray.md")
    assert len(found) == 2
    done = run_python(program, *found)
    assert done.returncode == 0, done.stderr


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
