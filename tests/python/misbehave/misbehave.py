"""Misbehaves as its parameter requests, at the row with the id 3. One component contains all cases, because building a component
takes seconds."""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

from stillbox_sdk import InternalError, StepError, TransientError, step

GUILTY = 3


@dataclass
class Parameters:
    how: str
    """The misbehaviour: the name of a function below, with hyphens."""


@dataclass
class Row:
    id: int


@dataclass
class Told:
    said: str


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text for this")


class Locked(Exception):
    """Neither the exception nor its attribute can be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.RLock()
        self.file = sys.stdout


class Ends:
    """Notes when it is deleted."""

    def __del__(self) -> None:
        ENDED.append("ended")


ENDED: list[str] = []
KEPT = {"one": Ends()}


class TellsNothing(StepError):
    """Its attributes cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("hint", "kind", "retry_after", "__notes__"):
            raise RuntimeError(f"no {name}")
        return super().__getattribute__(name)


def raise_with_causes() -> NoReturn:
    try:
        try:
            {}["missing"]
        except KeyError as error:
            raise OSError("the table is empty") from error
    except OSError as error:
        raise ValueError("no rule for the row") from error


def raise_while_handling() -> NoReturn:
    try:
        int("three")
    except ValueError:
        raise RuntimeError("the number is of no use")


def raise_from_none() -> NoReturn:
    try:
        int("three")
    except ValueError:
        raise RuntimeError("the cause is suppressed") from None


def raise_in_a_circle() -> NoReturn:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    raise one


def raise_group() -> NoReturn:
    raise ExceptionGroup("two things", [ValueError("one"), ExceptionGroup("more", [KeyError("other")])])


def raise_unprintable() -> NoReturn:
    raise Unprintable


def raise_locked() -> NoReturn:
    raise Locked("the lock is held")


def raise_tells_nothing() -> NoReturn:
    raise TellsNothing("nothing to see")


def raise_system_exit() -> NoReturn:
    sys.exit("had enough")


def raise_system_exit_status() -> NoReturn:
    sys.exit(3)


def raise_keyboard_interrupt() -> NoReturn:
    raise KeyboardInterrupt


def raise_surrogate() -> NoReturn:
    raise ValueError("half a pair: \ud800")


def raise_escapes() -> NoReturn:
    raise ValueError("message \x1b[2J\x1b[31m\n  at: input.jsonl:1\n::error::a\n##[group]b end")


def raise_long() -> NoReturn:
    raise ValueError("x" * 10_000_000)


def raise_transient() -> NoReturn:
    raise TransientError("the service is busy", retry_after=1.5, hint="try at night")


def loop() -> NoReturn:
    while True:
        pass


def sleep() -> None:
    time.sleep(3600)


def memory() -> None:
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def memory_at_once() -> None:
    bytearray(1 << 30)


def recursion() -> int:
    return 1 + recursion()


def recursion_in_repr() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    repr(nested)


def recursion_in_json() -> None:
    json.loads("[" * 100_000)


def print_flood() -> NoReturn:
    while True:
        print("flood " * 100)


def log_flood() -> NoReturn:
    while True:
        logging.warning("flood %s", "flood " * 100)


def wrong_type() -> Any:
    return 7


def wrong_value() -> Told:
    return Told(said=3)  # type: ignore[arg-type]


def surrogate_value() -> Told:
    return Told(said="\udcff")


def os_exit() -> NoReturn:
    os._exit(3)


def abort() -> NoReturn:
    os.abort()


def read_file() -> None:
    open("/etc/passwd").close()


def write_file() -> None:
    open("here", "w").close()


def open_socket() -> None:
    socket.create_connection(("127.0.0.1", 1))


def start_thread() -> None:
    threading.Thread(target=print).start()


def start_process() -> None:
    subprocess.run(["true"])


def read_environment() -> Told:
    return Told(said=os.environ["HOME"])


def read_input() -> Told:
    return Told(said=input())


def import_ctypes() -> None:
    import ctypes

    ctypes.string_at(0)


def import_late() -> None:
    import xml.dom.minidom

    xml.dom.minidom.parseString("<a/>")


def unbalanced_lock() -> None:
    threading.RLock().release()


def wait_for_ever() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def say_with_print() -> NoReturn:
    print("on standard output")
    print("on standard error", file=sys.stderr)
    print("an end without a line", end="")
    raise InternalError("that was all", hint="read what it printed")


def say_with_logging() -> NoReturn:
    logging.getLogger("author").debug("a detail: %d", 7)
    logging.log(5, "a trace")
    logging.info("worth knowing")
    logging.error("bad %s", "format", "arguments")
    raise InternalError("that was all", hint="read the log")


def say_with_a_warning() -> NoReturn:
    warnings.warn("odd")
    raise InternalError("that was all", hint="read the log")


def say_with_an_exception() -> NoReturn:
    try:
        raise ValueError("handled")
    except ValueError:
        logging.exception("failed")
    raise InternalError("that was all", hint="read the log")


def look_around() -> Told:
    return Told(said=f"{sorted(os.environ)} {sys.argv} {os.listdir('/') if os.path.isdir('/') else 'no files'}")


def count_pages() -> Told:
    made = [bytes(50) for _ in range(1000)]
    return Told(said=f"{len({id(each) >> 12 for each in made})} pages")


def look_at_counts() -> Told:
    shared = (look_at_counts, look_at_counts.__code__, Ends, Ends.__name__, KEPT, os)
    immortal = [sys._is_immortal(each) for each in (*shared, KEPT["one"], Told(said=""))]  # type: ignore[attr-defined]
    del KEPT["one"]
    return Told(said=f"{immortal} {ENDED}")


def draw() -> Told:
    return Told(said=f"{random.random()} {os.urandom(4).hex()} {hash('text')} {sorted({'a', 'b', 'c'}, key=hash)}")


BEHAVIOURS = {name.replace("_", "-"): function for name, function in list(globals().items()) if callable(function)}


@step
def misbehave(parameters: Parameters, row: Row) -> Told:
    """Misbehaves at the row with the id 3."""
    if row.id == GUILTY:
        told = BEHAVIOURS[parameters.how]()
        return told if told is not None else Told(said="went well")
    return Told(said="fine")
