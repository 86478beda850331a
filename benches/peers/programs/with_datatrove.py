"""datatrove with two tasks, one for each file of the folder `INPUT.parts`."""

from collections.abc import Iterator
from typing import Any

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from misbehave import change, main
from semantics import features, keep, normalise

TASKS = 2


class Normalise(BaseFormatter):
    name = "normalise"

    def format(self, text: str) -> str:
        return normalise(text)


class Keep(BaseFilter):
    name = "keep"

    def filter(self, doc: Document) -> bool:
        return keep(doc.text)


class Count(PipelineStep):
    name = "count"

    def run(self, data: Iterator[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        for document in data:
            names = ("n_words", "n_bytes", "tri_hash")
            document.metadata.update(zip(names, features(document.text), strict=True))
            yield document


class Change(BaseFormatter):
    name = "change"

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def format(self, text: str) -> str:
        return change(text, self.fault)


def row(writer: JsonlWriter, document: Document) -> dict[str, Any]:
    metadata = {name: value for name, value in document.metadata.items() if name != "file_path"}
    return {"id": int(document.id), "text": document.text, **metadata}


def run(source: str, target: str, steps: list[PipelineStep]) -> None:
    pipeline = [JsonlReader(f"{source}.parts"), *steps, JsonlWriter(target, compression=None, adapter=row)]
    LocalPipelineExecutor(pipeline=pipeline, tasks=TASKS, workers=TASKS, logging_dir=f"{target}.log").run()


def text(source: str, target: str, variant: str) -> None:
    run(source, target, [Normalise(), Keep(), Count()])


def poison(source: str, target: str, variant: str, fault: str) -> None:
    run(source, target, [Change(fault)])


if __name__ == "__main__":
    main(text, poison)
