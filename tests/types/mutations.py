"""Changes random bytes of input files of every format, reads each, and measures the memory of the process.

    python mutations.py STILLBOX [FILES] [SEED]

Reads FILES changed files of each format. Each ends with an exit code of the command, without a panic. A changed file with a checksum has
the rows of the whole file, or is refused. Prints the number of refused files and the largest resident memory for each format.
"""

import bz2
import gzip
import lzma
import pathlib
import random
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

from launcher import Launcher

#: The file of each format, and whether any change of its rows is found by a checksum.
FORMATS = {
    "parquet-snappy.parquet": False,
    "parquet-zstd.parquet": False,
    "arrow-file.arrow": False,
    "arrow-lz4.arrow": False,
    "arrow-stream.arrow": False,
    "lines.jsonl": False,
    "array.json": False,
    "table.csv": False,
    "lines.jsonl.gz": True,
    "lines.jsonl.bz2": True,
    "lines.jsonl.xz": True,
}


def table():
    rows = 200
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "text": [f"text {row % 17} " + "x" * (row % 40) for row in range(rows)],
            "price": pa.array([row / 7 for row in range(rows)]),
            "list": pa.array([[row] * (row % 5) for row in range(rows)], pa.list_(pa.int32())),
            "kind": pa.array([f"kind {row % 3}" for row in range(rows)]).dictionary_encode(),
        }
    )


def ipc(path, writer, rows, codec=None):
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with writer(str(path), rows.schema, options=options) as file:
        file.write_table(rows, max_chunksize=70)


def write(name, path):
    rows = table()
    lines = "".join(f'{{"id":{row},"text":"text {row % 17}","price":{row / 7},"list":[{row}]}}\n' for row in range(200)).encode()
    if name.startswith("parquet"):
        pq.write_table(rows, path, compression=name.split("-")[1].split(".")[0], data_page_size=600)
    elif name.startswith("arrow"):
        is_stream = name == "arrow-stream.arrow"
        ipc(path, pa.ipc.new_stream if is_stream else pa.ipc.new_file, rows, "lz4" if "lz4" in name else None)
    elif name == "array.json":
        path.write_bytes(b"[" + b",\n".join(lines.splitlines()) + b"]")
    elif name == "table.csv":
        path.write_text("id,text\n" + "".join(f'{row},"text {row % 17}"\n' for row in range(200)))
    else:
        compress = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "jsonl": bytes}[name.rsplit(".")[-1]]
        path.write_bytes(compress(lines))


def mutated(rng, whole):
    """Changes, removes, repeats or inserts some bytes."""
    changed = bytearray(whole)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        at = rng.randrange(len(changed))
        kind = rng.randrange(6)
        if kind < 3:
            changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 3:
            del changed[at : at + rng.choice([1, 4, 100])]
        elif kind == 4:
            changed[at:at] = changed[at : at + rng.choice([1, 8, 100])]
        else:
            size = rng.choice([4, 8])
            changed[at : at + size] = rng.choice([2**31 - 1, 2**31, 2**32 - 1, 1 << 20]).to_bytes(8, "little")[:size]
        changed = changed or bytearray(b"x")
    return bytes(changed)


def check(launcher, name, count, seed):
    rng = random.Random(f"{name} {seed}")
    refused, largest = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source, output = folder / name, folder / "output.jsonl"
        sink = '[[sink]]\npath = "output.jsonl"\n'
        (folder / "pipeline.toml").write_text(f'[pipeline]\nname = "p"\n[[source]]\npath = "{name}"\n{sink}')
        write(name, source)
        code, messages, usual = launcher.run(folder)
        assert code == 0, messages
        whole, expected = source.read_bytes(), output.read_bytes()
        for number in range(count):
            source.write_bytes(mutated(rng, whole))
            code, messages, memory = launcher.run(folder)
            case = f"{name}, file {number} of seed {seed}: {code}: {messages}"
            assert code in (0, 1, 2) and "panicked" not in messages and "bug in" not in messages, case
            assert code != 0 or not FORMATS[name] or output.read_bytes() == expected, case
            refused += code != 0
            largest = max(largest, memory)
    print(f"{name:24} {count} files, {refused} refused, {usual:.0f} MiB for the whole file, at most {largest:.0f} MiB", flush=True)


def main():
    stillbox = str(pathlib.Path(sys.argv[1]).resolve())
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with Launcher(stillbox) as launcher:
        for name in FORMATS:
            check(launcher, name, count, seed)


if __name__ == "__main__":
    main()
