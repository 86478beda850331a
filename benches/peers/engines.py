"""The engines, and a virtual environment for each."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
TARGET = BENCHES.parent / "target" / "peers"


@dataclass(frozen=True)
class Engine:
    """An engine, and the ways to use it that are compared. Each is a name and the text for the tables."""

    name: str
    title: str
    requirements: tuple[str, ...]
    text: tuple[tuple[str, str], ...]
    poison: tuple[tuple[str, str], ...]

    def version(self) -> str:
        """Returns the version of the package, or that of Python for plain Python."""
        if self.requirements:
            return self.requirements[0].partition("==")[2]
        return sys.version.split()[0] if self.name == "python" else ""


FUNCTIONS = ("functions", "Python functions")

ENGINES = (
    Engine(
        "stillbox",
        "Stillbox",
        (),
        text=(("rust", "three Rust steps"), ("python", "one Python step")),
        poison=(
            ("stop", "default"),
            ("reject", '`on-failure = "reject"`'),
            ("reject-1s", 'the same, `time = "1s"`'),
        ),
    ),
    Engine("python", "plain Python", (), text=(FUNCTIONS,), poison=(("default", "default"),)),
    Engine(
        "polars",
        "Polars",
        ("polars==2.1.0",),
        text=(("expressions", "expressions, one Python function"), FUNCTIONS),
        poison=(("default", "default"),),
    ),
    Engine(
        "duckdb",
        "DuckDB",
        # Python functions need `numpy`.
        ("duckdb==2.0.1", "numpy"),
        text=(("expressions", "SQL, one Python function"), FUNCTIONS),
        poison=(("default", "default"), ("null", "`RETURN_NULL`")),
    ),
    Engine(
        "daft",
        "Daft",
        ("daft==0.7.26",),
        text=(FUNCTIONS, ("process", "Python functions, `use_process`")),
        poison=(("default", "default"), ("process", '`use_process`, `on_error="ignore"`')),
    ),
    Engine(
        "ray",
        "Ray Data",
        ("ray[data]==2.60.0",),
        text=(FUNCTIONS,),
        poison=(("default", "default"), ("skip", "`max_errored_blocks = -1`")),
    ),
    Engine(
        "datatrove",
        "datatrove",
        # It uses `regex`, which is only in the extra with spaCy.
        ("datatrove[io]==0.10.1", "regex"),
        text=(FUNCTIONS,),
        poison=(("default", "2 tasks"),),
    ),
    Engine(
        "distilabel",
        "distilabel",
        # It uses `requests` and does not ask for it.
        ("distilabel==1.5.3", "requests"),
        text=(FUNCTIONS,),
        poison=(("default", "default"),),
    ),
)


class NotInstalled(Exception):
    """An engine cannot be installed here."""


def interpreter(engine: Engine) -> str:
    """Returns the interpreter of an engine, whose environment is created if it is missing or has other versions.

    Only wheels are installed: nothing is compiled.

    # Raises
    NotInstalled: the installation fails.
    """
    if not engine.requirements:
        return sys.executable
    folder = TARGET / "environments" / engine.name
    python, done = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "".join(f"{requirement}\n" for requirement in engine.requirements)
    if done.exists() and done.read_text() == wanted:
        return str(python)
    print(f"installing {engine.title} into {folder}", file=sys.stderr)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*pip, *engine.requirements]):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            lines = result.stdout.strip().splitlines() or ["no message"]
            raise NotInstalled(f"{engine.title} cannot be installed: {lines[-1]}")
    done.write_text(wanted)
    return str(python)


def program(engine: Engine, arguments: list[str]) -> list[str]:
    """Returns the command that runs an engine's program."""
    return [interpreter(engine), str(BENCHES / "peers" / "programs" / f"with_{engine.name}.py"), *arguments]


def environment(folder: Path) -> dict[str, str]:
    """Returns the environment variables of all commands: temporary files in `folder`, and nothing is sent to anybody."""
    variables = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "USER")}
    programs = os.pathsep.join(str(BENCHES / name) for name in ("text", "peers/programs"))
    return variables | {
        "PYTHONPATH": programs,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "TMPDIR": str(folder),
        "RAY_TMPDIR": str(folder),
        "POLARS_MAX_THREADS": "2",
        "STILLBOX_STATE": str(folder / "runs"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "DAFT_ANALYTICS_ENABLED": "0",
        "DO_NOT_TRACK": "true",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
