//! The chain of causes of an error.

use std::error::Error;
use std::iter::successors;

/// Returns the causes of an error, starting with the direct cause. A cause whose text is in that of the link before is left
/// out, because errors of some libraries have their cause in their message as well.
pub fn causes<'a>(error: &'a (dyn Error + 'a)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut before = error.to_string();
    successors(error.source(), |&cause| cause.source()).filter(move |cause| {
        let text = cause.to_string();
        let is_new = !before.contains(&text);
        before = text;
        is_new
    })
}

/// Returns an error and its causes in one line, with colons between them.
pub fn chain(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn a_cause_that_the_link_before_has_in_its_text_is_left_out() {
        let link = |text, source: Option<Link>| Link { text, source: source.map(Box::new) };
        let error = link("cannot read", Some(link("External: denied", Some(link("denied", Some(link("why", None)))))));
        assert_eq!(chain(&error), "cannot read: External: denied: why");
        assert_eq!(causes(&error).map(ToString::to_string).collect::<Vec<_>>(), ["External: denied", "why"]);
    }
}
