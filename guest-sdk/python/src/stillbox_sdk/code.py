"""The author's code: which frames are theirs, and how to name a place in it."""

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
# Where the standard library lies in a component.
_LIBRARY = "/python/"
# Frames that repeat themselves, as a runaway recursion's do, are cut in the middle.
_TRACE_ENDS = 20


@dataclass(frozen=True)
class Code:
    """Where the author's files lie, and how they are named in messages."""

    root: str
    prefix: str = ""

    @classmethod
    def of(cls, target: Callable[..., Any] | type) -> Code:
        """The code that a function or class is part of: its folder, or that of its outermost package."""
        module = sys.modules.get(target.__module__)
        file = getattr(module, "__file__", None)
        if file is None:
            return cls(os.getcwd() + os.sep)
        folder = os.path.dirname(os.path.abspath(file))
        for _ in range(target.__module__.count(".")):
            folder = os.path.dirname(folder)
        return cls(folder.rstrip(os.sep) + os.sep)

    def has(self, file: str) -> bool:
        """Whether a file is the author's."""
        return file.startswith(self.root) and not file.startswith(_SDK) and "site-packages" not in file

    def name(self, file: str) -> str:
        """A file's name, seen from the step's folder."""
        if self.has(file):
            return self.prefix + file[len(self.root) :].replace(os.sep, "/")
        return file.removeprefix(_LIBRARY)

    def read_lines(self, traceback: TracebackType | None) -> None:
        """Reads the lines of the files that a traceback goes through, while there are files."""
        while traceback is not None:
            if self.has(traceback.tb_frame.f_code.co_filename):
                linecache.getlines(traceback.tb_frame.f_code.co_filename)
            traceback = traceback.tb_next

    def keep_lines(self) -> None:
        """Reads the lines of all files in use, because an instance has no files to read them from later."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and self.has(file):
                lines = linecache.getlines(file)
                # Without a time of change the lines are never held against the file again.
                linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def place_of(code: Code, function: Callable[..., Any] | type | None) -> Location | None:
    """Where a function is defined."""
    inner = getattr(function, "__code__", None)
    if not isinstance(inner, CodeType):
        return None
    return Location(code.name(inner.co_filename), inner.co_firstlineno, None)


def located(code: Code, traceback: TracebackType | None) -> tuple[Location | None, list[str]]:
    """The innermost place in the author's code, and the trace, innermost frame last, without the SDK's frames."""
    location = None
    trace: list[tuple[CodeType, int, str]] = []
    while traceback is not None:
        inner, line = traceback.tb_frame.f_code, traceback.tb_lineno
        file = inner.co_filename
        if not file.startswith(_SDK) and not file.startswith("<frozen"):
            # A name without the class before Python 3.11.
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
    # Inside a component, looking for a file counts as an attempt to use files.
    return "" if IN_COMPONENT and file not in linecache.cache else linecache.getline(file, line)


def _column(inner: CodeType, line: int, instruction: int) -> int | None:
    """The column of an instruction, from 1. Python knows it since 3.11."""
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
            # Python counts bytes.
            lines = source[2]
            text = lines[line - 1] if line <= len(lines) else ""
            return len(text.encode()[:column].decode(errors="replace")) + 1
    return None
