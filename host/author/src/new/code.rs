//! The templates of the code of a new step.

use super::{Language, StepTemplate};

/// Returns the template of the step's code.
pub(super) fn code(language: Language, template: StepTemplate) -> &'static str {
    macro_rules! of {
        ($shape:literal) => {
            match language {
                Language::Rust => include_str!(concat!("rust/", $shape, ".rs.template")),
                Language::Python => include_str!(concat!("python/", $shape, ".py.template")),
                Language::JavaScript => include_str!(concat!("javascript/", $shape, ".js.template")),
            }
        };
    }
    match template {
        StepTemplate::Transform => of!("transform"),
        StepTemplate::Filter => of!("filter"),
        StepTemplate::Expand => of!("expand"),
        StepTemplate::Source => of!("source"),
        StepTemplate::Aggregate => of!("aggregate"),
    }
}
