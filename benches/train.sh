#!/usr/bin/env bash
# Runs a binary of stillbox on typical inputs, to collect a profile for its optimisation: see docs/release.md. Takes some ten seconds and
# the time to build three steps.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STILLBOX_STATE="$folder/runs"
steps="normalize-text filter-text text-features"
for step in $steps; do
    "$binary" build "steps/$step" --out "$folder/$step.wasm" >/dev/null
done

cd "$folder"
python3 - <<'PYTHON'
import json, random

random.seed(1)
words = ["data", "pipeline", "the", "of", "WASM", "größe", "数据", "данные", "like\ttime", "a", "1,250.5", "however", "since"]
with open("text.jsonl", "w") as out:
    for row in range(50_000):
        text = " ".join(random.choices(words, k=random.randint(3, 70)))
        out.write(json.dumps({"id": row, "text": text, "score": row / 7}, ensure_ascii=False) + "\n")
with open("wide.jsonl", "w") as out:
    for row in range(10_000):
        columns = {f"c{column}": row * column if column % 2 else f"value {row}" for column in range(100)}
        out.write(json.dumps({"text": "a short text of six words", **columns}, separators=(",", ":")) + "\n")
PYTHON

# Writes a pipeline: its name, input, output, the rows in a batch, and its steps.
pipeline() {
    printf '[pipeline]\nname = "%s"\nbatch-rows = %s\n\n[[source]]\npath = "%s"\n\n' "$1" "$4" "$2" >"$1.toml"
    for step in "${@:5}"; do
        printf '[[step]]\nname = "%s"\ncomponent = "%s.wasm"\nparameters = { column = "text" }\n\n' "$step" "$step" >>"$1.toml"
    done
    printf '[[sink]]\npath = "%s"\n' "$3" >>"$1.toml"
}
pipeline text text.jsonl text-out.jsonl 1000 $steps
pipeline small text.jsonl text-out.jsonl 50 $steps
pipeline csv text.jsonl text.csv 1000
pipeline from-csv text.csv csv-out.jsonl 1000 filter-text
pipeline wide wide.jsonl wide-out.jsonl 1000 filter-text
pipeline parquet wide.jsonl wide.parquet 1000
pipeline from-parquet wide.parquet wide-out.parquet 1000 filter-text
for _ in 1 2 3; do
    for name in text small csv from-csv wide parquet from-parquet; do
        "$binary" run "$name.toml" --progress none 2>/dev/null
        "$binary" check "$name.toml" >/dev/null
    done
done
