//! Grants: requests by HTTP, folders, variables, secrets, and the policy that bounds them.

mod cancellation;
mod files;
mod hostile;
mod http;
mod policy;
mod python;
mod secrets;

use crate::harness::{Folder, PipelineFile, Table, step};

/// Writes the URLs that the guest is to fetch, one for each row.
fn write_urls(folder: &Folder, urls: &[String]) {
    let rows: String = urls.iter().map(|url| format!("{}\n", serde_json::json!({ "url": url }))).collect();
    folder.write("input.jsonl", rows);
}

/// The value of a column in each row of the output.
fn column(folder: &Folder, name: &str) -> Vec<String> {
    let text = |row: &serde_json::Value| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
    folder.json_lines("output.jsonl").iter().map(text).collect()
}

/// A pipeline whose rejected rows are written, so that a test sees the error of each row.
fn rejecting(table: Table) -> PipelineFile {
    PipelineFile::new().add(table.on_failure("reject")).rejects()
}

/// The kind, message and hint of each rejected row.
fn rejects(folder: &Folder) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rejects = folder.json_lines("rejects.jsonl");
    let failure = |reject: &serde_json::Value| {
        let failure = &reject["failure"];
        (text(&failure["kind"]), text(&failure["message"]), text(&failure["hint"]))
    };
    rejects.iter().map(failure).collect()
}

fn fetch() -> Table {
    step("fetch")
}
