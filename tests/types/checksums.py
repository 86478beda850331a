"""Changes every byte of the pages of a Parquet file with checksums, and checks that no changed value passes.

    python checksums.py STILLBOX
"""

import pathlib
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]


def run(stillbox, folder):
    arguments = [stillbox, "run", "pipeline.toml", "--restart", "--progress", "none"]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True)


def main():
    stillbox = str(pathlib.Path(sys.argv[1]).resolve())
    table = pa.table({"n": pa.array(range(40), pa.int64()), "t": [f"text {row}" for row in range(40)]})
    refused = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, output = folder / "input.parquet", folder / "output.jsonl"
        text = '[pipeline]\nname = "p"\n[[source]]\npath = "input.parquet"\n[[sink]]\npath = "output.jsonl"\n'
        (folder / "pipeline.toml").write_text(text)
        for codec in CODECS:
            pq.write_table(table, source, compression=codec, write_page_checksum=True, use_dictionary=False)
            whole = source.read_bytes()
            assert run(stillbox, folder).returncode == 0, codec
            expected = output.read_text()
            column = pq.ParquetFile(source).metadata.row_group(0).column(1)
            start = column.data_page_offset
            for at in range(start, start + column.total_compressed_size, 7):
                changed = bytearray(whole)
                changed[at] ^= 0x10
                source.write_bytes(changed)
                ran = run(stillbox, folder)
                if ran.returncode == 0:
                    # The bytes of statistics in a page header have no checksum, and no effect.
                    assert output.read_text() == expected, f"{codec}: byte {at} changes a value"
                else:
                    assert "panicked" not in ran.stderr, ran.stderr
                    refused += 1
    print(f"{refused} changed files were refused")
    assert refused > 100


if __name__ == "__main__":
    main()
