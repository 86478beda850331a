"""Polars. The variant `functions` has the steps as Python functions, `expressions` as far as possible as expressions."""

import polars as pl
from misbehave import change, main
from semantics import features, keep, normalise

COUNTS = ("n_words", "n_bytes", "tri_hash")


def text(source: str, target: str, variant: str) -> None:
    frame = pl.scan_ndjson(source)
    column = pl.col("text")
    if variant == "functions":
        struct = pl.Struct(dict.fromkeys(COUNTS, pl.Int64))
        frame = frame.with_columns(column.map_elements(normalise, return_dtype=pl.String))
        frame = frame.filter(column.map_elements(keep, return_dtype=pl.Boolean))
        counted = column.map_elements(lambda text: dict(zip(COUNTS, features(text), strict=True)), return_dtype=struct)
        frame = frame.with_columns(counted.alias("counts")).unnest("counts")
    else:
        spaced = column.str.to_lowercase().str.replace_all(r"[ \t\n\r\f\x0b]+", " ").str.strip_chars(" ")
        words, size = column.str.count_matches(" ", literal=True) + 1, column.str.len_bytes()
        frame = frame.with_columns(spaced).filter(words.is_between(5, 60), size.is_between(40, 400))
        hashed = column.map_elements(lambda text: features(text)[2], return_dtype=pl.Int64)
        frame = frame.with_columns(n_words=words, n_bytes=size, tri_hash=hashed)
    frame.sink_ndjson(target)


def poison(source: str, target: str, variant: str, fault: str) -> None:
    changed = pl.col("text").map_elements(lambda text: change(text, fault), return_dtype=pl.String)
    pl.scan_ndjson(source).with_columns(changed).sink_ndjson(target)


if __name__ == "__main__":
    main(text, poison)
