"""The output for each return type of a step."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import pytest

from stillbox_sdk import Aggregate, Batch, Drop, Rows, Source, StepError, step
from stillbox_sdk.contract import ErrorKind
from stillbox_sdk.function import current_row
from stillbox_sdk.testing import Failed, bind, drop_reasons, values


@dataclass
class Row:
    text: str


@dataclass
class Length:
    n: int


TEXTS = {"text": ["one", "", "three"]}


def test_a_dataclass_adds_columns_to_the_row():
    @step
    def length(row: Row) -> Length:
        return Length(len(row.text))

    output = bind(length).process(TEXTS)
    assert values(output, "n") == [3, 0, 5]
    assert (output.rows, output.origins, output.rejections) == (3, None, [])
    # `@step` returns the function unchanged.
    assert length(Row("four")) == Length(4)


def test_true_keeps_the_row_and_false_drops_it():
    @step
    def not_empty(row: Row) -> bool:
        return row.text != ""

    output = bind(not_empty).process(TEXTS)
    assert (output.rows, output.columns, output.origins) == (2, [], [0, 2])
    assert bind(not_empty).process({"text": ["a", "b"]}).origins is None


def test_none_drops_the_row():
    @step
    def length(row: Row) -> Length | None:
        return Length(len(row.text)) if row.text else None

    output = bind(length).process(TEXTS)
    assert (values(output, "n"), output.origins) == ([3, 5], [0, 2])


def test_a_list_expands_the_row():
    @step
    def letters(row: Row) -> list[Row]:
        return [Row(letter) for letter in row.text]

    output = bind(letters).process({"text": ["ab", "", "c"]})
    assert (values(output, "text"), output.origins) == (["a", "b", "c"], [0, 0, 2])


def test_a_function_that_returns_none_keeps_the_row():
    @step
    def look(row: Row) -> None:
        if not row.text:
            raise ValueError("empty")

    output = bind(look).process(TEXTS)
    assert (output.rows, output.origins) == (2, [0, 2])
    assert [rejection.row for rejection in output.rejections] == [1]


@pytest.mark.parametrize("annotation", [Length, Length | None, bool, None, list[Length]])
def test_a_result_of_another_type_than_declared_rejects_its_row(annotation):
    def wrong(row: Row):
        return {"": 7}.get(row.text, good)

    good = {Length: Length(1), bool: True, None: None}.get(annotation, Length(1))
    if annotation == list[Length]:
        good = [Length(1)]
    wrong.__annotations__["return"] = annotation
    wrong.__annotations__["row"] = Row
    output = bind(step(wrong)).process(TEXTS)
    assert output.origins == [0, 2]
    (rejection,) = output.rejections
    assert rejection.row == 1
    assert rejection.error.kind is ErrorKind.INTERNAL
    assert rejection.error.message.startswith("the step returned `int`, but declares ")
    assert rejection.error.location is not None and rejection.error.location.file.endswith("test_forms.py")


def test_a_wrong_value_in_one_expanded_row_rejects_the_whole_input_row():
    @step
    def lengths(row: Row) -> list[Length]:
        return [Length(1), Length("two" if row.text == "" else 2)]  # type: ignore[arg-type]

    output = bind(lengths).process(TEXTS)
    assert (values(output, "n"), output.origins) == ([1, 2, 1, 2], [0, 0, 2, 2])
    assert output.rejections[0].error.message == '`n` must be an integer, not the text "two"'


def test_a_batch_function_sees_the_whole_batch():
    @step
    def above_mean(batch: Batch[Row]) -> Rows[Length]:
        lengths = [len(text) for text in batch.column("text")]
        assert lengths == [len(row.text) for row in batch]
        assert batch[0].text == "one" and len(batch[1:]) == 2
        rows: Rows[Length] = Rows()
        for i, length in enumerate(lengths):
            if length:
                rows.push_from(i, Length(length))
            else:
                rows.reject(i, "it is empty")
        return rows

    output = bind(above_mean).process(TEXTS)
    assert (values(output, "n"), output.origins) == ([3, 5], [0, 2])
    assert output.rejections[0].error.message == "it is empty"


def test_a_batch_function_can_return_columns_or_a_list():
    @step
    def lengths(batch: Batch[Row]) -> Rows[Length]:
        return Rows.from_columns({"n": list(map(len, batch.column("text")))})

    @step
    def some(batch: Batch[Row]) -> Rows[None]:
        return Rows.from_columns({}, origins=[2, 0])

    @step
    def listed(batch: Batch[Row]) -> list[Length]:
        return [Length(1)] * len(batch)

    output = bind(lengths).process(TEXTS)
    assert (values(output, "n"), output.origins) == ([3, 0, 5], None)
    output = bind(some).process(TEXTS)
    assert (output.rows, output.origins) == (2, [2, 0])
    assert values(bind(listed).process(TEXTS), "n") == [1, 1, 1]


def test_a_wrong_value_in_a_column_rejects_its_row():
    @step
    def lengths(batch: Batch[Row]) -> Rows[Length]:
        return Rows.from_columns({"n": [1, "two", 3]})

    output = bind(lengths).process(TEXTS)
    assert (values(output, "n"), output.origins) == ([1, 3], [0, 2])
    assert output.rejections[0].error.message == '`n` must be an integer, not the text "two"'


def test_rows_that_break_the_rules_of_the_contract_are_reported():
    def message(make):
        @step
        def broken(batch: Batch[Row]) -> Rows[Length]:
            return make()

        with pytest.raises(Failed) as failed:
            bind(broken).process(TEXTS)
        return failed.value.error.message

    assert message(lambda: Rows([Length(1)])) == (
        "the step returned 1 rows for 3 input rows and rejected 0, without naming the input row of each"
    )
    assert message(lambda: Rows([Length(1)], origins=[3])) == "row 3 is out of range: there are 3 input rows"
    assert message(lambda: None) == "the step returned None, but declares rows"
    assert message(lambda: Rows.from_columns({"m": [1, 2, 3]})) == (
        "the rows have the columns ['m'], but the step declares ['n']"
    )

    def both():
        rows = Rows([Length(1)], origins=[1])
        rows.reject(1, "no")
        return rows

    assert message(both) == "row 1 is rejected, but an output row comes from it"

    def mixed():
        rows = Rows([Length(1)])
        rows.push_from(1, Length(1))
        return rows

    assert message(mixed) == "some rows name the input row that they come from, and some do not"

    def emptied():
        rows = Rows([], origins=[])
        rows.push(Length(1))
        return rows

    assert message(emptied) == message(mixed)


def test_a_source_returns_rows_until_it_returns_none():
    @dataclass
    class Parameters:
        count: int

    @step
    class Numbers(Source[Parameters, Length]):
        """Counts."""

        def __init__(self, parameters: Parameters) -> None:
            self.left = list(range(parameters.count))

        def next(self) -> list[Length] | None:
            now, self.left = self.left[:2], self.left[2:]
            return [Length(n) for n in now] or None

    bound = bind(Numbers, {"count": 3})
    assert (bound.signature.inputs, [field.name for field in bound.signature.outputs]) == ([], ["n"])
    assert [values(output, "n") for output in iter(bound.finish, None)] == [[0, 1], [2]]
    with pytest.raises(Failed, match="the host called `process`"):
        from stillbox_sdk.contract import Batch as ContractBatch

        bound.process(ContractBatch(0, []))


def test_an_aggregate_sees_all_rows_before_it_finishes():
    @step
    class Longest(Aggregate[None, Row, Length]):
        """Keeps the row with the longest text."""

        def __init__(self, parameters: None) -> None:
            self.seen: list[str] = []
            self.done = False

        def process(self, batch: Batch[Row]) -> None:
            self.seen += batch.column("text")

        def finish(self) -> Rows[Length] | None:
            if self.done:
                return None
            self.done = True
            longest = max(range(len(self.seen)), key=lambda i: len(self.seen[i]))
            return Rows([Length(len(self.seen[longest]))], origins=[longest])

    bound = bind(Longest)
    empty = bound.process(TEXTS)
    assert (empty.rows, empty.origins) == (0, [])
    bound.process({"text": ["seventeen"]})
    output = bound.finish()
    assert (values(output, "n"), output.origins) == ([9], [3])
    assert bound.finish() is None


def test_an_aggregate_cannot_reject_rows_in_finish():
    @step
    class Last(Aggregate[None, Row, Length]):
        def process(self, batch: Batch[Row]) -> None:
            pass

        def finish(self) -> Rows[Length]:
            return made()

    def message() -> str:
        bound = bind(Last)
        bound.process(TEXTS)
        with pytest.raises(Failed) as failed:
            bound.finish()
        return failed.value.error.message

    def made():
        return Rows([Length("two")], origins=[1])

    assert message() == '`n` must be an integer, not the text "two"'

    def made():
        rows = Rows([], origins=[])
        rows.reject(1, "no")
        return rows

    assert message() == "an aggregate can reject rows only in `process`: `finish` has no batch"


def test_an_exception_of_an_aggregate_fails_the_whole_batch():
    @step
    class Broken(Aggregate[None, Row, Length]):
        def process(self, batch: Batch[Row]) -> None:
            raise StepError("not this batch", hint="another")

        def finish(self) -> None:
            return None

    with pytest.raises(Failed) as failed:
        bind(Broken).process(TEXTS)
    assert (failed.value.error.message, failed.value.error.hint) == ("not this batch", "another")


def test_drop_drops_the_row_with_a_reason():
    @step
    def length(row: Row) -> Length:
        if not row.text:
            raise Drop(f"too short: {len(row.text)}")
        return Length(len(row.text))

    output = bind(length).process(TEXTS)
    assert (values(output, "n"), output.origins, output.rejections) == ([3, 5], [0, 2], [])
    assert drop_reasons() == [(1, "too short: 0")]
    assert drop_reasons() == []


def test_a_batch_gives_reasons_for_the_rows_that_it_drops():
    @step
    def not_empty(rows: Batch[Row]) -> Rows[Length]:
        made = Rows[Length]()
        for index, row in enumerate(rows):
            if row.text:
                made.push_from(index, Length(len(row.text)))
            else:
                made.drop(index, "empty")
        return made

    assert bind(not_empty).process(TEXTS).origins == [0, 2]
    assert drop_reasons() == [(1, "empty")]


def test_a_reason_that_cannot_be_a_text_is_empty():
    class Broken:
        def __str__(self) -> str:
            raise ValueError

    @step
    def none(row: Row) -> None:
        raise Drop(Broken())

    assert bind(none).process(TEXTS).origins == []
    assert drop_reasons() == [(0, ""), (1, ""), (2, "")]


def test_the_row_of_a_function_that_ends_the_instance_is_known():
    rows = []

    def note() -> None:
        rows.append(current_row(sys._getframe()))

    @step
    def length(row: Row) -> Length:
        note()
        return Length(len(row.text))

    @step(concurrency=2)
    async def later(row: Row) -> Length:
        await asyncio.sleep(0)
        note()
        return Length(len(row.text))

    bind(length).process(TEXTS)
    bind(later).process(TEXTS)
    note()
    assert rows == [0, 1, 2, 0, 1, 2, None]
