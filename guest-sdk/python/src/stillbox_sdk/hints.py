"""Type annotations of an author's functions and classes, and their locations in the source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from .errors import DefinitionError


def resolve_hints(target: Callable[..., Any] | type, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns the resolved annotations of a function or class, including `Annotated`. `names` are the names in the scope of its
    definition, which are needed for definitions inside a function."""
    known = dict(names or {})
    if "<locals>" not in target.__qualname__:
        # The names of the target's own module take precedence.
        own = vars(sys.modules.get(target.__module__, types))
        known = {name: value for name, value in known.items() if name not in own}
    try:
        return typing.get_type_hints(target, localns=known, include_extras=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise definition_error(target, f"cannot read the annotations of `{target.__qualname__}`: {reason}") from error


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a type and its metadata in `Annotated`."""
    if get_origin(annotation) is Annotated:
        inner, *extras = get_args(annotation)
        return inner, tuple(extras)
    return annotation, ()


def optional(annotation: Any) -> tuple[Any, bool]:
    """Returns a type without `None`, and whether it contained `None`."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if len(parts) == len(get_args(annotation)):
        return annotation, False
    return (parts[0] if len(parts) == 1 else Union[tuple(parts)]), True


def marker(extras: tuple[Any, ...], kind: type) -> Any:
    """Returns the first metadata of a type, or `None`."""
    return next((extra for extra in extras if isinstance(extra, kind)), None)


def shown(annotation: Any) -> str:
    """Formats a type as in source code."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("NoneType", "None")


def is_dataclass(annotation: Any) -> bool:
    """Returns whether a type is a dataclass."""
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def definition_error(target: Callable[..., Any] | type, message: str, field: str | None = None) -> DefinitionError:
    """Returns an error about a function or class, or about one of its fields, with its location in the source."""
    try:
        file = inspect.getsourcefile(target)
        lines, first = inspect.getsourcelines(target)
    except (OSError, TypeError):
        return DefinitionError(message)
    line = first
    if field is not None:
        line = first + next((node.lineno - 1 for name, node, _ in _fields(lines) if name == field), 0)
    elif not isinstance(target, type):
        # The lines start with the decorators.
        line = first + next((i for i, text in enumerate(lines) if text.lstrip().startswith(("def ", "async "))), 0)
    return DefinitionError(message, file, line)


def descriptions(target: type) -> dict[str, str]:
    """Returns the strings below the fields of a class and its base classes, by field. They exist only in the source."""
    texts = {}
    for kind in filter(is_dataclass, reversed(target.__mro__)):
        try:
            lines, _ = inspect.getsourcelines(kind)
        except (OSError, TypeError):
            continue
        texts.update({name: inspect.cleandoc(text) for name, _, text in _fields(lines) if text})
    return texts


def _fields(lines: list[str]) -> list[tuple[str, ast.AnnAssign, str]]:
    """Returns the annotated names in the body of a class, each with the string below it."""
    try:
        body = ast.parse(textwrap.dedent("".join(lines))).body[0]
    except (SyntaxError, IndexError):
        return []
    found = []
    statements = getattr(body, "body", [])
    for statement, following in zip(statements, [*statements[1:], None]):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = ""
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                text = following.value.value if isinstance(following.value.value, str) else ""
            found.append((statement.target.id, statement, text))
    return found


def scope(depth: int) -> dict[str, Any]:
    """Returns the local names of the calling function, `depth` frames up."""
    return dict(sys._getframe(depth + 1).f_locals)
