"""Compares Stillbox with the engines that can be used instead.

    python benches/peers.py install                     # an environment for each engine, in target/peers
    python benches/peers.py [text] [poison] [OPTIONS]   # both tables, or one

`text` is the text benchmark, `poison` a step that misbehaves at one row of 10,000. The tables are in Markdown, on standard
output. benches/README.md describes them. Linux and Python 3.11 are required.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from peers import engines, poison, processes, text

ROOT = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    """Returns the arguments of the command."""
    names = [engine.name for engine in engines.ENGINES]
    parser = argparse.ArgumentParser(description="Compares Stillbox with other engines.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="install, text or poison [default: text and poison]")
    parser.add_argument("--engines", default=",".join(names), help="names with commas between them [default: all]")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the text benchmark [default: 100000]")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each engine that are counted [default: 5]")
    parser.add_argument("--faults", default=",".join(poison.FAULTS), help="faults of the poison matrix [default: all]")
    parser.add_argument("--stillbox", default=ROOT / "target/release/stillbox", type=Path, help="the command")
    parsed = parser.parse_args()
    if unknown := set(parsed.parts) - {"install", "text", "poison"}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if unknown := set(parsed.engines.split(",")) - set(names):
        parser.error(f"there is no engine {', '.join(sorted(unknown))}")
    if unknown := set(parsed.faults.split(",")) - set(poison.FAULTS):
        parser.error(f"there is no fault {', '.join(sorted(unknown))}")
    return parsed


def main() -> None:
    """Runs the command."""
    chosen = arguments()
    # So that the processes of a run end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    processes.adopt_orphans()
    selected = [engine for engine in engines.ENGINES if engine.name in chosen.engines.split(",")]
    parts = chosen.parts or ["text", "poison"]
    command = str(chosen.stillbox.absolute())
    for engine in selected:
        try:
            engines.interpreter(engine)
        except engines.NotInstalled as problem:
            print(problem, file=sys.stderr)
    if "text" in parts:
        print(text.compare(selected, command, chosen.rows, chosen.rounds), end="\n\n", flush=True)
    if "poison" in parts:
        print(poison.compare(selected, command, chosen.faults.split(","), engines.TARGET / "logs"))


if __name__ == "__main__":
    main()
