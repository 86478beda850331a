"""A pipeline with everything that a cluster has to do as one machine does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import stillbox


def write_pipeline(folder: Path, guests: dict[str, Path], rows: int) -> Path:
    """Writes a pipeline with two files and a step as sources, a route, dropped rows, a diamond, larger batches, two aggregates, bad
    rows and rejects.
    """
    languages = ["en", "de", "fr"]
    lines = [
        json.dumps({"id": number % 997, "lang": languages[number % 3], "text": f"Text  number {number % 50} of  words"})
        for number in range(rows)
    ]
    lines.insert(150, '{"id":150,"lang":')
    (folder / "articles.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    more = "".join(f"{number},{languages[number % 2]},\"more,  {number % 7}\"\n" for number in range(500))
    (folder / "more.csv").write_text("id,lang,text\n" + more, encoding="utf-8")
    path = folder / "pipeline.toml"
    path.write_text(
        f"""
[pipeline]
name = "all"
batch-rows = 100
[[source]]
name = "articles"
path = "articles.jsonl"
on-bad-row = "reject"
[[source]]
name = "more"
path = "more.csv"
[[step]]
name = "made"
component = "{guests["generate_rows"]}"
[step.parameters]
rows = 500
into = "id"
start = 5000
columns = [{{ name = "lang", kind = "choice", choices = ["en", "de", "es"] }}, {{ name = "text", kind = "text" }}]
[[step]]
name = "clean"
component = "{guests["normalize_text"]}"
from = ["articles", "more", "made"]
combine = "rows"
parameters = {{ column = "text" }}
route = {{ by = "column", column = "lang", cases = {{ en = "english" }}, otherwise = "others" }}
[[step]]
name = "english"
component = "{guests["filter_text"]}"
parameters = {{ column = "text", min-words = 4 }}
[[step]]
name = "others"
component = "{guests["bad_error"]}"
from = "clean"
on-failure = "reject"
[[step]]
name = "features"
component = "{guests["text_features"]}"
from = ["english", "others"]
combine = "rows"
parameters = {{ column = "text" }}
[[step]]
name = "left"
component = "{guests["template"]}"
from = "features"
parameters = {{ template = "{{id}}-{{n_words}}", into = "key" }}
instance = "worker"
[[step]]
name = "right"
component = "{guests["hash_column"]}"
from = "features"
parameters = {{ column = "text", into = "hash" }}
concurrency = 1
[[step]]
name = "sorted"
component = "{guests["sort"]}"
from = ["left", "right"]
combine = "columns"
parameters = {{ keys = [{{ column = "id" }}] }}
[[step]]
name = "marked"
component = "{guests["template"]}"
from = "sorted"
parameters = {{ template = "{{key}}!", into = "key" }}
batch-rows = 700
[[step]]
name = "groups"
component = "{guests["group_by"]}"
from = "marked"
parameters = {{ columns = ["lang", "n_words"], aggregates = [{{ function = "count", into = "rows" }}] }}
[[sink]]
path = "marked.jsonl.gz"
from = "marked"
[[sink]]
path = "groups.csv"
from = "groups"
[[sink]]
path = "left.parquet"
from = "left"
[rejects]
path = "rejects.jsonl"
""",
        encoding="utf-8",
    )
    return path


def outputs(pipeline: Path) -> dict[str, bytes]:
    """Takes the outputs of the last run, without the values that differ from run to run."""
    found = {}
    for name in ["marked.jsonl.gz", "groups.csv", "left.parquet", "rejects.jsonl"]:
        path = pipeline.with_name(name)
        found[name] = re.sub(rb'"run":"[^"]*"|"elapsed_ms":[0-9.e-]+', b"", path.read_bytes())
        path.unlink()
    return found


def counts(report: stillbox.Report) -> Any:
    steps = [(step.name, step.rows_in, step.rows_out, step.dropped, step.rejected) for step in report.steps]
    return report.rows_in, report.batches, steps, report.sinks
