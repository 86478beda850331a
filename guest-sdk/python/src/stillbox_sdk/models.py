"""Language models, for a step that the pipeline file gives one. Needs the extra `models`: `dependencies = ["stillbox-sdk[models]"]`.

    from stillbox_sdk.models import Answer, Model, Request

    @step
    def answer(batch: Batch[Question], model: Model) -> Rows[Answered]:
        \"\"\"Answers questions.\"\"\"
        rows: Rows[Answered] = Rows()
        for row, answer in enumerate(model.generate([Request(question.text) for question in batch])):
            if isinstance(answer, Answer):
                rows.push_from(row, Answered(answer.text))
            else:
                rows.reject(row, answer)
        return rows

The host sends the requests of a call at the same time, repeats them after errors that may pass, and stores each answer before the
step gets it, so that nothing is paid twice. A request that is rejected, or whose answer is cut off or does not match its schema, is an
error for its row alone.

In an `async` step of a row, the requests of all rows that wait are sent together:

    @step(concurrency=64)
    async def answer(question: Question, model: Model) -> Answered:
        \"\"\"Answers questions.\"\"\"
        return Answered((await model.generate_one(Request(question.text))).text)
"""

from __future__ import annotations

from collections.abc import Iterable

from .contract import IN_COMPONENT
from .errors import InternalError, StepError, extra_is_missing
from .model_messages import Answer, Image, Message, ModelRole, Request, expect

if IN_COMPONENT:
    try:
        from . import model_client
    except ImportError as error:
        raise extra_is_missing("models need", "models") from error

__all__ = ["Answer", "Image", "Message", "Model", "Request"]


class Model(ModelRole):
    """A model that the pipeline file gives to the step: `Model()` is that of `model = "..."`, and `Model("judge")` the one of
    this name in `models`. A function gets the first as an argument `model: Model` after its row or batch."""

    def generate(self, requests: Iterable[Request]) -> list[Answer | StepError]:
        """Returns the answers to requests, in their order. An error is that of its request alone: pass it to `Rows.reject`, or
        raise it."""
        found = [expect(request, Request, "a request") for request in requests]
        if not IN_COMPONENT:
            raise _outside()
        return model_client.generate(self.role, found)

    async def generate_one(self, request: Request) -> Answer:
        """Returns the answer to a request, in an `async` step. The requests of rows that wait at the same time are sent together.

        Raises `InputError` if the request is rejected, and `TransientError` if another attempt may succeed.
        """
        return _answer((await self.generate_each([request]))[0])

    async def generate_each(self, requests: Iterable[Request]) -> list[Answer | StepError]:
        """Returns the answers to several requests of a row, in their order, in an `async` step. They are sent together, with those
        of the rows that wait at the same time. An error is that of its request alone."""
        found = [expect(request, Request, "a request") for request in requests]
        if not IN_COMPONENT:
            raise _outside()
        return await model_client.generate_together(self.role, found)

    def embed(self, texts: Iterable[str]) -> list[list[float] | StepError]:
        """Returns the embeddings of texts, in their order. Those of one model have the same number of elements. An error is that
        of its text alone."""
        found = [expect(text, str, "a text to embed") for text in texts]
        if not IN_COMPONENT:
            raise _outside()
        return model_client.embed(self.role, found)


def _answer(answer: Answer | StepError) -> Answer:
    if isinstance(answer, StepError):
        raise answer
    return answer


def _outside() -> InternalError:
    return InternalError(
        "models can be asked in a component only", hint="test the step with cases, and their answers.jsonl"
    )
