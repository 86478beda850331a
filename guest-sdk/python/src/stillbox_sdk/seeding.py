"""Seeds the generator of `random` when it is first used.

Its state at the end of the build is the same in every instance of the component, so it needs a seed from the host. A seed that is
asked for in `bind`, whether it is used or not, would keep the host from starting instances after `bind`.
"""

from __future__ import annotations

import os
import random
from random import Random
from typing import Any

# The functions of the module are methods of this generator.
_GENERATOR: Any = vars(random)["_inst"]

# The seed of the numbers that modules draw when they are imported.
_BUILD_SEED = 0

# Whether the code runs in an instance, and not while the component is built.
_is_built = False


class UnseededRandom(Random):
    """The generator of the module before its first use, when it becomes an ordinary one. The author's module may have imported its
    methods, so they work later, too."""

    def random(self) -> float:
        """Returns a number."""
        _before_use()
        return Random.random(self)

    def getrandbits(self, k: int, /) -> int:
        """Returns random bits."""
        _before_use()
        return Random.getrandbits(self, k)

    def getstate(self) -> Any:
        """Returns the state."""
        _before_use()
        return Random.getstate(self)

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Seeds the generator. Without a seed it is that of the host, as at the first use: the runtime calls this in each instance."""
        if a is None and _is_unseeded():
            return
        _become_ordinary()
        Random.seed(self, a, version)

    def setstate(self, state: Any) -> None:
        """Sets the state."""
        _become_ordinary()
        Random.setstate(self, state)


def before_import() -> None:
    """Prepares the module `random` for the author's module, which may import its functions. The module gets the same numbers in every
    build."""
    global _is_built
    _is_built = False
    _set_class(UnseededRandom)
    Random.seed(_GENERATOR, _BUILD_SEED)


def after_import() -> None:
    """Ends the build: from the next use on, the state is that of the instance."""
    global _is_built
    _is_built = True


def is_built() -> bool:
    """Returns whether the author's module has been imported."""
    return _is_built


def _before_use() -> None:
    if _become_ordinary():
        Random.seed(_GENERATOR, os.urandom(32))


def _is_unseeded() -> bool:
    return _is_built and type(_GENERATOR) is UnseededRandom


def _become_ordinary() -> bool:
    was_unseeded = _is_unseeded()
    if was_unseeded:
        _set_class(Random)
    return was_unseeded


def _set_class(generator: type[Random]) -> None:
    _GENERATOR.__class__ = generator
    for name in ("random", "getrandbits", "getstate", "seed", "setstate"):
        setattr(random, name, getattr(_GENERATOR, name))
