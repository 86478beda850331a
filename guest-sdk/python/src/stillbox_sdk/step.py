"""The decorator `@step`, and the steps that it defines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args, get_origin, overload

from . import contract
from .async_function import DEFAULT_CONCURRENCY, AsyncRowFunction
from .classes import Aggregate, BoundAggregate, BoundSource, Source
from .code import Code
from .columns import NO_COLUMNS, Columns, check_names, read_columns
from .contract import Kind, Manifest, Signature
from .errors import InternalError
from .forms import return_form
from .function import BatchFunction, RowFunction, return_type_error
from .hints import definition_error, resolve_hints, is_dataclass, scope, shown, split
from .model_messages import ModelRole
from .parameters import ParametersType, read_parameters, read, schema
from .rows import Batch, Rows

T = TypeVar("T", bound="Callable[..., Any] | type")

_MARK = "__stillbox_step__"


@overload
def step(target: T) -> T: ...


@overload
def step(*, concurrency: int) -> Callable[[T], T]: ...


def step(target: Any = None, *, concurrency: int | None = None) -> Any:
    """Turns a function, or a subclass of `Source` or `Aggregate`, into a step.

    A function takes a dataclass with the parameters, if the step has any, and then a row, which is a dataclass whose fields are
    columns, or a `Batch` of rows, and last a `models.Model`, if it asks one. The return type for a row decides the output:

    - a dataclass: the row, with added columns or new values in the columns of the same name;
    - `bool`: the row if `True`; `False` drops it;
    - a dataclass `| None`: the row, with added columns; `None` drops it;
    - a `list` of a dataclass: one row for each element of the list;
    - `None`: the row, unchanged.

    An exception rejects the row. The function or class is returned unchanged, so that tests can call it.

    The rows of a batch are processed at the same time by an `async` function of a row, `concurrency` of them, 16 by default:
    `@step(concurrency=32)`.

    Raises `DefinitionError` for a mistake in the definition of the step.
    """
    names = scope(1)
    if target is None:
        return lambda function: _marked(function, names, concurrency)
    return _marked(target, names, concurrency)


def _marked(target: Any, names: Mapping[str, Any], concurrency: int | None) -> Any:
    if isinstance(target, type):
        if concurrency is not None:
            raise definition_error(target, "`concurrency` is for an `async` function")
        made = _class_step(target, names)
    else:
        made = _function_step(target, names, concurrency)
    setattr(target, _MARK, made)
    return target


def find_step(target: object) -> Step | None:
    """Returns the step of a function or class, but not that of a base class."""
    made = getattr(target, _MARK, None)
    return made if isinstance(made, Step) and made.target is target else None


@dataclass(frozen=True)
class Step:
    """A step that is not bound to its parameters."""

    target: Any
    kind: Kind
    parameters: ParametersType | None
    inputs: Columns
    outputs: Columns
    code: Code
    name: str
    version: str
    summary: str
    function: RowFunction | BatchFunction | None = None

    def named(self, name: str, version: str, description: str, code: Code) -> Step:
        """Returns the step with the name, version and code of its project."""
        function = self.function
        if function is not None:
            function._code = code
        return replace(self, name=name, version=version, summary=self.summary or description, code=code)

    def manifest(self) -> Manifest:
        """Returns the manifest of the step."""
        return Manifest(self.name, self.version, self.summary, self.kind, schema(self.parameters))

    def bind(self, parameters: str) -> tuple[Signature, Instance]:
        """Binds the parameters, a JSON object, and returns the columns.

        Raises `ParameterError` with all mistakes, or the exception of the author's checks.
        """
        values = read(self.parameters, parameters)
        texts = {} if self.parameters is None else self.parameters.text_values(values)
        signature = Signature(self.inputs.resolve(texts, "input"), self.outputs.resolve(texts, "output"))
        return signature, Instance(self, values, signature)


class Instance:
    """A step that is bound to its parameters."""

    def __init__(self, step: Step, parameters: object, signature: Signature) -> None:
        self._step = step
        self._signature = signature
        self._arguments = () if step.parameters is None else (parameters,)
        self._running: BoundSource | BoundAggregate | None = None
        if step.kind is Kind.SOURCE:
            self._running = BoundSource(step.target(parameters), step.code, step.outputs, signature.outputs)
        elif step.kind is Kind.AGGREGATE:
            fields = (signature.inputs, signature.outputs)
            self._running = BoundAggregate(step.target(parameters), step.code, (step.inputs, step.outputs), fields)

    def process(self, batch: contract.Batch) -> contract.Output:
        """Turns a batch into an output. Raises the exceptions of the author's code that fail the whole batch."""
        if isinstance(self._running, BoundAggregate):
            return self._running.process(batch)
        if self._step.function is None:
            raise _unsupported_call("process", "source")
        signature = self._signature
        return self._step.function.process(self._arguments, signature.inputs, signature.outputs, batch)

    def finish(self) -> contract.Output | None:
        """Returns the next output of a source or an aggregate, or `None` after the last one."""
        if self._running is None:
            raise _unsupported_call("finish", "transform")
        return self._running.finish()


