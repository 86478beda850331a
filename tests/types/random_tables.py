"""Writes random tables with pyarrow, polars and DuckDB, runs them through a step and every format, and compares all values.

    python random_tables.py STILLBOX STEP [TABLES] [SEED]

STEP is the folder or the component of the standard step `hash-column`. Each table is read from a file of any format, passes through
the step, which touches one column, and is written as Parquet, Arrow, JSON Lines and CSV. Each output has the values that pyarrow reads
from the input, or `stillbox check` refuses the table. A value that a format cannot hold has to be an error that names it.
"""

import csv
import decimal
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

import tables
from values import from_text, is_list, plain

OUTPUTS = ["parquet", "arrow", "jsonl", "csv"]
#: Errors that name a value which the format cannot hold.
VALUE_ERRORS = ["which JSON cannot represent", "that cannot be written", "cannot be read as json"]


def read(path):
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def column_values(column):
    return [plain(scalar) for chunk in column.chunks for scalar in chunk]


def intervals(table, path):
    """Returns the names of the columns that are intervals, which pyarrow does not read as such."""
    if path.suffix != ".parquet":
        return set()
    schema = pq.ParquetFile(path).schema
    return {schema.column(index).path for index in range(len(schema.names)) if schema.column(index).converted_type == "INTERVAL"}


def with_intervals(value, kind):
    """Replaces the bytes of intervals, which pyarrow reads from Parquet, by their parts."""
    if value is None:
        return None
    if pa.types.is_interval(kind):
        return interval(value) if isinstance(value, bytes) else value
    if pa.types.is_struct(kind):
        return {field.name: with_intervals(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return [(key, with_intervals(item, kind.item_type)) for key, item in value]
    if is_list(kind):
        return [with_intervals(element, kind.value_type) for element in value]
    return value


def interval(value):
    months, days, milliseconds = (int.from_bytes(value[at : at + 4], "little") for at in (0, 4, 8))
    return (months, days, milliseconds * 10**6)


def expected_columns(source):
    table = read(source)
    result = {}
    raw = intervals(table, source)
    for name in table.column_names:
        found = column_values(table.column(name))
        if name in raw:
            found = [None if value is None else interval(value) for value in found]
        kind = table.schema.field(name).type
        result[name] = (pa.month_day_nano_interval() if name in raw else kind, found)
    return result


def output_columns(path, expected):
    if path.suffix in (".parquet", ".arrow"):
        table = read(path)
        found = {name: column_values(table.column(name)) for name in table.column_names}
        return {name: [with_intervals(value, expected[name][0]) for value in found[name]] for name in found}
    rows = []
    if path.suffix == ".jsonl":
        rows = [json.loads(line, parse_float=decimal.Decimal) for line in path.read_text().split("\n") if line]
    else:
        with path.open(newline="") as file:
            rows = [csv_row(row, expected) for row in csv.DictReader(file)]
    return {name: [from_text(row[name], kind) for row in rows] for name, (kind, _) in expected.items()}


def csv_row(row, expected):
    """Returns the fields of a row as the JSON that they stand for."""
    parsed = {}
    for name, (kind, _) in expected.items():
        field = row[name]
        is_json = pa.types.is_nested(kind) or "json" in str(kind)
        parsed[name] = json.loads(field, parse_float=decimal.Decimal) if is_json and field else field or None
    return parsed


def same(expected, found, ending):
    if ending == "csv":
        # An empty text, empty bytes and null are the same field.
        empty = lambda value: None if value in ("", b"") else value
        return [empty(value) for value in expected] == [empty(value) for value in found]
    return expected == found


def run(stillbox, folder, step, source, ending):
    """Runs a pipeline. Returns the output's path, or the error."""
    output = folder / f"output.{ending}"
    pipeline = folder / "pipeline.toml"
    pipeline.write_text(
        f'[pipeline]\nname = "random"\nbatch-rows = 5\n[[source]]\npath = "{source.name}"\n'
        f'[[step]]\nname = "hash"\ncomponent = "{step}"\nparameters = {{ column = "id", into = "hash", type = "json" }}\n'
        f'[[sink]]\npath = "{output.name}"\ndrop = ["hash"]\n'
    )
    call = lambda *arguments: subprocess.run([stillbox, *arguments], cwd=folder, capture_output=True, text=True)
    check = call("check", "pipeline.toml")
    ran = call("run", "pipeline.toml", "--restart", "--progress", "none")
    if check.returncode != 0:
        assert ran.returncode != 0, f"check refuses what run does: {check.stderr}"
        return None, "refused: " + check.stderr
    if ran.returncode != 0:
        return None, ran.stderr
    return output, ""


def write_input(rng, folder):
    """Writes an input with one of the writers. Returns its path and the expected columns, or `None` if the writer has no such
    type."""
    if rng.random() < 0.15:
        ending = rng.choice(["jsonl", "csv"])
        path = folder / f"input.{ending}"
        return path, tables.write_text(rng, path, ending)
    path = write_rows(rng, folder)
    return path and (path, expected_columns(path))


def write_rows(rng, folder):
    """Writes a file of a format with types."""
    ending = rng.choice(["parquet", "arrow"])
    path = folder / f"input.{ending}"
    writer = rng.random()
    if writer < 0.7:
        return path if tables.write_arrow(tables.arrow_table(rng), path, ending) else None
    if writer < 0.85:
        tables.write_polars(rng, path, ending)
        return path
    path = folder / "input.parquet"
    tables.write_duckdb(rng, path)
    return path


def compare(stillbox, step, rng, folder, counts):
    written = write_input(rng, folder)
    if written is None:
        counts["not written"] += 1
        return
    source, expected = written
    for ending in OUTPUTS:
        output, error = run(stillbox, folder, step, source, ending)
        types = {name: str(kind) for name, (kind, _) in expected.items()}
        if output is None:
            is_known = error.startswith("refused: ") or any(words in error for words in VALUE_ERRORS)
            assert is_known, f"{source.name} to {ending}: {error}\n{types}"
            counts["refused" if error.startswith("refused") else "value refused"] += 1
            continue
        found = output_columns(output, expected)
        assert set(found) == set(expected), f"{source.name} to {ending}: {set(found)}"
        for name, (kind, values) in expected.items():
            # CSV has no null of a text.
            is_csv = "csv" in (ending, source.suffix[1:])
            assert same(values, found[name], "csv" if is_csv else ending), (
                f"{source.name} to {ending}: column {name} of type {kind}\n  was {values}\n  is  {found[name]}"
            )
        counts["compared"] += 1


def main():
    stillbox, step = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    counts = dict.fromkeys(["compared", "refused", "value refused", "not written"], 0)
    failed = 0
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                compare(stillbox, step, random.Random(seed), pathlib.Path(folder), counts)
            except AssertionError as error:
                failed += 1
                print(f"table {seed}: {error}", file=sys.stderr)
    print(f"{count} tables: {counts}, {failed} failed")
    # A test that compares next to nothing shows nothing.
    assert counts["compared"] > 2 * count, counts
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
