"""Measures the time from Ctrl-C to `KeyboardInterrupt` in each state: `python benches/python_interrupts.py FOLDER_OF_COMPONENTS`.

The folder, or one in it, has the components of `tests/guests`, such as `bad_loop.wasm`. Each state is a process of its own, which is
interrupted `ROUNDS` times at other moments; the figure is the longest time.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "host/python/tests"))
from interrupt_states import STATES, start

ROUNDS = 5


def measure(guests: Path, work: str, wait: float) -> tuple[float, float]:
    """Returns the times until the exception, and until the end of the process."""
    with tempfile.TemporaryDirectory() as folder:
        process = start(guests, Path(folder), work)
        time.sleep(wait)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return (float(out) - sent if out else float("inf")), float("inf")
        ended = time.monotonic()
        if not out:
            raise RuntimeError(err or "the call has ended before the signal")
        return float(out) - sent, ended - sent


def main(guests: Path, names: list[str]) -> None:
    print(f"{'state':34} exception   process")
    for name, work in STATES.items():
        if names and name not in names:
            continue
        times = [measure(guests, work, 0.03 + 0.06 * number) for number in range(ROUNDS)]
        raised, ended = (max(values) * 1e3 for values in zip(*times, strict=True))
        print(f"{name:34} {raised:6.0f} ms {ended:6.0f} ms", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
