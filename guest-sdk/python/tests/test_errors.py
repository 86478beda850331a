"""The conversion of exceptions to errors of the contract."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from unittest.mock import patch

import pytest

from stillbox_sdk import InputError, InternalError, ParameterError, StepError, TransientError, step
from stillbox_sdk.contract import ErrorKind
from stillbox_sdk.contract import StepError as ContractError
from stillbox_sdk.testing import bind


@dataclass
class Row:
    text: str


def reported(raise_it) -> ContractError:
    """Returns the error of a step that calls a function for its only row."""

    @step
    def failing(row: Row) -> None:
        raise_it()

    (rejection,) = bind(failing).process({"text": ["a"]}).rejections
    return rejection.error


def raiser(error: BaseException):
    def raise_it():
        raise error

    return raise_it


def test_an_exception_is_reported_in_the_format_of_python():
    error = reported(lambda: int("three"))
    assert error.message == "ValueError: invalid literal for int() with base 10: 'three'"
    assert (error.kind, error.causes, error.hint, error.retry_after_ms) == (ErrorKind.INPUT, [], None, None)
    assert reported(raiser(KeyError("missing"))).message == "KeyError: 'missing'"
    assert reported(raiser(AssertionError())).message == "AssertionError"
    assert reported(raiser(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"))).message.startswith("UnicodeDecodeError: 'utf-8'")


def test_the_error_of_an_import_names_the_module_without_its_path():
    def import_name():
        from helpers import no_such_name  # noqa: F401

    helpers = ModuleType("helpers")
    helpers.__file__ = "/0/helpers.py"
    with patch.dict(sys.modules, helpers=helpers):
        assert reported(import_name).message == "ImportError: cannot import name 'no_such_name' from 'helpers'"


def test_the_location_and_the_trace_are_in_the_authors_code():
    def inner():
        raise ValueError("here")

    error = reported(inner)
    line = inner.__code__.co_firstlineno + 1
    assert error.location is not None
    assert (error.location.file, error.location.line) == ("test_errors.py", line)
    if sys.version_info >= (3, 11):
        assert error.location.column == 9
    assert [frame.split(" in ")[0] for frame in error.trace][-1] == f"test_errors.py:{line}"
    assert error.trace[-1].endswith('inner: raise ValueError("here")')
    assert not any("stillbox_sdk" in frame for frame in error.trace)
    # The innermost frame is in the library, and the location in the author's code.
    error = reported(lambda: __import__("json").loads("{"))
    assert error.location is not None and error.location.file == "test_errors.py"
    assert "json/decoder.py" in error.trace[-1]


def test_the_causes_are_reported_in_order():
    def chained():
        try:
            try:
                {}["missing"]
            except KeyError as error:
                raise OSError("no table") from error
        except OSError:
            raise ValueError("no rule")

    assert reported(chained).causes == ["OSError: no table", "KeyError: 'missing'"]


def test_a_suppressed_context_is_not_a_cause():
    def suppressed():
        try:
            {}["missing"]
        except KeyError:
            raise ValueError("no rule") from None

    assert reported(suppressed).causes == []


def test_a_cycle_of_causes_is_reported_once():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert reported(raiser(one)).causes == ["ValueError: other"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups and notes are new in Python 3.11")
def test_the_members_of_a_group_and_notes_are_reported():
    group = ExceptionGroup("two", [ValueError("one"), ExceptionGroup("more", [KeyError("other")])])
    assert reported(raiser(group)).causes == [
        "(1 of 2) ValueError: one",
        "(2 of 2) ExceptionGroup: more (1 sub-exception)",
        "(1 of 1) KeyError: 'other'",
    ]
    noted = ValueError("one")
    noted.add_note("in the second column")
    assert reported(raiser(noted)).message == "ValueError: one\nin the second column"


def test_an_exception_whose_text_raises_is_reported_by_its_type():
    class Unprintable(Exception):
        def __str__(self):
            raise TypeError("not today")

    class Recursive(Exception):
        def __str__(self):
            return str(self)

    class Halved(Exception):
        def __str__(self):
            raise ValueError("\ud800")

    why = "without a message, because `str` raised"
    assert reported(raiser(Unprintable())).message.endswith(f"Unprintable ({why} TypeError: not today)")
    assert f"Recursive ({why} RecursionError" in reported(raiser(Recursive())).message
    assert reported(raiser(Halved())).message.endswith(f"Halved ({why} ValueError: \\ud800)")


def test_an_exception_can_have_attributes_of_any_type():
    class Locked(Exception):
        def __init__(self, message):
            super().__init__(message)
            self.lock = threading.RLock()

    assert reported(raiser(Locked("the lock is held"))).message.endswith("Locked: the lock is held")


def test_exits_are_reported_like_other_exceptions():
    assert reported(lambda: sys.exit("had enough")).message == "SystemExit: had enough"
    assert reported(raiser(GeneratorExit())).message == "GeneratorExit"
    # In a native test, Ctrl-C ends the test.
    with pytest.raises(KeyboardInterrupt):
        reported(raiser(KeyboardInterrupt()))


def test_an_invalid_text_is_escaped_and_a_long_text_is_truncated():
    assert reported(raiser(ValueError("\ud800"))).message == "ValueError: \\ud800"
    assert reported(raiser(ValueError("x" * 100_000))).message.endswith("xxx... (40012 more characters)")


def test_the_trace_of_an_infinite_recursion_is_truncated():
    def deeper():
        return 1 + deeper()

    error = reported(deeper)
    assert error.message.startswith("RecursionError: ")
    assert len(error.trace) == 41 and " more frames)" in error.trace[20]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StepError("no"), ErrorKind.INPUT),
        (InputError("no"), ErrorKind.INPUT),
        (ParameterError("no"), ErrorKind.PARAMETERS),
        (InternalError("no"), ErrorKind.INTERNAL),
        (TransientError("no"), ErrorKind.TRANSIENT),
    ],
)
def test_the_errors_of_the_sdk_have_their_kind(error, kind):
    found = reported(raiser(error))
    assert (found.message, found.kind) == ("no", kind)


def test_hints_and_retry_delays_are_reported():
    found = reported(raiser(TransientError("busy", hint="at night", retry_after=1.5)))
    assert (found.hint, found.retry_after_ms) == ("at night", 1500)
    assert reported(raiser(TransientError("busy", retry_after=timedelta(seconds=2)))).retry_after_ms == 2000
    assert reported(raiser(TransientError("busy", retry_after=float("inf")))).retry_after_ms is None
    assert reported(raiser(TransientError("busy", retry_after=float("nan")))).retry_after_ms is None
    assert reported(raiser(TransientError("busy", retry_after=-1))).retry_after_ms is None
    for long in (1e308, 10**400):
        assert reported(raiser(TransientError("busy", retry_after=long))).retry_after_ms == 2**64 - 1


def test_an_overridden_getattribute_is_bypassed():
    class Odd(StepError):
        def __getattribute__(self, name):
            if name in ("hint", "kind", "__notes__"):
                raise RuntimeError(name)
            return super().__getattribute__(name)

    found = reported(raiser(Odd("odd")))
    assert (found.message, found.hint, found.kind) == ("odd", None, ErrorKind.INPUT)


def test_an_exception_whose_attributes_cannot_be_read_is_reported():
    class Wrapping(Exception):
        """Recurses infinitely, because it reads the missing attribute `wrapped`."""

        def __getattr__(self, name):
            return getattr(self.wrapped, name)

    class Mute(Exception):
        def __getattribute__(self, name):
            raise RuntimeError(name)

    def chained(kind):
        def raise_it():
            try:
                {}["missing"]
            except KeyError as error:
                raise kind("the lock is held") from error

        return raise_it

    for kind in (Wrapping, Mute):
        found = reported(chained(kind))
        assert found.message.endswith(f"{kind.__name__}: the lock is held")
        assert found.causes == ["KeyError: 'missing'"]
        assert found.location is not None and found.location.file == "test_errors.py"


def test_an_exception_that_is_raised_again_has_the_trace_of_its_own_row():
    shared = ValueError("shared")

    @step
    def failing(row: Row) -> None:
        if row.text == "a":
            raise shared
        raise shared

    rejections = bind(failing).process({"text": ["a", "b", "a"]}).rejections
    lines = [rejection.error.location.line for rejection in rejections]
    assert lines[1] == lines[0] + 1 and lines[2] == lines[0]
    assert [len(rejection.error.trace) for rejection in rejections] == [1, 1, 1]


def test_a_batch_continues_after_a_rejected_row():
    @step
    def careful(row: Row) -> bool:
        if row.text == "bad":
            raise ValueError("bad text")
        return True

    output = bind(careful).process({"text": ["a", "bad", "b", "bad"]})
    assert (output.origins, [rejection.row for rejection in output.rejections]) == ([0, 2], [1, 3])
