"""Distinguishes errors of syntax from syntax that only the Python of a component knows, which may be newer than the one that builds a step."""

from __future__ import annotations

import re
import sys

# Syntax by the version of Python that has it first, up to that of a component, 3.14. A pattern may match more, such as a comment.
_ADDED: list[tuple[tuple[int, int], bytes]] = [
    # The statement `type`.
    ((3, 12), rb"\btype[ \t\f\\]"),
    # Defaults of type parameters, which are new in 3.12, and `global` in `except`.
    ((3, 13), rb"\b(?:def|class|type)[\s\\]+[^\s\\(\[:=]+[\s\\]*\[|\bglobal\b"),
    # Templates, several exceptions without parentheses, and names of new characters.
    ((3, 14), rb"\b(?:t|tr|rt)['\"]|\bexcept\b[\s*\\]*(?:[^\s*\\(:][^:]{0,1000},|\([^:]{0,1000}\)[\s\\]*,)|\\N\{"),
]

# Syntax that a version extends. An error that is caused by the extension is in the lines of that syntax, or its message mentions a string.
_EXTENDED: list[tuple[tuple[int, int], bytes]] = [
    # Any expression in an f-string, and `:=` in a comprehension whose target has another name.
    ((3, 12), rb"\b(?:f|fr|rf)['\"]|:=|['\"]{3}"),
]

# Messages for a letter of a newer version of Unicode, and for what Python 3.13 permits in the type parameters of a class.
_UNCERTAIN = ("invalid non-printable character", "annotation scope")


def may_be_newer(source: bytes, error: SyntaxError, version: tuple[int, int] = sys.version_info[:2]) -> bool:
    """Returns whether the Python of a component may accept a module that this Python, of version `version`, does not."""
    added = [pattern for since, pattern in _ADDED if since > version]
    if not added:
        return False
    if any(part in (error.msg or "") for part in _UNCERTAIN):
        return True
    extended = [pattern for since, pattern in _EXTENDED if since > version]
    is_in_text = "string" in (error.msg or "")
    near = source if is_in_text else _near(source, error)
    return _matches(added, source) or _matches(extended, near)


def _near(source: bytes, error: SyntaxError) -> bytes:
    """Returns the lines of an error."""
    if error.lineno is None:
        return source
    last = max(error.lineno, error.end_lineno or 0)
    return b"\n".join(source.splitlines()[max(error.lineno - 1, 0) : last])


def _matches(patterns: list[bytes], text: bytes) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
