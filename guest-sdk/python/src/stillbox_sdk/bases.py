"""Components for tests: a base that many steps share, and the step's own modules as a text next to it.

Only what a step imports from others is part of the base, so an edit of the step compiles nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import IO

from .modules import StepModules
from .project import CodeError, Project, ProjectError
from .worlds import contract_folder

# Bases are stored until they were not used for this many others.
_MAX_BASES = 8
# Hexadecimal digits of a name that identify its lock: an offset in the file of locks, of 60 bits.
_LOCK_DIGITS = 15
# Seconds between two attempts to lock on Windows, where a lock cannot be waited for.
_LOCK_RETRY = 0.05


def source(project: Project, modules: StepModules) -> str:
    """Returns the step's modules and the settings of its project as JSON."""
    settings = {
        "prefix": project.prefix,
        "module": project.module,
        "name": project.name,
        "version": project.version,
        "description": project.description,
        "files": modules.files,
    }
    return json.dumps(settings)


def base_code(modules: StepModules, report: str, *, has_http: bool) -> str:
    """Returns the code of the main module of a base, which writes errors to the file `report`."""
    required, optional = sorted(modules.required), sorted(modules.optional)
    lines = [
        "import sys",
        "sys.dont_write_bytecode = True",
        "from stillbox_sdk.development import load",
        f"Guest = load('/0/', {required!r}, {optional!r}, {report!r}, has_http={has_http})",
        "",
    ]
    return "\n".join(lines)


def base_key(project: Project, modules: StepModules) -> str:
    """Returns the digest of everything that a base depends on."""
    package = Path(__file__).resolve().parent
    parts = [sys.version, str(project.has_http), str(project.has_models)]
    parts += [*sorted(modules.required), "", *sorted(modules.optional), ""]
    for folder in (package, contract_folder()):
        for file in sorted(folder.rglob("*")):
            if file.suffix in {".py", ".wit"}:
                parts += [file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8")]
    parts += sorted(f"{each.metadata['Name']} {each.version}" for each in metadata.distributions())
    if project.has_dependencies:
        parts.append(sysconfig.get_paths()["purelib"])
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


class Bases:
    """The folder of bases, which several builds use at the same time. `stillbox cache prune` removes files from it at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, output: Path, compile_base: Callable[[Path], None]) -> bool:
        """Copies the base with this key to `output`, and compiles it if it is not in the folder.

        Returns `False` if it cannot be made: then a component of the step's own has the right message.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / ".lock", "a+b") as locks, _lock(locks, key):
            path = self._folder / f"{key}.wasm"
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path, output)
                # An empty file stands for a base whose modules cannot be imported.
                if (is_made := output.stat().st_size > 0) and not _is_whole(output):
                    raise FileNotFoundError(path)
                os.utime(path)
                return is_made
            self._remove_unfinished(locks, key)
            made = self._folder / f".{path.name}.{os.getpid()}"
            try:
                is_made = _compile(made, compile_base)
                if is_made:
                    shutil.copyfile(made, output)
                if made.exists():
                    made.replace(path)
            finally:
                made.unlink(missing_ok=True)
            self._remove_old()
            return is_made

    def _remove_unfinished(self, locks: IO[bytes], own: str) -> None:
        """Removes the temporary files of builds that were killed."""
        for path in self._folder.glob(".*.wasm.*"):
            key = path.name.removeprefix(".").partition(".")[0]
            with contextlib.suppress(OSError, ValueError):
                # The lock of `own` is held, and must not be released.
                with contextlib.nullcontext() if key == own else _lock(locks, key, waits=False):
                    path.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        """Removes the bases that were not used for longest."""
        found: list[tuple[float, Path]] = []
        for path in self._folder.glob("*.wasm"):
            # Another build may have removed it.
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime, path))
        for _, path in sorted(found, reverse=True)[_MAX_BASES:]:
            path.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Returns whether a component ends where its last section ends. It may not if the computer lost power."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"\0asm":
            return False
        file.seek(8)
        while file.tell() < size:
            file.read(1)
            # The length of the section, in groups of 7 bits.
            length, shift, last = 0, 0, 0x80
            while last >= 0x80:
                if not (byte := file.read(1)):
                    return False
                last = byte[0]
                length |= (last & 0x7F) << shift
                shift += 7
            file.seek(length, os.SEEK_CUR)
        return file.tell() == size


def _compile(made: Path, compile_base: Callable[[Path], None]) -> bool:
    """Returns whether a base can be made. Leaves an empty file if it never can be."""
    try:
        compile_base(made)
    except CodeError:
        made.write_bytes(b"")
        return False
    except ProjectError:
        made.unlink(missing_ok=True)
        return False
    return True


@contextlib.contextmanager
def _lock(locks: IO[bytes], key: str, *, waits: bool = True) -> Iterator[None]:
    """Locks the base with a key for this process: one byte in the file of locks.

    Raises `OSError` if another process has the lock and this one does not wait.
    """
    offset = int(key[:_LOCK_DIGITS], 16)
    # Only builds need these modules, which the Python of a component does not have.
    if sys.platform == "win32":
        import msvcrt

        def change(mode: int) -> None:
            locks.seek(offset)
            msvcrt.locking(locks.fileno(), mode, 1)

        while True:
            try:
                change(msvcrt.LK_NBLCK)
                break
            except OSError:
                if not waits:
                    raise
                time.sleep(_LOCK_RETRY)
        try:
            yield
        finally:
            change(msvcrt.LK_UNLCK)
    else:
        import fcntl

        fcntl.lockf(locks, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        try:
            yield
        finally:
            fcntl.lockf(locks, fcntl.LOCK_UN, 1, offset)
