//! Compressed files.

use std::io::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::InputFolder;
use crate::format::{Compression, Format};

const TEXT: &str = "{\"a\":1}\n{\"a\":2}\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8], preset: u32) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), preset);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;

/// Each compression, with its function and a file name.
fn all() -> [(Compression, Compress); 4] {
    [
        (Compression::Gzip, gzip),
        (Compression::Zstd, zstd),
        (Compression::Bzip2, bzip2),
        (Compression::Xz, |bytes| xz(bytes, 0)),
    ]
}

fn input(bytes: impl AsRef<[u8]>) -> InputFolder {
    InputFolder::from_content(Format::JsonLines, bytes)
}

#[test]
fn compressed_files_are_recognised_by_their_content() {
    for (compression, compress) in all() {
        let (first, second) = TEXT.split_at(10);
        let members = [compress(first.as_bytes()), compress(b""), compress(second.as_bytes())].concat();
        assert_eq!(input(&members).read().json(), TEXT, "{compression}");
        let padded = [members.clone(), vec![0; 700]].concat();
        assert_eq!(input(&padded).read().json(), TEXT, "{compression}");
        let other_name = InputFolder::new(Format::JsonLines, "in.jsonl.xz").file("in.jsonl.xz", &members);
        assert_eq!(other_name.read().json(), TEXT, "{compression}");
        let error = input(&members).compression(Compression::None).error();
        assert!(error.contains("UTF-8") || error.contains("is an object"), "{error}");
    }
    // Frames without content, as parallel compressors write them.
    let skipped = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(TEXT.as_bytes())].concat();
    assert_eq!(input(skipped).read().json(), TEXT);
}

#[test]
fn text_that_looks_compressed_is_text() {
    let header = "BZh91AY&SY,PK\n1,2\n";
    assert_eq!(InputFolder::from_content(Format::Csv, header).read().json(), "{\"BZh91AY&SY\":1,\"PK\":2}\n");
}

#[test]
fn incomplete_and_overwritten_files_are_errors() {
    let text = TEXT.repeat(100);
    for (compression, compress) in all() {
        let bytes = compress(text.as_bytes());
        let named = |bytes: &[u8]| input(bytes).compression(compression).error();
        for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            let error = named(&bytes[..length]);
            assert!(error.starts_with(&format!("in: the {compression} data is truncated")), "{length}: {error}");
        }
        let trailing = input([&bytes[..], b"more"].concat()).error();
        assert!(trailing.starts_with(&format!("in: other data follows the {compression} data")), "{trailing}");
        let mut corrupt = bytes.clone();
        let middle = bytes.len() / 2;
        corrupt[middle..middle + 8].fill(0x55);
        let error = named(&corrupt);
        assert!(error.starts_with(&format!("in: the {compression} data is corrupt")), "{compression} {error}");
        let plain = named(TEXT.as_bytes());
        assert!(plain.starts_with(&format!("in: this file is not {compression}, although")), "{plain}");
    }
    let plain = InputFolder::new(Format::JsonLines, "in.jsonl.bz2").file("in.jsonl.bz2", TEXT);
    assert_snapshot!(plain.error(), @r#"in.jsonl.bz2: this file is not bzip2, although its name or the source says so; if it is not compressed, set `compression = "none"` in the source"#);
}

#[test]
fn limits_and_other_formats_are_not_called_corrupt() {
    // A frame with a window of 2 GiB and one raw block, as `zstd --long=31` makes them.
    let text = TEXT.as_bytes();
    let block = (text.len() as u32) << 3 | 1;
    let long = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3][..], &block.to_le_bytes()[..3], text].concat();
    assert_snapshot!(input(&long).error(), @r#"in: this file was compressed with a long window: reading it needs 2048MiB of memory, and the limit is 128MiB; set `max-window = "2048MiB"` in the source"#);
    assert_eq!(input(&long).with(|spec| spec.max_window = 2 << 30).read().json(), TEXT);
    let dictionary = [0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 0, 0, 0, 0, 0];
    assert_snapshot!(input(dictionary).error(), @"in: this file uses a Zstandard dictionary, which is not supported; compress it again, or decompress it first");
    let wide = xz(text, 6);
    assert_snapshot!(input(&wide).with(|spec| spec.max_window = 1 << 20).error(), @"in: this file was compressed with a long window: reading it needs more than 1MiB of memory, the limit; raise `max-window` in the source");
    assert_eq!(input(&wide).read().json(), TEXT);
    assert_snapshot!(input(b"PK\x03\x04\x14\0\0\0\x08\0\0\0").error(), @"in: this file uses the format of zip archives and spreadsheets (.xlsx), which is not supported; compress it again, or decompress it first");
    assert_snapshot!(input(b"\x1f\x8b\x07\0\0\0\0\0").error(), @"in: this file uses a method of gzip other than deflate, which is not supported; compress it again, or decompress it first");
}

proptest! {
    #[test]
    fn no_compressed_bytes_panic(which in 0..4usize, at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = all()[which].1(TEXT.as_bytes());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        drop(input(bytes).compression(all()[which].0).try_read());
    }
}
