//! The tools that built a component, as recorded in its custom sections. For information only.

use wasmparser::{KnownCustom, Parser, Payload};

use crate::text::cut;

/// The custom section with the language, a space, and the version of the SDK. The second line of a Python step is the folder of its module,
/// relative to the step's folder: empty or ending with `/`.
pub(crate) const SDK_SECTION: &str = "stillbox-sdk";

/// The maximum length of a name or version in bytes. Longer ones are truncated.
const TEXT_BYTES: usize = 128;
/// The maximum number of tools. Further ones are ignored.
const TOOLS: usize = 16;

/// The tools that built a component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toolchain {
    /// The language of the step, such as `rust`. `None` if it is unknown.
    pub language: Option<String>,
    /// The version of the SDK. `None` if it is unknown.
    pub sdk: Option<String>,
    /// The names and versions of the tools that processed it, such as `rustc`, sorted by name.
    pub tools: Vec<(String, String)>,
    /// The folder of a Python step's module. `None` for other steps.
    pub(crate) source_folder: Option<String>,
}

/// Reads the custom sections about tools: [`SDK_SECTION`], and `producers` of the WebAssembly tool conventions.
pub(crate) fn toolchain(component: &[u8]) -> Toolchain {
    let mut toolchain = Toolchain::default();
    let mut language = None;
    for payload in Parser::new(0).parse_all(component) {
        // The compiler reports invalid sections.
        let Ok(Payload::CustomSection(section)) = payload else { continue };
        if section.name() == SDK_SECTION {
            let text = String::from_utf8_lossy(section.data());
            let mut lines = text.lines();
            let mut words = lines.next().unwrap_or_default().split_whitespace();
            toolchain.language = words.next().map(|word| cut(word, TEXT_BYTES));
            toolchain.sdk = words.next().map(|word| cut(word, TEXT_BYTES));
            toolchain.source_folder = lines.next().map(|folder| cut(folder, TEXT_BYTES));
            continue;
        }
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let (name, version) = (cut(value.name, TEXT_BYTES), cut(value.version, TEXT_BYTES));
                match field.name {
                    "language" => language = language.or(Some(name)),
                    "processed-by" if toolchain.tools.len() < TOOLS => toolchain.tools.push((name, version)),
                    _ => {}
                }
            }
        }
    }
    toolchain.tools.sort();
    toolchain.tools.dedup();
    toolchain.language = toolchain.language.or(language);
    toolchain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        for (name, data) in sections {
            let length = u8::try_from(1 + name.len() + data.len()).expect("it is short");
            component.extend([0, length, name.len() as u8]);
            component.extend(name.as_bytes());
            component.extend(*data);
        }
        component
    }

    #[test]
    fn the_language_and_sdk_are_read() {
        let toolchain = toolchain(&component(&[("stillbox-sdk", b"rust 0.1.0\nrust 0.1.0\n")]));
        assert_eq!((toolchain.language.as_deref(), toolchain.sdk.as_deref()), (Some("rust"), Some("0.1.0")));
    }

    #[test]
    fn the_folder_of_a_python_module_is_read() {
        let toolchain = toolchain(&component(&[("stillbox-sdk", b"python 0.1.0\nsrc/\n")]));
        assert_eq!(toolchain.source_folder.as_deref(), Some("src/"));
    }

    #[test]
    fn invalid_sections_are_ignored() {
        assert_eq!(toolchain(&component(&[("stillbox-sdk", b"\xff"), ("producers", b"\xff\xff")])).sdk, None);
        assert_eq!(toolchain(b"\0asm\x0d\0\x01\0\0\xff"), Toolchain::default());
        let long = toolchain(&component(&[("stillbox-sdk", &[b'a'; 100])]));
        assert_eq!(long.language.map(|language| language.len()), Some(100));
    }
}
