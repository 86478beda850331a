"""Steps of every form, for the type checker: correct steps pass, and mistakes are reported."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

from stillbox_sdk import Aggregate, Batch, Json, Rows, Source, StepError, column, parameter, step
from stillbox_sdk.models import Model, Request
from stillbox_sdk.testing import bind, values


@dataclass
class Parameters:
    column: str
    count: Annotated[int, parameter(min=1)] = 3
    mode: Literal["fast", "slow"] = "fast"


@dataclass
class Row:
    text: Annotated[str, column(from_parameter="column")]
    score: float | None
    vector: list[float]
    raw: Json
    parsed: Any


@dataclass
class Made:
    n: int


@step
def add(parameters: Parameters, row: Row) -> Made:
    return Made(n=len(row.text) * parameters.count)


@step
def keep(row: Row) -> bool:
    return row.score is not None


@step
def drop(row: Row) -> Made | None:
    return Made(n=1) if row.text else None


@step
def expand(row: Row) -> list[Made]:
    return [Made(n) for n in range(3)]


@step
def look(row: Row) -> None:
    print(row.text)


@step
def whole(batch: Batch[Row]) -> Rows[Made]:
    rows: Rows[Made] = Rows()
    for i, row in enumerate(batch):
        rows.push_from(i, Made(n=len(row.text)))
    return rows


@step
class Numbers(Source[Parameters, Made]):
    def __init__(self, parameters: Parameters) -> None:
        self.left = iter(range(parameters.count))

    def next(self) -> list[Made] | None:
        return [Made(n) for n in islice(self.left, 2)] or None


@step
class Total(Aggregate[None, Row, Made]):
    def __init__(self, parameters: None) -> None:
        self.rows = 0

    def process(self, batch: Batch[Row]) -> None:
        self.rows += len(batch)

    def finish(self) -> Rows[Made] | None:
        return Rows([Made(self.rows)])


# `@step` returns the function unchanged.
made: Made = add(Parameters("text"), Row("a", None, [], Json("{}"), None))
wrong: str = keep(Row("a", None, [], Json("{}"), None))  # type: ignore[assignment]
add(Row("a", None, [], Json("{}"), None))  # type: ignore[call-arg, arg-type]
n: list[Any] = values(bind(Numbers, {"column": "a"}).process({}), "n")


@step
def asked(batch: Batch[Row], model: Model) -> Rows[Made]:
    rows: Rows[Made] = Rows()
    for row, answer in enumerate(model.generate([Request(one.text, schema={"type": "object"}) for one in batch])):
        if isinstance(answer, StepError):
            rows.reject(row, answer)
        else:
            rows.push_from(row, Made(n=answer.output_tokens))
    return rows


@step
async def asked_later(row: Row, model: Model) -> Made:
    return Made(n=len((await model.generate_one(Request(row.text))).text))
