//! The modules of a step, as the host hands them over: a JSON object.

use std::collections::BTreeMap;

use boa_engine::JsString;

use crate::json::Json;

/// The most characters of a line in a message.
const MAX_LINE: usize = 160;

/// The modules of a step.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    /// The path of the first module.
    pub(crate) main: String,
    /// The place of the default export of the first module.
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) modules: BTreeMap<String, ModuleText>,
}

/// One module.
#[derive(Debug)]
pub(crate) struct ModuleText {
    /// As the author wrote it.
    pub(crate) code: JsString,
    /// The paths of the modules that it imports, by what it calls them.
    pub(crate) imports: BTreeMap<String, String>,
}

impl Bundle {
    /// Reads the modules.
    ///
    /// # Errors
    /// The text was not written by the host's `build`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("this component has no code: `stillbox build` adds that of a step".into());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let json = Json::parse(text)?;
        let text = |name: &str| json.member(name).and_then(Json::text).unwrap_or_default();
        let number = |name: &str| json.member(name).and_then(Json::number).and_then(|number| number.parse().ok());
        let modules = json.member("modules").map(Json::elements).unwrap_or_default();
        let bundle = Self {
            name: text("name"),
            version: text("version"),
            summary: text("summary"),
            main: text("main"),
            line: number("line").unwrap_or(1),
            column: number("column").unwrap_or(1),
            modules: modules.iter().filter_map(ModuleText::read).collect(),
        };
        if !bundle.modules.contains_key(&bundle.main) {
            return Err("the code in this component lacks the first module of the step: build the step again with `stillbox build`".into());
        }
        Ok(bundle)
    }

    /// Returns the line of a file of the author, from 1, without white space around it, or the begin of a long one.
    pub(crate) fn line(&self, file: &str, line: u32) -> Option<String> {
        let module = self.modules.get(file)?;
        let text = module.code.to_std_string_lossy();
        let line = text.lines().nth(line.checked_sub(1)? as usize)?.trim();
        let end = line.char_indices().nth(MAX_LINE).map_or(line.len(), |(end, _)| end);
        let dots = if end < line.len() { "..." } else { "" };
        Some(format!("{}{dots}", &line[..end])).filter(|line| !line.is_empty())
    }
}

impl ModuleText {
    fn read(json: &Json) -> Option<(String, Self)> {
        let imports = json.member("imports").map(Json::members).unwrap_or_default();
        let module = Self {
            code: json.member("code")?.string()?.clone(),
            imports: imports
                .iter()
                .filter_map(|(name, path)| Some((name.to_std_string_lossy(), path.text()?)))
                .collect(),
        };
        Some((json.member("path")?.text()?, module))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_without_the_first_module_is_an_error() {
        for text in ["{}", r#"{"main":"","modules":[]}"#, r#"{"main":"a.js","modules":[{"path":"b.js","code":""}]}"#] {
            let error = Bundle::parse(text.as_bytes()).expect_err("there is no first module");
            assert!(error.starts_with("the code in this component lacks the first module"), "{error}");
        }
        assert!(Bundle::parse(br#"{"main":"a.js","modules":[{"path":"a.js","code":""}]}"#).is_ok());
    }
}
