"""Daft. The variant `process` runs functions in processes of their own and ignores errors."""

from typing import Any

import daft
from daft import DataType, col
from misbehave import change, main
from semantics import features, keep, normalise

COUNTS = ("n_words", "n_bytes", "tri_hash")
STRUCT = DataType.struct(dict.fromkeys(COUNTS, DataType.int64()))


def text(source: str, target: str, variant: str) -> None:
    settings: dict[str, Any] = {"use_process": True} if variant == "process" else {}

    @daft.func(return_dtype=DataType.string(), **settings)
    def normalised(text: str) -> str:
        return normalise(text)

    @daft.func(return_dtype=DataType.bool(), **settings)
    def kept(text: str) -> bool:
        return keep(text)

    @daft.func(return_dtype=STRUCT, **settings)
    def counts(text: str) -> dict[str, int]:
        return dict(zip(COUNTS, features(text), strict=True))

    frame = daft.read_json(source).with_column("text", normalised(col("text")))
    frame = frame.where(kept(col("text"))).with_column("counts", counts(col("text")))
    frame.select("id", "text", *(col("counts")[name] for name in COUNTS)).write_json(target)


def poison(source: str, target: str, variant: str, fault: str) -> None:
    settings: dict[str, Any] = {"use_process": True, "on_error": "ignore"} if variant == "process" else {}

    @daft.func(return_dtype=DataType.string(), **settings)
    def changed(text: str) -> str:
        return change(text, fault)

    daft.read_json(source).with_column("text", changed(col("text"))).write_json(target)


if __name__ == "__main__":
    main(text, poison)
