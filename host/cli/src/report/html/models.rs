//! The models of a run.

use std::fmt::Write as _;
use std::time::Duration;

use stillbox::units::{counted, grouped};

use crate::output::summary::duration;
use crate::report::evidence::Evidence;
use crate::report::text::html;

/// The number of models in the table.
const MAX_MODELS: usize = 100;

/// Characters of a name.
const MAX_NAME: usize = 100;

/// Requests, tokens, cost and waits of each model.
pub(super) fn models(page: &mut String, evidence: &Evidence) {
    let models = &evidence.report.models;
    if models.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Models</h2><div class=\"wide\"><table><tr><th>model</th><th>requests</th><th>retries</th>\
         <th>stored answers</th><th>tokens in</th><th>tokens out</th><th>cost</th><th>waits for rate limits</th></tr>\n",
    );
    for model in models.iter().take(MAX_MODELS) {
        let numbers =
            [model.requests, model.retries, model.stored_answers, model.input_tokens, model.output_tokens].map(grouped);
        let cells = numbers.join("</td><td>");
        let cost = model.cost.map_or_else(|| "no price".to_owned(), |cost| format!("{cost:.4}"));
        let waits = duration(Duration::try_from_secs_f64(model.rate_limit_seconds).unwrap_or_default());
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{cells}</td><td>{cost}</td><td>{waits}</td></tr>",
            html(&model.name.chars().take(MAX_NAME).collect::<String>())
        );
    }
    page.push_str("</table></div>\n");
    if let Some(more) = models.len().checked_sub(MAX_MODELS).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>and {}</p>", counted(more as u64, "more model", "more models"));
    }
    page.push_str("</section>\n");
}
