//! Stacks of guests: captured in the callback of the epoch, and turned into frames of their sources.

use std::fmt::Write as _;

use wasmtime::{StoreContextMut, WasmBacktrace};

use crate::component::{SourceFrame, Symbols};
use crate::engine::State;
use crate::failure::{LINES, REJECTED};
use crate::interrupt::Stop;
use crate::monitor::{Libraries, Symbolizer};
use crate::stack::{Frame, Location};
use crate::text::{BoundedText, cut};

/// Bound of a function's name, mangled or not, in bytes.
const NAME_BYTES: usize = 4 << 10;

/// Gives the stack of a guest that computes to a snapshot that waits for it.
pub(super) fn give(store: &StoreContextMut<'_, State>) {
    if let Some(call) = store.data().monitored()
        && let Some(snapshot) = call.wanted()
    {
        call.give(snapshot, WasmBacktrace::force_capture(store));
    }
}

impl Symbolizer for Symbols {
    fn frames(&self, backtrace: &WasmBacktrace, libraries: Libraries) -> Vec<Frame> {
        let mut frames = frames(backtrace, self, &Stop::default(), libraries);
        REJECTED.keep_backtrace(&mut frames);
        frames
    }
}

/// Returns the frames of a stack.
pub(super) fn frames(backtrace: &WasmBacktrace, symbols: &Symbols, stop: &Stop, libraries: Libraries) -> Vec<Frame> {
    let offset = |frame: &wasmtime::FrameInfo| frame.module_offset().map_or(u64::MAX, |offset| offset as u64);
    let offsets: Vec<u64> = backtrace.frames().iter().map(offset).collect();
    let sources = symbols.frames(&offsets, stop);
    let mut frames = FoldedFrames::default();
    let all = backtrace.frames().iter().zip(&sources).flat_map(|(frame, sources)| source_frames(frame, sources));
    for frame in all.take(LINES) {
        let is_library = || frame.location.as_ref().is_some_and(|location| is_library(&location.file));
        if libraries == Libraries::Folded && is_library() {
            frames.fold();
        } else {
            frames.push(frame);
        }
    }
    frames.finish()
}

/// Frames of which those of the standard library are counted.
#[derive(Default)]
pub(super) struct FoldedFrames {
    frames: Vec<Frame>,
    /// The number of folded frames after the last one.
    folded: usize,
}

impl FoldedFrames {
    pub(super) fn push(&mut self, frame: Frame) {
        self.end_fold();
        self.frames.push(frame);
    }

    /// Counts a frame of the standard library.
    pub(super) fn fold(&mut self) {
        self.folded += 1;
    }

    pub(super) fn finish(mut self) -> Vec<Frame> {
        self.end_fold();
        self.frames
    }

    fn end_fold(&mut self) {
        let function = match std::mem::take(&mut self.folded) {
            0 => return,
            1 => "(a frame of the standard library)".to_owned(),
            folded => format!("({folded} frames of the standard library)"),
        };
        self.frames.push(Frame { function, location: None });
    }
}

/// Returns the source frames of one machine frame, several if functions were inlined.
fn source_frames(frame: &wasmtime::FrameInfo, sources: &[SourceFrame]) -> Vec<Frame> {
    let named = || frame.func_name().map_or_else(|| "?".into(), demangled);
    if sources.is_empty() {
        return vec![Frame { function: named(), location: None }];
    }
    let of_source = |source: &SourceFrame| Frame {
        function: source.function.as_deref().map_or_else(named, demangled),
        location: source.location.clone(),
    };
    sources.iter().map(of_source).collect()
}

/// Returns whether a source file belongs to the Rust or C standard library, or to a crate from a registry.
pub(super) fn is_library(file: &str) -> bool {
    [
        "/rustc/",
        "/rustlib/src/",
        "/cargo/registry/",
        "/.cargo/registry/",
        "/wasi-libc/",
        "/libc-top-half/",
        "/libc-bottom-half/",
    ]
    .iter()
    .any(|part| file.contains(part))
}

/// Returns the innermost place outside of the SDK, or else the innermost one.
pub(super) fn place(frames: &[Frame]) -> Option<&Location> {
    let places = || frames.iter().filter_map(|frame| frame.location.as_ref());
    let is_sdk = |file: &str| ["/stillbox-sdk/src/", "/guest-sdk/src/"].iter().any(|part| file.contains(part));
    places().find(|place| !is_sdk(&place.file)).or_else(|| places().next())
}

/// Returns a function's name as its author wrote it, without the hash that the compiler adds.
fn demangled(name: &str) -> String {
    if name.len() > NAME_BYTES {
        return cut(name, NAME_BYTES);
    }
    // A short mangled name can expand without end; writing stops at the bound. `#` leaves out the hash.
    let mut bounded = BoundedText::new(NAME_BYTES);
    let _ = write!(bounded, "{:#}", rustc_demangle::demangle(name));
    bounded.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_author_if_there_is_one() {
        let frame = |file: &str| Frame {
            function: "f".into(),
            location: (!file.is_empty()).then(|| Location { file: file.into(), line: 1, column: None }),
        };
        let of = |files: &[&str]| {
            let frames: Vec<Frame> = files.iter().map(|file| frame(file)).collect();
            place(&frames).map(|place| place.file.clone())
        };
        assert_eq!(of(&["", "/stillbox-sdk/src/log.rs", "src/lib.rs", "src/other.rs"]).as_deref(), Some("src/lib.rs"));
        assert_eq!(
            of(&["", "/a/guest-sdk/src/log.rs", "/stillbox-sdk/src/log.rs"]).as_deref(),
            Some("/a/guest-sdk/src/log.rs")
        );
        assert_eq!(of(&[""]), None);
    }

    #[test]
    fn names_are_bounded() {
        assert_eq!(demangled("_RNvC6_123foo3bar"), "123foo::bar");
        assert_eq!(demangled("main"), "main");
        // A generic argument that is a pair of the pair before it, twenty times.
        let mut name = "_RINvC1a1b".to_owned();
        let mut before = None;
        for _ in 0..20 {
            let here = name.len() - "_R".len();
            match before {
                None => name.push_str("TmmE"),
                Some(place) => {
                    let back = base_62(place);
                    name.extend(["TB", &back, "B", &back, "E"]);
                }
            }
            before = Some(here);
        }
        name.push('E');
        let shown = demangled(&name);
        assert!(shown.starts_with("a::b::<(u32, u32), ((u32, u32), (u32, u32)), "), "{}", &shown[..100]);
        assert!(shown.ends_with('…') && shown.len() <= NAME_BYTES + " …".len(), "{}", shown.len());
        assert_eq!(demangled(&format!("_RNvC6_123foo9999{}", "a".repeat(9999))).find(" … ("), Some(NAME_BYTES));
    }

    /// A place in a mangled name.
    fn base_62(place: usize) -> String {
        const DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let number = place - 1;
        let digits = [number / 62, number % 62].map(|digit| char::from(DIGITS[digit]));
        let skipped = usize::from(number < 62);
        digits[skipped..].iter().chain(&['_']).collect()
    }
}
