//! A grant for a variable of the environment.

/// A variable of a step's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvGrant {
    /// The name that the step sees.
    pub name: String,
    /// The value.
    pub value: EnvValue,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvValue {
    /// This text.
    Literal(String),
    /// The value of a variable of the host, by its name.
    Host(String),
}

impl EnvGrant {
    /// Sets a variable to a text.
    pub fn literal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: EnvValue::Literal(value.into()) }
    }

    /// Passes a variable of the host.
    pub fn host(name: impl Into<String>, variable: impl Into<String>) -> Self {
        Self { name: name.into(), value: EnvValue::Host(variable.into()) }
    }
}
