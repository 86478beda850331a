//! Sources and sinks whose files the calling program replaces by record batches.

use std::collections::BTreeMap;

use crate::config::{Config, ConfigLocation, Diagnostic, nearest};
use crate::sink::BatchSink;
use crate::source::BatchSource;

/// The replaced sources and sinks of a run, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacements {
    pub(crate) sources: BTreeMap<String, BatchSource>,
    pub(crate) sinks: BTreeMap<String, BatchSink>,
}

impl Replacements {
    /// Returns the record batches that replace the files of a source, by its index in the pipeline file.
    pub(crate) fn source(&self, config: &Config, index: usize) -> Option<&BatchSource> {
        self.sources.get(&*config.source_name(index))
    }

    /// Returns the function that replaces the file of a sink, by its index in the pipeline file.
    pub(crate) fn sink(&self, config: &Config, index: usize) -> Option<&BatchSink> {
        self.sinks.get(&*config.sink_name(index))
    }

    /// Reports names that the pipeline does not have.
    pub(super) fn check(&self, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
        let sources: Vec<_> = (0..config.sources.len()).map(|index| config.source_name(index)).collect();
        let sinks: Vec<_> = (0..config.sinks.len()).map(|index| config.sink_name(index)).collect();
        let mut report = |what: &str, name: &str, known: &[std::sync::Arc<str>]| {
            if known.iter().any(|known| **known == *name) {
                return;
            }
            let known: Vec<&str> = known.iter().map(|name| &**name).collect();
            let help = match nearest(name, known.iter().copied()) {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => format!("the {what}s are: {}", known.join(", ")),
            };
            let message =
                format!("record batches are given for the {what} \"{name}\", which the pipeline does not have");
            diagnostics.push(Diagnostic::new(ConfigLocation::File, message).help(help));
        };
        self.sources.keys().for_each(|name| report("source", name, &sources));
        self.sinks.keys().for_each(|name| report("sink", name, &sinks));
    }
}
