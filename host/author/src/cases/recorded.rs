//! The recorded responses of a case: the files `http/*.http`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stillbox::grants::RecordedExchange;

use super::report::Problem;

/// The folder of the recorded responses in the folder of a case.
pub(super) const FOLDER: &str = "http";
const EXTENSION: &str = "http";
/// The most bytes of one file, as of the other files of a case.
const MAX_BYTES: u64 = 16 << 20;

/// Reads all recorded responses of a case, by the names of their files. A case without the folder has none.
///
/// # Errors
/// All problems of the files.
pub(super) fn read(case: &Path) -> Result<Vec<RecordedExchange>, Vec<Problem>> {
    let folder = case.join(FOLDER);
    let unreadable = |file: &Path, message: String| Problem::Unreadable { file: file.to_owned(), message };
    let files = files(&folder).map_err(|error| vec![unreadable(&folder, error.to_string())])?;
    let (mut recorded, mut problems) = (Vec::with_capacity(files.len()), Vec::new());
    for file in files {
        let is_large = fs::metadata(&file).is_ok_and(|metadata| metadata.len() > MAX_BYTES);
        let bytes = if is_large { Err("the file is larger than 16 MiB".to_owned()) } else { read_file(&file) };
        match bytes.and_then(|bytes| RecordedExchange::parse(&bytes)) {
            Ok(exchange) => recorded.push(exchange),
            Err(message) => problems.push(unreadable(&file, message)),
        }
    }
    if problems.is_empty() { Ok(recorded) } else { Err(problems) }
}

/// Replaces the recorded responses of a case, and returns the files that were written. Without responses, the files are left as they are.
///
/// # Errors
/// A file cannot be written, or an exchange has no form as a file.
pub(super) fn write(case: &Path, exchanges: &[RecordedExchange]) -> Result<Vec<PathBuf>, Problem> {
    if exchanges.is_empty() {
        return Ok(Vec::new());
    }
    let folder = case.join(FOLDER);
    let content = |exchange: &RecordedExchange| {
        exchange.to_bytes().map_err(|problem| {
            let message = format!("{} {} cannot be recorded: {problem}", exchange.method, exchange.url);
            Problem::Unreadable { file: folder.clone(), message }
        })
    };
    // All of them, before the old files are removed.
    let contents = exchanges.iter().map(content).collect::<Result<Vec<_>, _>>()?;
    let write_all = || -> io::Result<Vec<PathBuf>> {
        for old in files(&folder)? {
            fs::remove_file(old)?;
        }
        fs::create_dir_all(&folder)?;
        let mut written = Vec::with_capacity(contents.len());
        for (number, content) in contents.into_iter().enumerate() {
            let file = folder.join(format!("{:03}.{EXTENSION}", number + 1));
            fs::write(&file, content)?;
            written.push(file);
        }
        Ok(written)
    };
    write_all().map_err(|error| Problem::Unreadable { file: folder.clone(), message: error.to_string() })
}

fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| error.to_string())
}

/// The files of the folder, sorted. None if there is no folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == EXTENSION));
    files.sort();
    Ok(files)
}
