//! Parsers and checks by themselves, for the fuzz driver. No part of the library's interface: anything here may change.
//!
//! Every function takes bytes that anyone may have written. An error is a good end; a panic, an abort, a hang, or a value that is
//! not the one that was written is a finding.

mod inputs;
mod outputs;
mod state;

use std::path::Path;

pub use inputs::{FORMATS, read_input};
pub use outputs::check_output;
pub use state::{
    cached_call, checkpoint, framed_cached_call, framed_checkpoint, read_run_files, spill_frames, write_spill,
};

use crate::component::{self, walk};
use crate::config::Config;
use crate::text;

/// Reads the sections of a component as before compiling it, its tools, and its debug information at offsets all over it.
pub fn walk_component(bytes: &[u8]) {
    let _ = walk(bytes);
    let _ = component::toolchain(bytes);
    let offsets: Vec<u64> = (0..16).map(|part| bytes.len() as u64 * part / 16).collect();
    for frame in component::frames_in(bytes, &offsets).iter().flat_map(|frames| frames.iter()) {
        assert!(frame.function.as_ref().is_none_or(|name| name.len() <= bytes.len().saturating_mul(3)));
    }
}

/// Parses a pipeline file, and prints its diagnostics.
pub fn parse_pipeline(text: &str) {
    if let Err(diagnostics) = Config::parse(Path::new("pipeline.toml"), text) {
        let shown = diagnostics.to_string();
        assert!(!shown.contains(|c| text::is_unfit(c) && c != '\n'), "{shown:?}");
    }
}

/// Makes a text safe to display in each way, and checks that it is.
pub fn escape(text: &str) {
    let is_unfit = |c: char| text::is_unfit(c) && !matches!(c, '\n' | '\t');
    let is_command = |line: &str| {
        let line = line.trim_start();
        line.starts_with("::") && line[2..].contains("::")
            || ["##[", "##vso[", "##teamcity["].iter().any(|start| line.contains(start))
    };
    for (index, shown) in
        [text::escape_controls(text), text::escape_controls_in_lines(text), text::mark_lines(text)].iter().enumerate()
    {
        assert!(!shown.contains(is_unfit), "{shown:?}");
        let (first, lines) = shown.split_once('\n').map_or((&**shown, None), |(first, rest)| (first, Some(rest)));
        match index {
            0 => assert!(lines.is_none() && !is_command(first), "{shown:?}"),
            1 => assert!(!shown.lines().any(is_command), "{shown:?}"),
            _ => assert!(lines.is_none_or(|lines| lines.split('\n').all(|line| line.starts_with("  |"))), "{shown:?}"),
        }
    }
    let json = serde_json::to_string(text).expect("a text is JSON");
    let shown = text::escape_controls_in_json(&json);
    assert!(!shown.contains(text::is_unfit) && !is_command(&shown), "{shown:?}");
    assert_eq!(serde_json::from_str::<String>(&shown).ok().as_deref(), Some(text));
}
