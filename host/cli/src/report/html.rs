//! The report as one HTML page: self-contained, without scripts, and of bounded size.
//!
//! Every text that comes from a step, a file or the command line passes through `html`, and stands between tags, never in one. A
//! policy in the page forbids scripts and every load, should that fail.

mod drops;
mod models;
mod sections;

use std::fmt::Write as _;

use super::evidence::{Evidence, RunVerdict};
use super::text::html;

/// Styles of the page.
const STYLE: &str = include_str!("html/style.css");
/// The content policy of the page: a browser loads nothing but the styles in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Returns the page.
pub(super) fn page(evidence: &Evidence) -> String {
    let title = html(&evidence.pipeline);
    let class = match evidence.verdict {
        RunVerdict::Done => "done",
        RunVerdict::Failed => "failed",
        RunVerdict::Stopped => "stopped",
    };
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}: {title}</title>\n\
         <style>\n{STYLE}</style></head><body>\n<header><h1>{title}</h1>\n\
         <div class=\"verdict {class}\"><b>{}</b><p>{}</p></div></header>\n<main>\n",
        evidence.verdict.word(),
        evidence.verdict.word(),
        html(&evidence.sentence),
    );
    sections::warnings(&mut page, evidence);
    sections::failures(&mut page, evidence);
    sections::graph(&mut page, evidence);
    sections::steps(&mut page, evidence);
    drops::drops(&mut page, evidence);
    models::models(&mut page, evidence);
    sections::limits(&mut page, evidence);
    sections::timeline(&mut page, evidence);
    sections::environment(&mut page, evidence);
    page.push_str("</main></body></html>\n");
    page
}
