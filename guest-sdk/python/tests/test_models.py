"""Requests to models and their answers, and steps that take a model. The end-to-end tests ask models."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest

from stillbox_sdk import Batch, DefinitionError, InputError, InternalError, Rows, StepError, step
from stillbox_sdk.models import Answer, Image, Message, Model, Request
from stillbox_sdk.project import read_project
from stillbox_sdk.testing import bind, values


def test_a_request_is_a_conversation_that_starts_with_its_instructions():
    request = Request("Why?", system="Be brief.", max_tokens=5, schema={"type": "object"})
    assert request.messages() == [Message("system", "Be brief."), Message("user", "Why?")]
    assert request.schema_text() == '{"type": "object"}'
    image = Image("image/png", b"\x89PNG")
    conversation = [Message("user", "Look.", [image]), Message("assistant", "A cat."), Message("user", "Sure?")]
    assert Request(conversation).messages() == conversation


ITSELF: dict[str, object] = {}
ITSELF["properties"] = ITSELF


def test_a_request_keeps_the_schema_with_which_it_was_created():
    schema: dict[str, object] = {"type": "string"}
    request = Request("a", schema=schema)
    schema["enum"] = {"b"}
    assert request.schema_text() == '{"type": "string"}'
    assert Request("a", schema=MappingProxyType({"type": "string"})).schema_text() == '{"type": "string"}'
    assert Request("a", schema="{}").schema_text() == "{}"
    assert replace(request, schema=None).schema_text() is None
    assert "_schema_text" not in repr(request)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Request(7), "`prompt` of a request is a text or a list of messages, not 7"),
        (lambda: Request(["Why?"]), "an element of `prompt` has the type `Message`, and is 'Why?'"),
        (lambda: Request("a", completion=True, system="b"), "a text, and neither messages nor `system`"),
        (lambda: Request("a", max_tokens=-1), "`max_tokens` of a request is an integer from 0 to 4,294,967,295, not -1"),
        (lambda: Request("a", seed=1 << 63), "`seed` of a request is an integer"),
        (lambda: Request("a", max_tokens=True), "not True"),
        (lambda: Request("a", temperature=math.nan), "`temperature` of a request is a finite number, not nan"),
        (lambda: Request("a", top_p="1"), "`top_p` of a request is a finite number"),
        (lambda: Request("a", temperature=10**400), "`temperature` of a request is a finite number, not 1000000"),
        (lambda: Request("a", temperature=10**5000), "not an integer of more than 4,300 digits"),
        (lambda: Request("a", seed=10**5000), "not an integer of more than 4,300 digits"),
        (lambda: Request("a", schema={"enum": {1, 2}}), "`schema` of a request cannot be written as JSON"),
        (lambda: Request("a", schema={"maximum": math.inf}), "`schema` of a request cannot be written as JSON"),
        (lambda: Request("a", schema={("a", "b"): 1}), "`schema` of a request cannot be written as JSON"),
        (lambda: Request("a", schema=ITSELF), "`schema` of a request cannot be written as JSON"),
        (lambda: Request("a", schema=7), "`schema` of a request cannot be written as JSON"),
        (lambda: Request("a", stop="b"), "`stop` of a request is a list of texts"),
        (lambda: Request("a", stop=[1]), "an element of `stop` has the type `str`, and is 1"),
        (lambda: Message("tool", "a"), "the role of a message is one of system, user, assistant, not 'tool'"),
        (lambda: Message("user", None), "`text` of a message has the type `str`, and is None"),
        (lambda: Message("user", "a", [b"x"]), "an element of `images` has the type `Image`, and is b'x'"),
        (lambda: Image("image/png", "x"), "`content` of an image has the type `bytes`, and is 'x'"),
    ],
)
def test_a_value_that_is_not_valid_is_an_error_of_its_row(make, message):
    with pytest.raises(InputError) as raised:
        make()
    assert message in str(raised.value)


def test_an_answer_is_read_as_json():
    assert Answer('{"score": 3}').json() == {"score": 3}
    with pytest.raises(InputError, match="^the answer of the model is not JSON$"):
        Answer("three").json()


def test_a_model_can_be_asked_in_a_component_only():
    for ask in (
        lambda: Model().generate([Request("a")]),
        lambda: Model().embed(["a"]),
        lambda: asyncio.run(Model().generate_one(Request("a"))),
        lambda: asyncio.run(Model().generate_each([Request("a")])),
    ):
        with pytest.raises(InternalError, match="models can be asked in a component only") as raised:
            ask()
        assert "answers.jsonl" in (raised.value.hint or "")
    with pytest.raises(InputError, match="a text to embed has the type `str`, and is None"):
        Model().embed([None])  # type: ignore[list-item]


def test_the_extra_of_the_sdk_is_found(tmp_path):
    (tmp_path / "a.py").write_text("")
    for dependency, extras in [("stillbox-sdk", (False, False)), ("stillbox_sdk[Models,http]", (True, True))]:
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "a"\ndependencies = ["{dependency}"]\n')
        project = read_project(tmp_path)
        assert (project.has_http, project.has_models) == extras


@dataclass
class Question:
    question: str


@dataclass
class Answered:
    answer: str


class Echo(Model):
    """A model for tests, as an author may write it."""

    def generate(self, requests):
        return [Answer(request.prompt) if request.prompt else InputError("empty") for request in requests]


def test_a_step_takes_its_model_after_a_batch():
    @step
    def answer(batch: Batch[Question], model: Echo) -> Rows[Answered]:
        rows: Rows[Answered] = Rows()
        for row, answer in enumerate(model.generate([Request(question.question) for question in batch])):
            if isinstance(answer, StepError):
                rows.reject(row, answer)
            else:
                rows.push_from(row, Answered(answer.text))
        return rows

    output = bind(answer).process({"question": ["a", "", "b"]})
    assert values(output, "answer") == ["a", "b"]
    assert [(rejection.row, rejection.error.message) for rejection in output.rejections] == [(1, "empty")]


@dataclass
class Parameters:
    prefix: str


def test_a_step_takes_its_model_after_parameters_and_a_row():
    @step
    def answer(parameters: Parameters, row: Question, model: Echo) -> Answered:
        return Answered(model.generate([Request(parameters.prefix + row.question)])[0].text)

    assert values(bind(answer, {"prefix": "> "}).process({"question": ["a"]}), "answer") == ["> a"]

    @step
    async def answer_later(row: Question, model: Echo) -> Answered:
        return Answered(f"{model.role} {row.question}")

    assert values(bind(answer_later).process({"question": ["a"]}), "answer") == ["default a"]


def test_a_model_alone_is_no_input():
    with pytest.raises(DefinitionError, match="must take a row, or parameters and a row, not 0 arguments"):

        @step
        def answer(model: Model) -> Answered:
            return Answered("")
