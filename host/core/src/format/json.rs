//! The layout of JSON files, and rules for keys and values that do not fit.

use super::TextEncoding;

/// The settings of JSON and JSON Lines files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct JsonSettings {
    /// How objects are arranged. `None`: by the first character of each file, see [`JsonLayout`].
    pub(crate) layout: Option<JsonLayout>,
    /// The treatment of keys that are not columns.
    pub(crate) unknown_keys: UnknownKeys,
    /// The treatment of `NaN`, `Infinity` and `-Infinity`.
    pub(crate) nan: NanTokens,
    /// The encoding of the text.
    pub(crate) encoding: TextEncoding,
}

/// How the objects of a file are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonLayout {
    /// One object per line. The default for JSON Lines, unless a file starts with `[`.
    Lines,
    /// One array of objects. The default if a file starts with `[`.
    Array,
    /// Objects one after the other, each on any number of lines. The default for JSON if a file starts with `{`.
    Objects,
}

/// The rule for keys that are not columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum UnknownKeys {
    /// Such a key is an error.
    #[default]
    Error,
    /// Such keys are left out.
    Ignore,
    /// Such keys and their values become one object in a `json` column of this name.
    Into(String),
}

/// The rule for `NaN`, `Infinity` and `-Infinity`, which are not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NanTokens {
    /// They are an error.
    #[default]
    Error,
    /// They are null.
    Null,
    /// They are floats.
    Float,
}
