//! Settings of a step outside of a pipeline.

use std::path::Path;

use super::allow;
use super::case;
use super::diagnostic::Diagnostics;
use super::limits;
use super::location::ConfigLocation;
use super::on_failure;
use super::secrets;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::policy::OnFailure;

/// Settings of a step outside of a pipeline, with the keys of `[[step]]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepSettings {
    /// `limits`. Limits that are not set have their defaults.
    pub limits: Limits,
    /// `on-failure`.
    pub(crate) on_failure: OnFailure,
    /// `allow`, and `secrets`, which a pipeline file has outside of its steps. Relative paths are relative to the current
    /// directory.
    pub(crate) grants: Grants,
}

impl StepSettings {
    /// Parses TOML with the keys `limits`, `on-failure`, `allow` and `secrets`.
    ///
    /// # Errors
    /// All problems in the text.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        let settings = case::parse(Path::new("the settings of the step"), text, |table, context| {
            let limits = limits::read(table, "limits", ConfigLocation::File, context).value;
            let on_failure = on_failure::read(table, context).value;
            let mut grants = allow::read(table, context).grants();
            for (name, source) in secrets::read(table, context) {
                grants.secret(name, source.value);
            }
            Some(Self { limits: Limits::default().with(&limits), on_failure, grants })
        });
        settings.map(|settings| settings.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_keys_of_a_step() {
        let settings = StepSettings::parse("limits = { fuel = 5 }\non-failure = \"reject\"").unwrap();
        assert_eq!((settings.limits.fuel, settings.on_failure), (Some(5), OnFailure::Reject));
        assert_eq!(StepSettings::parse("").unwrap(), StepSettings::default());
    }

    #[test]
    fn all_problems_of_the_settings_are_reported() {
        let wrong = StepSettings::parse("limit = { fuel = 5 }\non-failure = \"rejects\"").unwrap_err();
        insta::assert_snapshot!(wrong, @r#"
        the settings of the step:1:1: unknown key `limit` in the file (did you mean `limits`? the file takes allow, limits, on-failure and secrets)
        the settings of the step:2:14: `on-failure` is "rejects", which is not a policy (did you mean "reject"? write "stop", "reject" or a table such as `{ retry = 3, then = "reject" }`)
        "#);
    }
}
