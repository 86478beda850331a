"""Modules of dependencies that nothing has imported when a component is built. An instance has no files to find them in, and a library
that imports them on first use would fail, or go on without them.

Their source code is compressed in the memory of the component.
"""

from __future__ import annotations

import encodings
import importlib.util
import linecache
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# Where the build mounts dependencies, and the folders that it mounts in all.
DEPENDENCIES = "/2/"
MOUNTED = ("/0/", "/1/", DEPENDENCIES)

# The most bytes of compressed source code. A step's dependencies have a megabyte or two.
_MAX_BYTES = 32 << 20
# The package of the standard library that is stored, too: any text can name an encoding.
_ENCODINGS = "encodings"
_NO_MODULES = {"__pycache__", "test", "tests"}


class StoredModules(MetaPathFinder, Loader):
    """Finds the modules of some packages in memory, and ends the search for all other modules of packages that were mounted: Python
    would look for a file, which the host would report as denied."""

    def __init__(self, packages: Iterable[ModuleType], folder: str = DEPENDENCIES) -> None:
        """Stores the modules of those packages whose files are in a folder, and the encodings of Python."""
        self._mounted = (folder, *MOUNTED, *encodings.__path__)
        # The path of each module, whether it is a package, and its compressed code.
        self._modules: dict[str, tuple[str, bool, bytes]] = {}
        size = 0
        for name, path, is_package in _modules(packages, folder):
            code = zlib.compress(path.read_bytes())
            size += len(code)
            if size > _MAX_BYTES:
                break
            self._modules[name] = (str(path), is_package, code)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._modules:
            origin, is_package, _ = self._modules[fullname]
            spec = importlib.util.spec_from_loader(fullname, self, origin=origin, is_package=is_package)
            if spec is not None:
                spec.has_location = True
                if is_package:
                    spec.submodule_search_locations = [str(Path(origin).parent)]
            return spec
        if path is not None and all(str(each).startswith(self._mounted) for each in path):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        origin, _, compressed = self._modules[module.__name__]
        code = zlib.decompress(compressed)
        lines = code.decode("utf-8", "replace").splitlines(keepends=True)
        # Without a modification time, `linecache` never looks for the file.
        linecache.cache[origin] = (len(code), None, lines, origin)
        exec(compile(code, origin, "exec", dont_inherit=True), module.__dict__)  # noqa: S102


def _modules(packages: Iterable[ModuleType], folder: str) -> Iterator[tuple[str, Path, bool]]:
    """Returns the name and the path of each module in those packages that are directly in a folder, and whether it is a package."""
    found: dict[str, Path] = {}
    for package in packages:
        paths = getattr(package, "__path__", None)
        if isinstance(paths, Iterable) and "." not in package.__name__:
            inside = [path for path in paths if isinstance(path, str) and (path.startswith(folder) or package.__name__ == _ENCODINGS)]
            found.update({package.__name__: Path(path) for path in inside[:1]})
    for name, path in sorted(found.items()):
        yield from _modules_in(name, path)


def _modules_in(package: str, folder: Path) -> Iterator[tuple[str, Path, bool]]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.stem.isidentifier() and path.stem != "__init__":
            yield f"{package}.{path.stem}", path, False
        elif path.name not in _NO_MODULES and (path / "__init__.py").is_file():
            yield f"{package}.{path.name}", path / "__init__.py", True
            yield from _modules_in(f"{package}.{path.name}", path)
