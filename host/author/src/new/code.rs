//! The templates of the code of a new step.

use super::{Language, Shape};

/// Returns the template of the step's code.
pub(super) fn code(language: Language, shape: Shape) -> &'static str {
    macro_rules! of {
        ($shape:literal) => {
            match language {
                Language::Rust => include_str!(concat!("rust/", $shape, ".rs.template")),
                Language::Python => include_str!(concat!("python/", $shape, ".py.template")),
            }
        };
    }
    match shape {
        Shape::Transform => of!("transform"),
        Shape::Filter => of!("filter"),
        Shape::Expand => of!("expand"),
        Shape::Source => of!("source"),
        Shape::Aggregate => of!("aggregate"),
    }
}
