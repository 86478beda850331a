//! Does one operation on files for each row, and returns its result or its error.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    /// Such as `read`.
    operation: &'a str,
    path: &'a str,
    /// A second path, or the text to write.
    #[column(optional)]
    other: Option<&'a str>,
}

#[derive(Output)]
struct Done {
    result: String,
}

/// Uses files.
#[step]
fn use_files(row: Row<'_>) -> Result<Done> {
    let other = row.other.unwrap_or_default();
    let result = match row.operation {
        "read" => fs::read_to_string(row.path),
        "list" => fs::read_dir(row.path).and_then(names),
        "write" => fs::write(row.path, other).map(|()| "done".into()),
        "append" => append(row.path, other).map(|()| "done".into()),
        "fill" => fill(row.path, other.parse()?).map(|()| "done".into()),
        "grow" => OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(row.path)
            .and_then(|file| file.set_len(other.parse().unwrap_or(0)))
            .map(|()| "done".into()),
        "create-folder" => fs::create_dir_all(row.path).map(|()| "done".into()),
        "rename" => fs::rename(row.path, other).map(|()| "done".into()),
        "remove" => fs::remove_file(row.path).map(|()| "done".into()),
        "hard-link" => fs::hard_link(row.path, other).map(|()| "done".into()),
        "open" => fs::File::open(row.path).map(|file| format!("descriptor {}", i32::from(file.as_raw_fd() >= 0))),
        "leak" => {
            (0..other.parse()?).try_for_each(|_| fs::File::open(row.path).map(std::mem::forget)).map(|()| "done".into())
        }
        "variable" => Ok(std::env::var(row.path).unwrap_or_else(|_| "not set".into())),
        "variables" => Ok(format!("{:?}", std::env::vars().collect::<Vec<_>>())),
        operation => stillbox_sdk::bail!("unknown operation {operation}"),
    };
    Ok(Done { result: result.unwrap_or_else(|error| format!("error: {}", error.kind())) })
}

fn names(entries: fs::ReadDir) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

fn append(path: &str, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// Writes zeros in parts.
fn fill(path: &str, bytes: usize) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    let part = vec![0; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(part.len());
        file.write_all(&part[..length])?;
        left -= length;
    }
    Ok(())
}
