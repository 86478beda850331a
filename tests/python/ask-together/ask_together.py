from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stillbox_sdk import step
from stillbox_sdk.models import Answer, Image, Message, Model, Request

JUDGE = Model("judge")


@dataclass
class Row:
    prompt: str
    how: str
    """How the model is asked."""


@dataclass
class Answered:
    answer: str


@step(concurrency=64)
async def ask_together(row: Row, model: Model) -> Answered:
    """Asks a model."""
    request = Request(row.prompt, max_tokens=20)
    match row.how:
        case "one":
            answer = (await model.generate_one(request)).text
        case "judge":
            draft = await model.generate_one(request)
            conversation = [Message("user", row.prompt), Message("assistant", draft.text), Message("user", "Good?")]
            answer = (await JUDGE.generate_one(Request(conversation))).text
        case "each":
            answers = await model.generate_each([request, Request("forbidden"), request])
            answer = " | ".join(one.text if isinstance(one, Answer) else f"{type(one).__name__} {one}" for one in answers)
        case "gather":
            answers = await asyncio.gather(model.generate_one(request), asyncio.sleep(0.01, "slept"), JUDGE.generate_one(request))
            answer = " | ".join(one if isinstance(one, str) else one.text for one in answers)
        case "completion":
            answer = model.generate([Request(row.prompt, completion=True, stop=["."])])[0].text
        case "image":
            message = Message("user", row.prompt, [Image("image/png", b"\x89PNG")])
            answer = (await model.generate_one(Request([message]))).text
        case "embed":
            vectors = model.embed([row.prompt, "forbidden"])
            answer = " | ".join(str(vector) for vector in vectors)
        case "surrogate":
            answer = (await model.generate_one(Request("\ud800"))).text
        case "large":
            answer = (await model.generate_one(Request("x" * 4_000_001))).text
        case "other":
            answer = (await Model("critic").generate_one(request)).text
        case other:
            raise ValueError(f"unknown way {other}")
    return Answered(answer)
