//! The sizes of caches, and removing unused entries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::private_dir::TEMPORARY_PREFIX;

/// The file extension of entries of the result cache.
pub(super) const OUTPUT_EXTENSION: &str = "out";
const COMPONENT_EXTENSION: &str = "cwasm";
/// Those of components and manifests that were downloaded.
const DOWNLOAD_EXTENSIONS: [&str; 2] = ["wasm", "json"];
/// The age at which a temporary file counts as abandoned. The call log of a slow aggregate may have no writes for hours.
const ABANDONED: Duration = Duration::from_hours(7 * 24);

/// The number and total size of the entries in a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheUsage {
    /// The number of components, batches or call logs.
    pub entries: u64,
    /// The total size, in bytes.
    pub bytes: u64,
}

/// The result of pruning caches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachePruneSummary {
    /// The removed entries.
    pub removed: CacheUsage,
    /// The entries that remain.
    pub remaining: CacheUsage,
}

impl CacheUsage {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

/// Counts the entries of a cache of compiled components, of results or of downloads. A missing directory has none.
///
/// # Errors
/// The directory cannot be read.
pub fn usage_of_cache(directory: &Path) -> io::Result<CacheUsage> {
    let mut usage = CacheUsage::default();
    entries(directory)?.iter().for_each(|entry| usage.add(entry.bytes));
    Ok(usage)
}

/// Removes entries from caches: those not used for at least `unused`, and then the least recently used ones until the rest
/// has at most `max_bytes`. Other files in the directories are not removed. A run that needs a removed entry creates it
/// again.
///
/// # Errors
/// A directory cannot be read, or a file not removed.
pub fn prune_cache(directories: &[&Path], unused: Duration, max_bytes: Option<u64>) -> io::Result<CachePruneSummary> {
    let now = SystemTime::now();
    let mut all = Vec::new();
    for directory in directories {
        all.extend(entries(directory)?);
    }
    // Most recently used first.
    all.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let mut pruned = CachePruneSummary::default();
    let mut is_full = false;
    for entry in all {
        // If the clock was set back, entries may be in the future. They count as new.
        let age = now.duration_since(entry.used).unwrap_or_default();
        is_full |= max_bytes.is_some_and(|max| pruned.remaining.bytes + entry.bytes > max);
        if age < unused && !is_full {
            pruned.remaining.add(entry.bytes);
        } else {
            match fs::remove_file(&entry.path) {
                Ok(()) => pruned.removed.add(entry.bytes),
                // Another process removed it in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", entry.path.display()))),
            }
        }
    }
    Ok(pruned)
}

struct CacheFile {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Lists the entries in a directory and its subfolders of results. Abandoned temporary files count as never used.
fn entries(directory: &Path) -> io::Result<Vec<CacheFile>> {
    let mut all = Vec::new();
    let mut open = vec![(directory.to_owned(), true)];
    while let Some((folder, is_top)) = open.pop() {
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", folder.display()))),
        };
        for entry in listing {
            let entry = entry?;
            // Symbolic links are not followed: entries are files.
            let Ok(metadata) = entry.metadata() else { continue };
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            if metadata.is_dir() {
                // Results are in subfolders whose names are two hexadecimal digits.
                if is_top && name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    open.push((path, false));
                }
                continue;
            }
            let Ok(used) = metadata.modified() else { continue };
            if is_entry(name) {
                all.push(CacheFile { path, bytes: metadata.len(), used });
            } else if name.starts_with(TEMPORARY_PREFIX) && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                all.push(CacheFile { path, bytes: metadata.len(), used: SystemTime::UNIX_EPOCH });
            }
        }
    }
    Ok(all)
}

/// Whether a file's name is that of an entry: hexadecimal digits, and one of the extensions.
fn is_entry(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let is_digest = stem.len() >= 60 && stem.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_digest && [OUTPUT_EXTENSION, COMPONENT_EXTENSION].iter().chain(&DOWNLOAD_EXTENSIONS).any(|own| *own == ending)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_entries_are_removed_and_the_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir(top.join("ab")).unwrap();
        fs::create_dir(top.join("photos")).unwrap();
        let now = SystemTime::now();
        let sized = |name: String, bytes: usize, age: u64| {
            let path = top.join(&name);
            fs::write(&path, vec![0; bytes]).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
            name
        };
        let write = |name, age| sized(name, 100, age);
        let digest = |digit: &str| digit.repeat(62);
        let new = write(format!("ab/{}.out", digest("1")), 10);
        let old = write(format!("ab/{}.out", digest("2")), 5000);
        let component = write(format!("{}-00.cwasm", digest("3")), 100);
        let abandoned = write(format!("ab/{TEMPORARY_PREFIX}xyz"), 8 * 24 * 3600);
        let in_progress = write(format!("ab/{TEMPORARY_PREFIX}abc"), 9000);
        let others = [
            write("photos/1.out".into(), 9999),
            write("notes.txt".into(), 9999),
            write(format!("{}.jpg", digest("4")), 9999),
        ];
        let there = |name: &String| top.join(name).exists();

        assert_eq!(usage_of_cache(top).unwrap(), CacheUsage { entries: 4, bytes: 400 });
        let pruned = prune_cache(&[top], Duration::from_secs(1000), None).unwrap();
        assert_eq!(pruned.removed, CacheUsage { entries: 2, bytes: 200 });
        assert!(there(&new) && there(&component) && !there(&old) && !there(&abandoned));
        let pruned = prune_cache(&[top], Duration::from_secs(1000), Some(150)).unwrap();
        assert_eq!((pruned.removed.entries, pruned.remaining.bytes), (1, 100));
        assert!(there(&new) && !there(&component), "the one used last stays");
        prune_cache(&[top, &top.join("missing")], Duration::ZERO, None).unwrap();
        assert!(!there(&new));
        assert!(others.iter().all(there) && there(&in_progress));

        // Every entry older than the first one that does not fit is removed as well.
        let output = |digit: &str, bytes, age| sized(format!("ab/{}.out", digest(digit)), bytes, age);
        let [first, second, third] = [output("a", 10, 1), output("b", 100, 2), output("c", 1, 3)];
        prune_cache(&[top], Duration::from_hours(1), Some(20)).unwrap();
        assert_eq!([there(&first), there(&second), there(&third)], [true, false, false]);
    }
}
