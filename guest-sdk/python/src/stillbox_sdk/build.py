"""Compiles a step to a component: `python -m stillbox_sdk.build --output step.wasm FOLDER`.

Exit codes: 0 success; 1 failure, with a message on standard error; 2 invalid command line; 3 componentize-py is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .bases import Bases, base_code, base_key, source
from .compiled import compiled_advice
from .component_memory import make_immortal
from .immortal import ADDRESSES
from .modules import NeedsWholeError, StepModules
from .quick_check import check
from .project import CodeError, Project, ProjectError, read_project
from .worlds import worlds

_PACKAGE = Path(__file__).resolve().parent
_ENTRY = "stillbox_entry"
_NO_CODE_FOLDERS = {"__pycache__", "build", "cases", "dist", "node_modules", "target", "tests", "venv"}
_NO_CODE = _NO_CODE_FOLDERS | {"README.md", "output.jsonl", "pipeline.toml"}
# componentize-py mounts the paths in the order of the command line. The modules of the step take precedence.
_STEP, _SDK = "/0/", "/1/"
_COMPONENTIZE = "import sys; from componentize_py import script; sys.exit(script())"
# The most bytes of a file that code in the component writes for the build.
_LARGEST_MADE = 64 << 20


def main(arguments: list[str] | None = None) -> int:
    """Runs the command, and returns its exit code."""
    parser = argparse.ArgumentParser(prog="stillbox_sdk.build", description="Compiles a Python step to a component.")
    parser.add_argument("folder", type=Path, help="the step's folder, with its pyproject.toml")
    parser.add_argument("--output", type=Path, required=True, help="the component to write")
    parser.add_argument(
        "--bases",
        type=Path,
        help="for tests: write a base that several steps share, from this folder, and the step's modules to OUTPUT with the ending .source; "
        "a step that may read files when it is imported is compiled as a whole",
    )
    given = parser.parse_args(arguments)
    if importlib.util.find_spec("componentize_py") is None:
        print("error: componentize-py is missing: run `python -m pip install componentize-py==0.25.1`", file=sys.stderr)
        return 3
    # An exception, so that temporary files are removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        build(read_project(given.folder), given.output, given.bases)
    except (ProjectError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(project: Project, output: Path, base_folder: Path | None = None) -> None:
    """Compiles a step. It writes a temporary file and renames it, so that the output is never incomplete. With a folder of bases, the
    output is a base if possible, and the step's modules are next to it.

    Raises `ProjectError` with a message of several lines if the step cannot be compiled.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stillbox-") as temporary:
        stage = Path(temporary)
        _copy_step(project, stage / "step")
        check(project, stage / "step")
        if base_folder is not None and _write_base(project, stage, output, base_folder):
            return
        report = _copy_sdk(project, stage / "sdk")
        # In the folder of the output, because a rename must stay in one file system.
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
        os.close(descriptor)
        made = Path(name)
        try:
            _componentize(project, stage, made, report)
            made.chmod(0o644)
            made.replace(output)
        finally:
            made.unlink(missing_ok=True)


def _write_base(project: Project, stage: Path, output: Path, folder: Path) -> bool:
    """Writes a base and the step's modules. Returns whether that was possible."""
    try:
        modules = StepModules(project, stage / "step")
    except NeedsWholeError:
        return False

    def compile_base(made: Path) -> None:
        own = stage / "base"
        (own / "step").mkdir(parents=True)
        report = _copy_package(own / "sdk", base_code(modules, f"{_SDK}report.json", has_http=project.has_http))
        _componentize(project, own, made, report, has_source=True)

    if not Bases(folder).write(base_key(project, modules), output, compile_base):
        return False
    output.with_suffix(".source").write_text(source(project, modules), encoding="utf-8")
    return True


def _copy_step(project: Project, target: Path) -> None:
    """Copies the files that may be code or data of the step, so that the build does not write to the step's folder."""
    source = project.folder / project.prefix
    # These names are excluded only next to the module, not inside a package, and not if the module has the name.
    excluded = _NO_CODE - {project.module.split(".")[0]}

    def ignored(folder: str, names: list[str]) -> set[str]:
        unwanted = excluded if Path(folder) == source else {"__pycache__"}

        def is_no_code(name: str) -> bool:
            path = Path(folder, name)
            return name in unwanted or name[0] == "." or name.endswith(".wasm") or (path / "pyvenv.cfg").exists()

        return {name for name in names if is_no_code(name)}

    shutil.copytree(source, target, ignore=ignored, ignore_dangling_symlinks=True)


def _copy_sdk(project: Project, target: Path) -> Path:
    """Copies the SDK, and writes the main module of a component for one step. Returns the path of the file for errors of the step."""
    settings = {
        "root": _STEP,
        "prefix": project.prefix,
        "module": project.module,
        "name": project.name,
        "version": project.version,
        "description": project.description,
        "report": f"{_SDK}report.json",
        "http": project.has_http,
    }
    entry = [
        "import sys",
        "sys.dont_write_bytecode = True",
        "from stillbox_sdk.entry import load",
        f"Guest = load({settings!r})",
        "",
    ]
    return _copy_package(target, "\n".join(entry))


def _copy_package(target: Path, entry: str) -> Path:
    """Copies the SDK, and writes the main module. Returns the path of the file for errors."""
    shutil.copytree(_PACKAGE, target / _PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", "wit"))
    (target / f"{_ENTRY}.py").write_text(entry, encoding="utf-8")
    return target / "report.json"


def _componentize(project: Project, stage: Path, output: Path, report: Path, *, has_source: bool = False) -> None:
    command = [sys.executable, "-c", _COMPONENTIZE, "--quiet", *worlds(project, has_source)]
    command += ["componentize", _ENTRY, "--output", str(output)]
    paths = [stage / "step", stage / "sdk"]
    if project.has_dependencies:
        paths.append(Path(sysconfig.get_paths()["purelib"]))
    for path in paths:
        command += ["--python-path", str(path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RUST_", "PYTHON"))}
    # Keeps componentize-py from searching for packages in the active environment.
    environment["VIRTUAL_ENV"] = str(stage / "nowhere")
    done = subprocess.run(command, cwd=stage, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if (reported := _read_made(report)) is not None:
        try:
            found = json.loads(reported)
            error = "\n".join(found["lines"])
            error = f"{found['place']}: {error}" if found["place"] else error
        except (LookupError, RecursionError, TypeError, ValueError):
            raise _replaced(report) from None
        advice = compiled_advice(error, paths[2]) if project.has_dependencies else []
        # The message of a package may have many lines.
        first, *others = error.splitlines() or [""]
        raise CodeError("\n".join([first, *(f"  hint: {line}" for line in advice), *others]))
    if done.returncode != 0:
        output_text = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
        raise ProjectError(f"componentize-py could not compile {project.folder}:\n{output_text}")
    if addresses := _read_made(report.with_name(ADDRESSES)):
        component = bytearray(output.read_bytes())
        # Without this change the component also works, but its instances start more slowly.
        with contextlib.suppress(ValueError):
            make_immortal(component, addresses)
            output.write_bytes(component)


def _read_made(path: Path) -> bytes | None:
    """Reads a file that code in the component may have written, which may be anything."""
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_MADE:
            raise _replaced(path)
        return path.read_bytes()
    return None


def _replaced(path: Path) -> ProjectError:
    return ProjectError(f"the step's code has replaced the file {path.name} of the build")


if __name__ == "__main__":
    sys.exit(main())
