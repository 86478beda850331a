"""Reads small files that stand for gigabytes, and measures the memory of the process.

    python bombs.py STILLBOX

Prints for each file and each format of the output the exit code and the largest resident memory. A run is stopped after ten seconds,
which counts as a success: rows are read and written, and the memory does not grow.
"""

import gzip
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from launcher import Launcher

MB = 1_000_000
#: The most memory in MiB.
LIMIT = 400
#: Control characters take six bytes in JSON, so a row of 60 MB becomes a line of 360 MB. Each column has a reader, a writer and statistics.
LIMITS = {"rows of 60 MB of control characters": 520, "10,000 columns": 800}


def parquet(table, **settings):
    return ".parquet", lambda path: pq.write_table(table, path, compression="zstd", **settings)


def arrow(table, codec="zstd"):
    def write(path):
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_file(str(path), table.schema, options=options) as file:
            file.write_table(table)

    return ".arrow", write


def column(values):
    return pa.table({"t": values})


def repeated(character, size, rows):
    return column(pa.array([character * size]).take(pa.array([0] * rows, pa.int32())))


def views(size, rows):
    """A million views of one text."""
    parts = np.zeros(rows, dtype=[("length", "<i4"), ("prefix", "<i4"), ("buffer", "<i4"), ("offset", "<i4")])
    parts["length"], parts["prefix"] = size, 0x78787878
    return column(pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(parts.tobytes()), pa.py_buffer(b"x" * size)]))


def dictionary(size, rows):
    keys = pa.array(np.zeros(rows, dtype="i1"))
    return column(pa.DictionaryArray.from_arrays(keys, pa.array(["w" * size])))


def text(name, content):
    return name, lambda path: path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)


def files():
    """Returns the files by their description."""
    numbers = pa.array(np.zeros(100 * MB, dtype="i1"))
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2_000_000_000], pa.int32()), pa.array(["z" * MB]))
    wide = pa.table({f"c{number}": ["v" * 60 * MB] for number in range(16)})
    deep = b'{"t":' + b"[" * 5 * MB + b"]" * 5 * MB + b"}\n"
    return {
        "a million rows of one value of 5 MB, Parquet": parquet(dictionary(5 * MB, MB)),
        "the same, Arrow": arrow(dictionary(5 * MB, MB)),
        "a million views of one text of 10 MB": arrow(views(10 * MB, MB)),
        "two billion rows of one value of 1 MB": arrow(column(runs), None),
        "rows of 60 MB of text": parquet(repeated("q", 60 * MB, 30)),
        "rows of 60 MB of control characters": parquet(repeated("\1", 60 * MB, 30)),
        "rows of 60 MB of bytes": parquet(column(pa.array([b"q" * 60 * MB] * 30, pa.binary(60 * MB)))),
        "a value of 500 MB": parquet(column(["v" * 500 * MB])),
        "a page of 60 MB in each of 16 columns": parquet(wide, use_dictionary=False),
        "a list of 100 million numbers": parquet(column(pa.ListArray.from_arrays(pa.array([0, 100 * MB], pa.int32()), numbers))),
        "metadata of 200 MB": parquet(column([1]).replace_schema_metadata({"k": "m" * 200 * MB})),
        "10,000 columns": parquet(pa.table({f"c{number}": [1] for number in range(10_000)})),
        "a gzip of a line of 1 GB": text(".jsonl.gz", b'{"t":"' + b"x" * 1000 * MB + b'"}\n'),
        "a gzip of a million equal lines of 1 KB": text(".jsonl.gz", (b'{"t":"' + b"x" * 1000 + b'"}\n') * MB),
        "JSON of five million levels": text(".jsonl", deep),
    }


def main():
    stillbox = str(pathlib.Path(sys.argv[1]).resolve())
    failed = False
    with Launcher(stillbox, 10) as launcher, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for title, (ending, write) in files().items():
            source = folder / f"input{ending}"
            write(source)
            figures = []
            for output in ["jsonl", "parquet", "arrow"]:
                sink = f'[[sink]]\npath = "/dev/null"\nformat = "{output}"\n'
                (folder / "pipeline.toml").write_text(f'[pipeline]\nname = "p"\n[[source]]\npath = "{source.name}"\n{sink}')
                code, messages, memory = launcher.run(folder)
                assert code in (0, 1, 2, 124) and "panicked" not in messages, f"{title}: {code}: {messages}"
                failed |= memory > LIMITS.get(title, LIMIT)
                figures.append(f"{output} {memory:.0f} MiB ({'stopped' if code == 124 else code})")
            print(f"{title} ({source.stat().st_size:,} bytes): {', '.join(figures)}", flush=True)
            source.unlink()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
