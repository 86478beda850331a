"""distilabel with a generator that reads the file batch by batch, and without its cache."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from distilabel.pipeline import Pipeline
from distilabel.steps import GeneratorStep, Step, StepInput
from misbehave import change, main
from semantics import features, keep, normalise

BATCH_ROWS = 1000
Rows = list[dict[str, Any]]


class Read(GeneratorStep):
    path: str

    @property
    def outputs(self) -> list[str]:
        return ["id", "text"]

    def process(self, offset: int = 0) -> Iterator[tuple[Rows, bool]]:
        with open(self.path, encoding="utf-8") as lines:
            batch = list(islice(lines, offset, offset + self.batch_size))
            while batch:
                following = list(islice(lines, self.batch_size))
                yield [json.loads(line) for line in batch], not following
                batch = following


class Normalise(Step):
    @property
    def inputs(self) -> list[str]:
        return ["text"]

    @property
    def outputs(self) -> list[str]:
        return ["text"]

    def process(self, inputs: StepInput) -> Iterator[Rows]:
        for row in inputs:
            row["text"] = normalise(row["text"])
        yield inputs


class Keep(Step):
    @property
    def inputs(self) -> list[str]:
        return ["text"]

    def process(self, inputs: StepInput) -> Iterator[Rows]:
        yield [row for row in inputs if keep(row["text"])]


class Count(Step):
    @property
    def inputs(self) -> list[str]:
        return ["text"]

    @property
    def outputs(self) -> list[str]:
        return ["n_words", "n_bytes", "tri_hash"]

    def process(self, inputs: StepInput) -> Iterator[Rows]:
        for row in inputs:
            row["n_words"], row["n_bytes"], row["tri_hash"] = features(row["text"])
        yield inputs


class Change(Step):
    fault: str

    @property
    def inputs(self) -> list[str]:
        return ["text"]

    @property
    def outputs(self) -> list[str]:
        return ["changed"]

    def process(self, inputs: StepInput) -> Iterator[Rows]:
        for row in inputs:
            row["changed"] = change(row["text"], self.fault)
        yield inputs


def run(pipeline: Pipeline, columns: dict[str, str], target: str) -> None:
    rows = pipeline.run(use_cache=False)["default"]["train"]
    with open(target, "w", encoding="utf-8") as output:
        for row in rows:
            chosen = {name: row[column] for name, column in columns.items()}
            output.write(json.dumps(chosen, ensure_ascii=False, separators=(",", ":")) + "\n")


def text(source: str, target: str, variant: str) -> None:
    with Pipeline(name="text", cache_dir=f"{target}.cache") as pipeline:
        read = Read(name="read", path=source, batch_size=BATCH_ROWS)
        steps = [kind(name=kind.__name__.lower(), input_batch_size=BATCH_ROWS) for kind in (Normalise, Keep, Count)]
        read >> steps[0] >> steps[1] >> steps[2]
    run(pipeline, {name: name for name in ("id", "text", "n_words", "n_bytes", "tri_hash")}, target)


def poison(source: str, target: str, variant: str, fault: str) -> None:
    with Pipeline(name="poison", cache_dir=f"{target}.cache") as pipeline:
        read = Read(name="read", path=source, batch_size=BATCH_ROWS)
        read >> Change(name="change", fault=fault, input_batch_size=BATCH_ROWS)
    run(pipeline, {"id": "id", "text": "changed"}, target)


if __name__ == "__main__":
    main(text, poison)
