//! Compressed inputs.

use std::io::Write as _;

use crate::harness::{Folder, PipelineFile, pipeline, source};

const ROWS: &str = "{\"id\":1}\n{\"id\":2}\n";

#[test]
fn an_input_is_decompressed_by_its_content() {
    let folder = Folder::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(ROWS.as_bytes()).expect("memory can be written to");
    let gzip = gzip.finish().expect("memory can be written to");
    let zeros = [&gzip[..], &[0; 512]].concat();
    for (name, bytes) in [("a.jsonl.gz", &gzip), ("b.jsonl", &gzip), ("c.jsonl.zst", &gzip), ("d.jsonl.gz", &zeros)] {
        folder.write(name, bytes);
        assert_eq!(folder.output_of(pipeline(name, &[], "output.jsonl")), ROWS, "{name}");
    }
    folder.write("e.jsonl.gz", "");
    insta::assert_snapshot!(folder.run(pipeline("e.jsonl.gz", &[], "output.jsonl")).failed(1), @"error: e.jsonl.gz: the gzip data is truncated: the file ends too early; copy or download it again");
    folder.write("f.jsonl.gz", [&gzip[..], b"more"].concat());
    insta::assert_snapshot!(folder.run(pipeline("f.jsonl.gz", &[], "output.jsonl")).failed(1), @"error: f.jsonl.gz: other data follows the gzip data; the file was overwritten, or is not only gzip");
    insta::assert_snapshot!(folder.run(pipeline("a.jsonl.gz", &[], "output.jsonl.xz")).failed(2), @r#"
error: cannot determine the format of `output.jsonl.xz` from its file extension
 --> pipeline.toml:8:8
  |
8 | path = "output.jsonl.xz"
  |        ^^^^^^^^^^^^^^^^^ unknown file extension
  |
  = help: set `format` in [[sink]] to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or .arrow, followed by .gz or .zst if the file is compressed
"#);
}

#[test]
fn a_long_window_is_read_with_a_setting() {
    let folder = Folder::new();
    // A frame with a window of 2 GiB and one raw block, as `zstd --long=31` makes them.
    let block = (ROWS.len() as u32) << 3 | 1;
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3][..], &block.to_le_bytes()[..3], ROWS.as_bytes()].concat();
    folder.write("input.jsonl.zst", frame);
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl.zst", &[], "output.jsonl")).failed(1), @r#"error: input.jsonl.zst: this file was compressed with a long window: reading it needs 2048MiB of memory, and the limit is 128MiB; set `max-window = "2048MiB"` in the source"#);
    let table = source("input.jsonl.zst").set("max-window", "\"2GiB\"");
    assert_eq!(folder.output_of(PipelineFile::new().add(table)), ROWS);
}
