"""Converts exceptions of any class to errors of the contract."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from . import contract
from .code import Code, located, definition_location
from .contract import IN_COMPONENT, ErrorKind
from .errors import DefinitionError, StepError
from .sandbox_hints import sandbox_hint

# The exceptions of the author's code that become failures. In a component these are all. In native tests a
# `KeyboardInterrupt` (Ctrl-C) must end the test.
CAUGHT: tuple[type[BaseException], ...] = (
    (BaseException,) if IN_COMPONENT else (Exception, SystemExit, GeneratorExit)
)

# The limit of the number of causes, because chains can be endless.
_CAUSES = 32
# The limit of the length of a text in characters, because the host truncates a message to 64 KiB.
_MAX_LENGTH = 60_000


def describe(
    error: BaseException, code: Code, kind: ErrorKind, function: Callable[..., Any] | type | None = None
) -> contract.StepError:
    """Converts an exception to an error of the contract.

    `kind` is the default for an exception without a kind. The location of `function` is used if the exception was not raised in
    the author's code.
    """
    traceback = _base_attribute(error, "__traceback__")
    location, trace = located(code, traceback)
    message = format_message(error)
    hint = retry_after_ms = None
    if has_type(error, StepError):
        kind = _attribute(error, "kind", ErrorKind) or kind
        hint = _attribute(error, "hint", str)
        delay = _attribute(error, "retry_after", (int, float))
        if kind is ErrorKind.TRANSIENT and delay is not None and 0 <= delay < math.inf:
            retry_after_ms = int(min(delay * 1000, 2**64 - 1))
    elif IN_COMPONENT:
        hint = sandbox_hint(error, message, traceback)
    return contract.StepError(
        kind=kind,
        message=message,
        causes=_causes(error),
        location=location or definition_location(code, function),
        trace=[clean(line) for line in trace],
        hint=None if hint is None else clean(hint),
        retry_after_ms=retry_after_ms,
    )


def format_message(error: BaseException) -> str:
    """Formats an exception like Python: `ValueError: not a number`. The SDK's exceptions are formatted without their type.

    If the exception's `__str__` raises, the message contains the type and the reason.
    """
    name = _name(type(error))
    try:
        # `join` converts a subclass of `str` to `str`.
        text = "".join([str(error)])
    except CAUGHT as broken:
        return clean(f"{name} (without a message, because `str` raised {_name(type(broken))}{_safe_text(broken)})")
    path = _attribute(error, "path", str) if has_type(error, ImportError) else None
    if path is not None:
        # The path in the component; the message also names the module.
        text = text.removesuffix(f" ({path})")
    # Python also prints the notes of `add_note`.
    notes = [note for note in _attribute(error, "__notes__", list) or () if isinstance(note, str)]
    if has_type(error, (StepError, DefinitionError)):
        message = text or name
    else:
        message = f"{name}: {text}" if text else name
    return clean("\n".join([message, *notes]))


def clean(text: str) -> str:
    """Returns a text as valid UTF-8, truncated to the length that the host accepts."""
    if len(text) > _MAX_LENGTH:
        text = f"{text[:_MAX_LENGTH]}... ({len(text) - _MAX_LENGTH} more characters)"
    # A lone surrogate is a character in Python, but cannot be encoded. `str.encode` ignores overrides of subclasses.
    return str.encode(text, "utf-8", "backslashreplace").decode()


def _name(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") or _in_step(kind) else f"{module}.{kind.__qualname__}"


def _in_step(kind: type) -> bool:
    """Returns whether a class is defined in the step's own module or in a test, whose name is not part of the message."""
    return isinstance(kind.__module__, str) and "." not in kind.__module__ and not _is_library(kind.__module__)


def _is_library(module: str) -> bool:
    return module in sys.stdlib_module_names


def _safe_text(error: BaseException) -> str:
    try:
        return f": {str(error)[:200]}"
    except CAUGHT:
        return ""


def _attribute(error: BaseException, name: str, kind: Any) -> Any:
    """Returns an attribute if it has the expected type. It bypasses `__getattr__`, because infinite recursion there would end the
    instance: the stack in a component is small."""
    try:
        value = object.__getattribute__(error, name)
        return value if isinstance(value, kind) and not isinstance(value, bool) else None
    except CAUGHT:
        return None


def _base_attribute(error: BaseException, name: str) -> Any:
    """Returns an attribute of `BaseException`, bypassing overrides of subclasses."""
    return vars(BaseException)[name].__get__(error)


def has_type(error: object, kind: type | tuple[type, ...]) -> bool:
    """Returns whether an exception has a type. Unlike `isinstance`, it does not read `__class__`."""
    return issubclass(type(error), kind)


def _causes(error: BaseException) -> list[str]:
    """Returns the causes of an exception, the nearest one first: the members of a group, then `__cause__` or `__context__`."""
    causes: list[str] = []
    seen = {id(error)}
    link: BaseException | None = error
    while link is not None and len(causes) < _CAUSES:
        if link is not error:
            causes.append(format_message(link))
        _add_parts(link, causes)
        cause = _base_attribute(link, "__cause__")
        link = cause if cause is not None or _base_attribute(link, "__suppress_context__") else _base_attribute(link, "__context__")
        if link is not None and id(link) in seen:
            break
        seen.add(id(link))
    return causes[:_CAUSES]


def _add_parts(error: BaseException, causes: list[str]) -> None:
    """Adds the members of an exception group."""
    parts = _attribute(error, "exceptions", tuple) or ()
    for number, part in enumerate(parts, 1):
        if has_type(part, BaseException) and len(causes) < _CAUSES:
            causes.append(f"({number} of {len(parts)}) {format_message(part)}")
            _add_parts(part, causes)
