"""Plain Python, one process and one thread."""

import json
import runpy
import sys

from misbehave import change, main


def text(source: str, target: str, variant: str) -> None:
    sys.argv[1:] = [source, target]
    runpy.run_module("baseline", run_name="__main__")


def poison(source: str, target: str, variant: str, fault: str) -> None:
    with open(source, encoding="utf-8") as lines, open(target, "w", encoding="utf-8") as output:
        for line in lines:
            row = json.loads(line)
            output.write(json.dumps({"id": row["id"], "text": change(row["text"], fault)}) + "\n")


if __name__ == "__main__":
    main(text, poison)
