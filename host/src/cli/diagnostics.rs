//! stub
pub(crate) fn render(c: &stillbox::Complaints, _: bool) -> String { c.to_string() }