def _function_step(target: Callable[..., Any], names: Mapping[str, Any], concurrency: int | None) -> Step:
    if not callable(target) or not hasattr(target, "__code__"):
        raise definition_error(target, f"`@step` applies to a function, a `Source` or an `Aggregate`, not to {shown(type(target))}")
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise definition_error(target, f"`{target.__qualname__}` must be an ordinary function, without `yield`")
    is_async = inspect.iscoroutinefunction(target)
    if concurrency is not None and (not is_async or concurrency < 1):
        message = "`concurrency` is for an `async` function, and at least 1; the host runs batches in parallel by itself"
        raise definition_error(target, message)
    hints = resolve_hints(target, names)
    arguments = list(inspect.signature(target).parameters)
    kinds = {argument.kind for argument in inspect.signature(target).parameters.values()}
    if not kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}:
        raise definition_error(target, f"`{target.__qualname__}` must take positional arguments only, without `*`")
    model = hints.get(arguments[-1]) if arguments else None
    has_model = isinstance(model, type) and issubclass(model, ModelRole)
    if has_model:
        arguments.pop()
    if len(arguments) not in (1, 2):
        message = f"`{target.__qualname__}` must take a row, or parameters and a row, not {len(arguments)} arguments"
        raise definition_error(target, message)
    missing = [name for name in (*arguments, "return") if name not in hints]
    if missing:
        untyped = ", ".join("the return value" if name == "return" else f"`{name}`" for name in missing)
        raise definition_error(target, f"`{target.__qualname__}` has no type annotation for {untyped}")
    taken, _ = split(hints[arguments[-1]])
    is_batch = get_origin(taken) is Batch
    row = get_args(taken)[0] if is_batch else taken
    if not is_dataclass(row):
        message = f"`{arguments[-1]}` must be a row, which is a dataclass, or a `Batch` of one, not {shown(taken)}"
        raise definition_error(target, message)
    parameters = None
    if len(arguments) == 2:
        parameters = _parameters(target, hints[arguments[0]], arguments[0], names)
    inputs, code, returned = read_columns(row, names, "input"), Code.for_target(target), hints["return"]
    function: RowFunction | BatchFunction
    if is_batch and is_async:
        raise definition_error(target, "a step that takes a whole batch is not `async`; take a row instead")
    if is_batch:
        outputs = _batch_outputs(target, returned, names)
        function = BatchFunction(target, code, inputs, outputs)
    else:
        form = return_form(returned, names)
        if form is None:
            raise return_type_error(target, shown(returned))
        outputs, collect = form
        function = RowFunction(target, code, inputs, outputs, collect)
        if is_async:
            function = AsyncRowFunction(target, code, inputs, outputs, collect, concurrency or DEFAULT_CONCURRENCY)
    if has_model:
        function.call = _with_model(target, model)
    return _step(target, Kind.TRANSFORM, parameters, inputs, outputs, code, function)


def _with_model(target: Callable[..., Any], model: Any) -> Callable[..., Any]:
    made = model()
    return lambda *arguments: target(*arguments, made)


def _class_step(target: type, names: Mapping[str, Any]) -> Step:
    for base in getattr(target, "__orig_bases__", ()):
        kind, types = get_origin(base), get_args(base)
        if kind in (Source, Aggregate):
            break
    else:
        raise definition_error(target, f"`{target.__qualname__}` must be a `Source[Parameters, Output]` or an "
                             "`Aggregate[Parameters, Input, Output]`")
    left = sorted(getattr(target, "__abstractmethods__", ()))
    if left:
        raise definition_error(target, f"`{target.__qualname__}` lacks " + " and ".join(f"`{name}`" for name in left))
    parameters = None if types[0] is type(None) else _parameters(target, types[0], "the first type", names)
    for row in types[1:]:
        if not is_dataclass(row):
            raise definition_error(target, f"a row of `{target.__qualname__}` must be a dataclass, not {shown(row)}")
    inputs = read_columns(types[1], names, "input") if kind is Aggregate else NO_COLUMNS
    outputs = read_columns(types[-1], names, "output")
    step_kind = Kind.AGGREGATE if kind is Aggregate else Kind.SOURCE
    return _step(target, step_kind, parameters, inputs, outputs, Code.for_target(target), None)


def _step(
    target: Any,
    kind: Kind,
    parameters: ParametersType | None,
    inputs: Columns,
    outputs: Columns,
    code: Code,
    function: RowFunction | BatchFunction | None,
) -> Step:
    for columns in (inputs, outputs):
        check_names(columns, parameters)
    schema(parameters)
    summary = " ".join((inspect.cleandoc(target.__doc__ or "").split("\n\n") or [""])[0].split())
    name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in target.__name__)
    name = name.strip("-_").replace("_", "-")
    return Step(target, kind, parameters, inputs, outputs, code, name, "0.0.0", summary, function)


def _parameters(target: Any, annotation: Any, name: str, names: Mapping[str, Any]) -> ParametersType:
    if not is_dataclass(annotation):
        raise definition_error(target, f"`{name}` must be the parameters, which are a dataclass, not {shown(annotation)}")
    return read_parameters(annotation, names)


def _batch_outputs(target: Callable[..., Any], returned: Any, names: Mapping[str, Any]) -> Columns:
    returned, _ = split(returned)
    arguments = get_args(returned)
    if get_origin(returned) in (Rows, list) and len(arguments) == 1:
        if arguments[0] is type(None) and get_origin(returned) is Rows:
            return NO_COLUMNS
        if is_dataclass(arguments[0]):
            return read_columns(arguments[0], names, "output")
    raise return_type_error(target, shown(returned))


def _unsupported_call(call: str, kind: str) -> InternalError:
    return InternalError(f"the host called `{call}`, which a step of the kind {kind} does not support")
