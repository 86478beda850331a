"""Ray Data on a cluster of its own with two cores. The variant `skip` skips blocks whose function fails."""

import pyarrow as pa
import ray
from misbehave import change, main
from semantics import features, keep, normalise

BATCH_ROWS = 1000
COLUMNS = ("id", "text", "n_words", "n_bytes", "tri_hash")


def start() -> None:
    """Starts the cluster, with no more memory for objects than the benchmark needs."""
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=512 << 20)


def text(source: str, target: str, variant: str) -> None:
    def clean(batch: pa.Table) -> pa.Table:
        ids, texts = batch["id"].to_pylist(), [normalise(text) for text in batch["text"].to_pylist()]
        rows = [(number, text, *features(text)) for number, text in zip(ids, texts, strict=True) if keep(text)]
        return pa.table({name: [row[index] for row in rows] for index, name in enumerate(COLUMNS)})

    start()
    rows = ray.data.read_json(source, lines=True)
    rows.map_batches(clean, batch_size=BATCH_ROWS, batch_format="pyarrow").write_json(target)


def poison(source: str, target: str, variant: str, fault: str) -> None:
    def changed(batch: pa.Table) -> pa.Table:
        return pa.table({"id": batch["id"], "text": [change(text, fault) for text in batch["text"].to_pylist()]})

    start()
    if variant == "skip":
        ray.data.DataContext.get_current().max_errored_blocks = -1
    rows = ray.data.read_json(source, lines=True).repartition(10)
    rows.map_batches(changed, batch_size=BATCH_ROWS, batch_format="pyarrow").write_json(target)


if __name__ == "__main__":
    main(text, poison)
