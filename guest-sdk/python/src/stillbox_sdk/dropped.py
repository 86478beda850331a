"""The reasons of dropped rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .failures import CAUGHT, clean

# The characters of a reason that are passed to the host, which uses the first 256 bytes.
_MAX_REASON = 256
# Reasons that are passed to the host in one call. It accepts 4 MiB, and a character has up to 4 bytes.
_MAX_CALL = 2000


class Drop(Exception):
    """Drops the row that the step is processing, with the reason: `raise Drop("too short")`.

    A function of a row can raise it whatever it returns. `[dropped]` in the pipeline file records reasons.
    """

    def __init__(self, reason: object = "") -> None:
        super().__init__(reason)


# The reasons of the rows that unit tests have dropped.
_sent: list[tuple[int, str]] = []

# Returns whether the host records reasons, and passes some to it. A component sets both.
_are_recorded: Callable[[], bool] = lambda: True
_explain: Callable[[Sequence[tuple[int, str]]], None] = _sent.extend


def connect(are_recorded: Callable[[], bool], explain: Callable[[Sequence[tuple[int, str]]], None]) -> None:
    """Sets the functions of the host."""
    global _are_recorded, _explain
    _are_recorded, _explain = are_recorded, explain


def explain(reasons: Sequence[tuple[int, object]]) -> None:
    """Passes the reasons of rows to the host, if it records them."""
    if not reasons or not _are_recorded():
        return
    for start in range(0, len(reasons), _MAX_CALL):
        _explain([(row, _text(reason)) for row, reason in reasons[start : start + _MAX_CALL]])


def take_sent() -> list[tuple[int, str]]:
    """Returns the reasons of the rows that unit tests have dropped."""
    sent = list(_sent)
    _sent.clear()
    return sent


def _text(reason: object) -> str:
    try:
        # `join` converts a subclass of `str` to `str`.
        return clean("".join([str(reason)]))[:_MAX_REASON]
    except CAUGHT:
        return ""
