"""From an exception to an error of the contract, whatever the exception is made of."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from . import contract
from .code import Code, located, place_of
from .contract import IN_COMPONENT, ErrorKind
from .errors import DefinitionError, StepError

# What of an author's code is made a failure. In a component that is everything, because nothing else could come of it. On
# a desk, where Ctrl-C is a `KeyboardInterrupt`, that one ends the test.
CAUGHT: tuple[type[BaseException], ...] = (
    (BaseException,) if IN_COMPONENT else (Exception, SystemExit, GeneratorExit)
)

# More causes say nothing, and chains can be made without end.
_CAUSES = 32
# The host keeps 64 KiB of a message.
_LONGEST = 60_000


def describe(
    error: BaseException, code: Code, kind: ErrorKind, function: Callable[..., Any] | type | None = None
) -> contract.StepError:
    """The error as the contract has it.

    `kind` is for an error that doesn't say of what kind it is; `function` is whose place is told where the exception was not
    raised in the author's code.
    """
    location, trace = located(code, _own(error, "__traceback__"))
    hint = retry_after_ms = None
    if _is(error, StepError):
        kind = _attribute(error, "kind", ErrorKind) or kind
        hint = _attribute(error, "hint", str)
        delay = _attribute(error, "retry_after", (int, float))
        if kind is ErrorKind.TRANSIENT and delay is not None and 0 <= delay < math.inf:
            retry_after_ms = int(min(delay * 1000, 2**64 - 1))
    elif _is(error, ModuleNotFoundError) and IN_COMPONENT:
        hint = "modules are imported while the step is built: import it at the top of the step's module"
    return contract.StepError(
        kind=kind,
        message=message_of(error),
        causes=_causes(error),
        location=location or place_of(code, function),
        trace=[clean(line) for line in trace],
        hint=None if hint is None else clean(hint),
        retry_after_ms=retry_after_ms,
    )


def message_of(error: BaseException) -> str:
    """What an exception says, as Python would show it: `ValueError: not a number`. The SDK's own go without their type.

    An exception whose text cannot be made is named by its type, with the reason.
    """
    name = _name(type(error))
    try:
        # Joined, a text of an author's own class becomes a plain one.
        text = "".join([str(error)])
    except CAUGHT as broken:
        return clean(f"{name} (its text cannot be shown: making it raised {_name(type(broken))}{_plainly(broken)})")
    # What `add_note` adds is part of what is shown.
    notes = [note for note in _attribute(error, "__notes__", list) or () if isinstance(note, str)]
    if _is(error, (StepError, DefinitionError)):
        message = text or name
    else:
        message = f"{name}: {text}" if text else name
    return clean("\n".join([message, *notes]))


def clean(text: str) -> str:
    """A text that is valid UTF-8, and no longer than the host keeps."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text) - _LONGEST} more characters)"
    # Half a surrogate pair is a character in Python, and none in UTF-8. `str.encode` sees through subclasses.
    return str.encode(text, "utf-8", "backslashreplace").decode()


def _name(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") or _in_step(kind) else f"{module}.{kind.__qualname__}"


def _in_step(kind: type) -> bool:
    """Whether a class's module says nothing: it is a test's, or one in the step's own module, without a package."""
    return isinstance(kind.__module__, str) and "." not in kind.__module__ and not _is_library(kind.__module__)


def _is_library(module: str) -> bool:
    return module in sys.stdlib_module_names


def _plainly(error: BaseException) -> str:
    try:
        return f": {str(error)[:200]}"
    except CAUGHT:
        return ""


def _attribute(error: BaseException, name: str, kind: Any) -> Any:
    """An attribute, where a subclass has not made something else of it. What it does to find one it lacks isn't asked: in a
    component, where the stack is small, a search without end would end the instance."""
    try:
        value = object.__getattribute__(error, name)
        return value if isinstance(value, kind) and not isinstance(value, bool) else None
    except CAUGHT:
        return None


def _own(error: BaseException, name: str) -> Any:
    """What Python itself keeps with an exception, past whatever a subclass makes of reading attributes."""
    return vars(BaseException)[name].__get__(error)


def _is(error: object, kind: type | tuple[type, ...]) -> bool:
    """Whether an exception is of a kind. `isinstance` would read an attribute, too."""
    return issubclass(type(error), kind)


def _causes(error: BaseException) -> list[str]:
    """What caused an exception, the nearest first: the parts of a group, then `raise ... from`, or what was handled."""
    causes: list[str] = []
    seen = {id(error)}
    link: BaseException | None = error
    while link is not None and len(causes) < _CAUSES:
        if link is not error:
            causes.append(message_of(link))
        _add_parts(link, causes)
        cause = _own(link, "__cause__")
        link = cause if cause is not None or _own(link, "__suppress_context__") else _own(link, "__context__")
        if link is not None and id(link) in seen:
            break
        seen.add(id(link))
    return causes[:_CAUSES]


def _add_parts(error: BaseException, causes: list[str]) -> None:
    """Adds the exceptions that a group holds."""
    parts = _attribute(error, "exceptions", tuple) or ()
    for number, part in enumerate(parts, 1):
        if _is(part, BaseException) and len(causes) < _CAUSES:
            causes.append(f"({number} of {len(parts)}) {message_of(part)}")
            _add_parts(part, causes)
