//! The table, as Markdown.

use crate::figures::{Figures, Shown, Unit};

/// Begins a part of the table.
pub(crate) fn heading(title: &str) {
    println!("\n### {title}\n\n| what | median | spread | against | target |\n|---|---|---|---|---|");
}

/// A line of the table.
pub(crate) struct Line<'a> {
    pub(crate) what: &'a str,
    pub(crate) figures: &'a Figures,
    pub(crate) unit: Unit,
    /// The baseline, and the ratio to it.
    pub(crate) against: Option<(&'a str, Figures)>,
    pub(crate) target: &'a str,
}

impl<'a> Line<'a> {
    pub(crate) fn new(what: &'a str, figures: &'a Figures, unit: Unit) -> Self {
        Self { what, figures, unit, against: None, target: "" }
    }

    pub(crate) fn against(self, name: &'a str, ratios: Figures) -> Self {
        Self { against: Some((name, ratios)), ..self }
    }

    pub(crate) fn target(self, target: &'a str) -> Self {
        Self { target, ..self }
    }

    pub(crate) fn print(self) {
        let Self { what, figures, unit, against, target } = self;
        let shown = |share| Shown(figures.at(share), unit);
        let against = against.map_or_else(String::new, |(name, ratios)| {
            let [low, median, high] = [0.0, 0.5, 1.0].map(|share| ratios.at(share));
            format!("{median:.2} × {name} ({low:.2} … {high:.2})")
        });
        println!("| {what} | {} | {} … {} | {against} | {target} |", shown(0.5), shown(0.0), shown(1.0));
    }
}

/// A line that says why something is not measured.
pub(crate) fn skipped(what: &str, why: &str) {
    println!("| {what} | | | skipped: {why} | |");
}
