//! The chain of causes of an error.

use std::error::Error;
use std::fmt;
use std::iter::successors;

/// A cause of which only the text is known, because it comes from a record or from another process.
#[derive(Debug)]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// Creates a chain from the texts of its links, the nearest first. Returns `None` without texts.
    pub(crate) fn chain(texts: &[String]) -> Option<Self> {
        let link =
            |source: Option<Self>, text: &String| Some(Self { text: text.clone(), source: source.map(Box::new) });
        texts.iter().rev().fold(None, link)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

impl Drop for Cause {
    /// Frees a long chain link by link, since a record may have any number of causes.
    fn drop(&mut self) {
        let mut next = self.source.take();
        while let Some(mut cause) = next {
            next = cause.source.take();
        }
    }
}

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
    fn a_chain_of_any_length_can_be_freed() {
        let texts: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let first = Cause::chain(&texts).expect("there are texts");
        assert_eq!(first.source().expect("there is a second").to_string(), "1");
    }

    #[test]
    fn a_cause_that_the_link_before_has_in_its_text_is_left_out() {
        let link = |text, source: Option<Link>| Link { text, source: source.map(Box::new) };
        let error = link("cannot read", Some(link("External: denied", Some(link("denied", Some(link("why", None)))))));
        assert_eq!(chain(&error), "cannot read: External: denied: why");
        assert_eq!(causes(&error).map(ToString::to_string).collect::<Vec<_>>(), ["External: denied", "why"]);
    }
}
