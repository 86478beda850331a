use serde_json::{Map, Value};

use super::problems::suggestion;
use super::{ParameterValue, Problems};

/// The JSON object that a struct of parameters is read from.
#[derive(Debug)]
pub struct Object<'a> {
    at: &'a str,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// Checks that a value is an object without other members than `keys`.
    pub fn new(value: &'a Value, at: &'a str, keys: &[(&str, bool)], problems: &mut Problems) -> Option<Self> {
        let Value::Object(members) = value else { return problems.wrong_type(at, "an object", value) };
        let object = Self { at, members };
        for key in members.keys() {
            if keys.iter().all(|(known, _)| known != key) {
                let path = object.path(key);
                let suggestion = suggestion(key, keys.iter().map(|(known, _)| *known));
                problems.add(format!("unknown parameter `{path}`{suggestion}"));
            }
        }
        Some(object)
    }

    /// Reads a parameter without a default. It must be present, unless its type has a value for a missing one.
    pub fn required<T: ParameterValue>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        match self.members.get(key) {
            Some(value) => T::read(value, &self.path(key), problems),
            None => T::missing().or_else(|| {
                problems.add(format!("`{}` is missing, and there is no default", self.path(key)));
                None
            }),
        }
    }

    /// Reads a parameter with a default.
    pub fn or_default<T: ParameterValue>(
        &self,
        key: &str,
        default: impl FnOnce() -> T,
        problems: &mut Problems,
    ) -> Option<T> {
        match self.members.get(key) {
            Some(value) => T::read(value, &self.path(key), problems),
            None => Some(default()),
        }
    }

    /// Returns the path of a member from the outermost object.
    pub fn path(&self, key: &str) -> String {
        match self.at {
            "" => key.to_owned(),
            at => format!("{at}.{key}"),
        }
    }
}
