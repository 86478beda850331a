//! The causes of a failure as a chain of errors.

use std::sync::OnceLock;

use crate::text::Cause;

/// Errors that are built from the causes of a record when they are first needed. They are no data of their own, so all chains
/// are equal, and a clone is built again.
#[derive(Debug, Default)]
pub(crate) struct CauseChain(OnceLock<Option<Box<Cause>>>);

impl CauseChain {
    /// Returns the first cause.
    pub(super) fn get(&self, causes: &[String]) -> Option<&(dyn std::error::Error + 'static)> {
        let first = self.0.get_or_init(|| Cause::chain(causes).map(Box::new));
        first.as_deref().map(|cause| cause as _)
    }
}

impl Clone for CauseChain {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for CauseChain {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use crate::failure::{Failure, FailureKind};
    use crate::text::{causes, chain};

    #[test]
    fn the_causes_of_a_failure_are_its_sources() {
        let failure = Failure::new(FailureKind::GuestError, "no rule");
        assert!(failure.source().is_none());
        let failure = Failure { causes: vec!["the file".into(), "the disk".into()], ..failure.clone() };
        assert_eq!(chain(&failure), "no rule: the file: the disk");
        assert_eq!(causes(&failure).count(), 2);
        assert_eq!(failure.clone(), failure);
    }
}
