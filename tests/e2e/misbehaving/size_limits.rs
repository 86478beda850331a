//! Bounds on the size of records and logs, and on debug information of large components.

use stillbox::Failure;

use super::{failure, folder, pipeline, rejecting};

/// The largest record with the default limits, as JSON.
const MAX_RECORD_BYTES: usize = 240 << 10;
/// The largest line of the reject file with the default limits.
const MAX_REJECT_BYTES: usize = 40 << 10;

#[test]
fn failure_records_are_bounded_in_size() {
    let folder = folder("endless_words");
    folder.run_with(pipeline(""), ["--failures", "failures.jsonl"]).failed(1);
    let record = folder.text("failures.jsonl");
    assert!((140 << 10..MAX_RECORD_BYTES).contains(&record.len()), "{}", record.len());
    let record: Failure = serde_json::from_str(&record).expect("there is one record");
    assert_eq!(record.message, "no end of words");
    let hint = record.hint.expect("the step has one");
    assert!(hint.starts_with("words ") && hint.ends_with('…'), "{hint}");
    assert_eq!(record.causes.last().map(String::as_str), Some("(more causes)"));
    assert_eq!(record.trace[0], "(more lines before)");

    folder.run(rejecting("")).succeeded();
    let rejects = folder.text("rejects.jsonl");
    assert!((10 << 10..MAX_REJECT_BYTES).contains(&rejects.len()), "{}", rejects.len());
}

/// The last message of the log had 100 MB, of which the SDK passes the first MiB.
#[test]
fn a_long_log_message_is_truncated_to_the_log_bytes_limit() {
    for (limits, most) in [("", 64 << 10), ("log-bytes = \"1KiB\"", 1 << 10)] {
        let failure = failure(&folder("long_log"), &pipeline(limits));
        let [.., line] = &failure.log[..] else { panic!("it never logged: {failure:#?}") };
        let (kept, more) = line.message.split_once(" … (").expect("it is cut");
        assert_eq!((kept.len(), more), (most, &*format!("{} bytes more)", (1 << 20) - most)));
    }
}

/// The end of a flood is kept, up to the limit.
#[test]
fn a_flood_of_output_is_truncated_to_its_end() {
    const LINE: &str = "the same line again and again";
    for (limits, most) in [("", 64 << 10), (", log-bytes = \"1KiB\"", 1 << 10)] {
        let limits = format!("time = \"200ms\"{limits}");
        let logged = failure(&folder("flood_log"), &pipeline(&limits)).log;
        let bytes = logged.iter().map(|entry| entry.message.len()).sum::<usize>();
        // Each message has an overhead, so fewer bytes of short messages are kept.
        assert!((300..=most).contains(&bytes), "{bytes}");
        assert!(logged.iter().all(|entry| entry.message == LINE), "{logged:?}");
        let printed = failure(&folder("flood_stderr"), &pipeline(&limits)).stderr;
        assert!((1 << 10..=most).contains(&printed.len()), "{}", printed.len());
        // The first and the last line may be incomplete.
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines[1..lines.len() - 1].iter().all(|line| *line == LINE), "{printed}");
        assert!(lines.last().is_some_and(|last| LINE.starts_with(last)), "{printed}");
    }
}

/// The failure of a guest whose file has one more custom section.
fn padded(name: &str, bytes: usize) -> Failure {
    let folder = folder("unreachable");
    let mut section = vec![0];
    leb128(1 + name.len() + bytes, &mut section);
    section.push(name.len().try_into().expect("names are short"));
    section.extend_from_slice(name.as_bytes());
    let component = [folder.bytes("guest.wasm"), section, vec![b'a'; bytes]].concat();
    folder.write("guest.wasm", component);
    failure(&folder, &pipeline(""))
}

/// Writes an unsigned number in LEB128.
fn leb128(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[test]
fn source_lines_are_found_in_a_large_component() {
    let failure = padded("padding", 40 << 20);
    assert!(failure.location.is_some_and(|location| location.file.ends_with("bad_unreachable.rs")));
}

#[test]
fn too_much_debug_information_leaves_function_names_in_the_backtrace() {
    let failure = padded(".debug_str", 40 << 20);
    assert_eq!(failure.location, None);
    assert!(failure.backtrace.iter().all(|frame| frame.location.is_none()), "{failure:#?}");
    let named = |frame: &stillbox::failure::Frame| frame.function.contains("bad_unreachable::");
    assert!(failure.backtrace.iter().any(named), "{failure:#?}");
}
