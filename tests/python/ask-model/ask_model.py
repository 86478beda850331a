from __future__ import annotations

from dataclasses import dataclass

from stillbox_sdk import Batch, Rows, StepError, step
from stillbox_sdk.models import Model, Request

SCHEMA = {
    "type": "object",
    "required": ["score", "reason"],
    "properties": {"score": {"type": "integer", "maximum": 5}, "reason": {"type": "string"}},
}


@dataclass
class Parameters:
    language: str = "English"


@dataclass
class Row:
    text: str


@dataclass
class Scored:
    score: int
    reason: str
    output_tokens: int


@step
def ask_model(parameters: Parameters, batch: Batch[Row], model: Model) -> Rows[Scored]:
    """Scores texts from 1 to 5."""
    system = f"Score the {parameters.language} of the text from 1 to 5."
    requests = [Request(row.text, system=system, schema=SCHEMA, temperature=0) for row in batch]
    rows: Rows[Scored] = Rows()
    for row, answer in enumerate(model.generate(requests)):
        if isinstance(answer, StepError):
            rows.reject(row, answer)
        else:
            found = answer.json()
            rows.push_from(row, Scored(found["score"], found["reason"], answer.output_tokens))
    return rows
