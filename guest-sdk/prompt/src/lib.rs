//! Prompts from templates and columns, for steps that ask language models.

mod columns;
mod conversation;
mod metadata;
mod template;

pub use columns::Columns;
pub use conversation::{Prompt, Role};
pub use metadata::metadata;
pub use template::Template;
