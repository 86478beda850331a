"""The tests of the package, with the library of `cargo build --workspace` and the guests of `tests/guests`.

`.ci/run` makes the environment in which they run.
"""

from __future__ import annotations

import hashlib
import http.server
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ROOT / "tests" / "guests" / "programs" / "examples"
#: Guests that misbehave at the row with the id 3, the kinds of their failures, and limits that end them soon.
POISON: list[tuple[str, str, dict[str, str]]] = [
    ("bad_error", "guest-error", {}),
    ("bad_panic", "panic", {}),
    ("bad_exit_3", "exit", {}),
    ("bad_unreachable", "trap", {}),
    ("bad_out_of_bounds", "trap", {}),
    ("bad_loop", "timeout", {"time": "300ms"}),
    ("bad_allocate", "timeout", {"time": "300ms"}),
    ("bad_memory_at_once", "memory", {}),
]

pytest_plugins = ["pytester"]


def _built() -> dict[str, Path]:
    """Returns the components of the last build, by their names."""
    folders = list((ROOT / "target" / "debug" / "build").glob("stillbox-test-guests-*/out/target/wasm32-wasip2/release"))
    folders.sort(key=lambda folder: folder.stat().st_mtime)
    found: dict[str, Path] = {}
    for folder in folders:
        for wasm in [*folder.glob("*.wasm"), *folder.glob("examples/*.wasm")]:
            found[wasm.stem] = wasm
    return found


@pytest.fixture(scope="session")
def guests() -> dict[str, Path]:
    found = _built()
    assert found, "there are no guests: run `cargo build --workspace --all-targets` first"
    return found


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    # Shared by all processes of the tests, so that each component is compiled once.
    patch.setenv("STILLBOX_CACHE", str(ROOT / "target" / "tmp" / "python-package-cache"))
    yield
    patch.undo()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], tuple[str, list[str]]]]:
    """Serves a component on this machine. Returns its reference, and the list of the requests so far."""
    servers = []

    def start(component: Path) -> tuple[str, list[str]]:
        content = component.read_bytes()
        seen: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        url = f"http://127.0.0.1:{server.server_address[1]}/{component.name}"
        return f"{url}#sha256={hashlib.sha256(content).hexdigest()}", seen

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def table() -> pa.Table:
    """Six rows with the columns `id` and `text`, one of which is guilty."""
    return pa.table({"id": pa.array(range(6), pa.int64()), "text": [f"text {number}" for number in range(6)]})


def own_component(guests: dict[str, Path], folder: Path, name: str) -> Path:
    """Copies a guest and adds an empty section with this name, so that it is in no cache."""
    content = name.encode()
    section = bytes([len(content)]) + content
    path = folder / f"{name}.wasm"
    path.write_bytes(guests["keep_long"].read_bytes() + b"\0" + bytes([len(section)]) + section)
    return path


def poisoned_pipeline(folder: Path, guest: Path, limits: dict[str, str], *, reject: bool) -> Path:
    """Writes a pipeline with this step. Its source is to be replaced."""
    limit = ", ".join(f'{name} = "{value}"' for name, value in limits.items())
    policy = 'on-failure = "reject"' if reject else ""
    rejects = 'rejects = { path = "rejects.jsonl" }' if reject else ""
    path = folder / "pipeline.toml"
    path.write_text(
        f"""
pipeline = {{ name = "poison" }}
source = [{{ path = "unused.jsonl" }}]
sink = [{{ path = "output.jsonl" }}]
{rejects}
[[step]]
name = "poison"
component = "{guest}"
limits = {{ {limit} }}
{policy}
""",
        encoding="utf-8",
    )
    return path


def examples(page: str) -> list[str]:
    """Returns the examples in Python on a page of the documentation."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prepare_examples(folder: Path, guests: dict[str, Path], patch: pytest.MonkeyPatch) -> None:
    """Makes a folder with the files that the examples use, and enters it."""
    patch.chdir(folder)
    shutil.copy(guests["filter_text"], "filter_text.wasm")
    Path("pipeline.toml").write_text(
        """
pipeline = { name = "text" }
source = [{ path = "input.jsonl" }]
step = [{ name = "filter", component = "filter_text.wasm", parameters = { column = "text" } }]
sink = [{ path = "output.jsonl" }]
""",
        encoding="utf-8",
    )
    Path("input.jsonl").write_text('{"text":"a text of five words"}\n{"text":"short"}\n', encoding="utf-8")


@pytest.fixture
def run_python(tmp_path: Path) -> Any:
    """Runs a program in a process of its own."""
    import subprocess

    def run(program: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "program.py"
        path.write_text(program, encoding="utf-8")
        command = [sys.executable, str(path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The other tests first: a process that is connected to a cluster has further threads and more memory.
    items.sort(key=lambda item: "cluster" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def cluster(_cache: None) -> Iterator[Any]:
    """A Ray cluster of three nodes, to which this process is connected."""
    ray = pytest.importorskip("ray")
    from clusters import start_cluster

    started = start_cluster()
    ray.init(address=started.address, log_to_driver=False, logging_level="error")
    yield started
    ray.shutdown()
    started.shutdown()
