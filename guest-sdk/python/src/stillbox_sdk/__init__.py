"""Steps of Stillbox pipelines, written in Python.

A step is a module with dataclasses and one function, which `@step` marks:

    @step
    def count_words(row: Row) -> Counted:
        \"\"\"Counts the words of a text.\"\"\"
        return Counted(n_words=len(row.text.split()))

`python -m stillbox_sdk.build` compiles its folder to a WebAssembly component; `stillbox_sdk.testing` runs it natively.
"""

from .classes import Aggregate, Source
from .columns import column
from .dropped import Drop
from .errors import DefinitionError, InputError, InternalError, ParameterError, StepError, TransientError
from .json import Json
from .parameters import parameter
from .rows import Batch, Rows
from .step import step

__all__ = [
    "Aggregate",
    "Batch",
    "DefinitionError",
    "Drop",
    "InputError",
    "InternalError",
    "Json",
    "ParameterError",
    "Rows",
    "Source",
    "StepError",
    "TransientError",
    "column",
    "parameter",
    "step",
]
