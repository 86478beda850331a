"""The author's code: its frames in a traceback, and the names of its files."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any

from .contract import IN_COMPONENT, Location

_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
# The folder of the standard library in a component.
_LIBRARY = "/python/"
# A trace has at most this many frames at each end, so that infinite recursion has a short one.
_TRACE_ENDS = 20


@dataclass(frozen=True)
class Code:
    """The folder of the author's files, and the prefix of their names in messages."""

    root: str
    prefix: str = ""

    @classmethod
    def for_target(cls, target: Callable[..., Any] | type) -> Code:
        """Returns the code of a function or class: its folder, or the folder of its outermost package."""
        module = sys.modules.get(target.__module__)
        file = getattr(module, "__file__", None)
        if file is None:
            return cls(os.getcwd() + os.sep)
        folder = os.path.dirname(os.path.abspath(file))
        for _ in range(target.__module__.count(".")):
            folder = os.path.dirname(folder)
        return cls(folder.rstrip(os.sep) + os.sep)

    def has(self, file: str) -> bool:
        """Returns whether a file belongs to the author's code."""
        return file.startswith(self.root) and not file.startswith(_SDK) and "site-packages" not in file

    def name(self, file: str) -> str:
        """Returns a file's path relative to the step's folder."""
        if self.has(file):
            return self.prefix + file[len(self.root) :].replace(os.sep, "/")
        return file.removeprefix(_LIBRARY)

    def cache_lines(self, traceback: TracebackType | None) -> None:
        """Caches the lines of the author's files in a traceback, before file access ends."""
        while traceback is not None:
            if self.has(traceback.tb_frame.f_code.co_filename):
                linecache.getlines(traceback.tb_frame.f_code.co_filename)
            traceback = traceback.tb_next

    def cache_all_lines(self) -> None:
        """Caches the lines of all imported files of the author, because an instance cannot read files."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and self.has(file):
                lines = linecache.getlines(file)
                # Without a modification time, `linecache` never checks the file again.
                linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def definition_location(code: Code, function: Callable[..., Any] | type | None) -> Location | None:
    """Returns the location of a function's definition."""
    inner = getattr(function, "__code__", None)
    if not isinstance(inner, CodeType):
        return None
    return Location(code.name(inner.co_filename), inner.co_firstlineno, None)


def located(code: Code, traceback: TracebackType | None) -> tuple[Location | None, list[str]]:
    """Returns the innermost location in the author's code, and the trace without the SDK's frames, innermost frame last."""
    location = None
    trace: list[tuple[CodeType, int, str]] = []
    while traceback is not None:
        inner, line = traceback.tb_frame.f_code, traceback.tb_lineno
        file = inner.co_filename
        if not file.startswith(_SDK) and not file.startswith("<frozen"):
            # Before Python 3.11 the name does not contain the class.
            name = getattr(inner, "co_qualname", inner.co_name).replace("<locals>.", "")
            trace.append((inner, line, name))
            if code.has(file):
                location = (inner, line, traceback.tb_lasti)
        traceback = traceback.tb_next
    if location is None:
        found = None
    else:
        inner, line, instruction = location
        found = Location(code.name(inner.co_filename), line, _column(inner, line, instruction))
    if len(trace) > 2 * _TRACE_ENDS + 1:
        left_out = len(trace) - 2 * _TRACE_ENDS
        shown = [_shown(code, *frame) for frame in trace[:_TRACE_ENDS]]
        shown.append(f"({left_out} more frames)")
        return found, shown + [_shown(code, *frame) for frame in trace[-_TRACE_ENDS:]]
    return found, [_shown(code, *frame) for frame in trace]


def _shown(code: Code, inner: CodeType, line: int, name: str) -> str:
    source = _line(inner.co_filename, line).strip()
    where = f"{code.name(inner.co_filename)}:{line} in {name}"
    return f"{where}: {source}" if source else where


def _line(file: str, line: int) -> str:
    # In a component, a search for a file would be reported as denied file access.
    return "" if IN_COMPONENT and file not in linecache.cache else linecache.getline(file, line)


def _column(inner: CodeType, line: int, instruction: int) -> int | None:
    """Returns the column of an instruction, from 1, or `None` before Python 3.11."""
    positions = getattr(inner, "co_positions", None)
    if positions is None or instruction < 0:
        return None
    for index, (first, _, column, _) in enumerate(positions()):
        if index == instruction // 2:
            if first != line or column is None:
                return None
            source = linecache.cache.get(inner.co_filename)
            if source is None or len(source) < 4:
                return int(column) + 1
            # Python counts bytes instead of characters.
            lines = source[2]
            text = lines[line - 1] if line <= len(lines) else ""
            return len(text.encode()[:column].decode(errors="replace")) + 1
    return None
