"""Connects to Ray clusters."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Iterator

import ray

#: Seconds in which a cluster has to answer. Ray itself tries for minutes.
ANSWER = 10.0


def join(address: str | None) -> bool:
    """Connects unless this process is connected. Returns whether it was not."""
    if ray.is_initialized():
        return False
    _check_answer(address or os.environ.get("RAY_ADDRESS") or "")
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None if address else False)
    return True


def _check_answer(address: str) -> None:
    """Raises a ConnectionError if nothing listens at an address with a port."""
    found = re.fullmatch(r"(?:ray://)?\[?([^\[\]/]+?)\]?:(\d+)", address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster answers at {address}: {error}") from None


@contextlib.contextmanager
def joined(address: str | None) -> Iterator[None]:
    is_own = join(address)
    try:
        yield
    finally:
        if is_own:
            ray.shutdown()
