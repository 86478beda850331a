//! The sizes of caches, and removing unused entries.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::os;
use crate::private_dir::{FOLDER_MARK, TEMPORARY_PREFIX, lock_of_folder, not_followed};

/// The file extension of entries of the result cache.
pub(super) const OUTPUT_EXTENSION: &str = "out";
const COMPONENT_EXTENSION: &str = "cwasm";
/// Those of components and manifests that were downloaded, or that builds have made.
const DOWNLOAD_EXTENSIONS: [&str; 2] = ["wasm", "json"];
/// The age at which a temporary file counts as abandoned. The call log of a slow aggregate may have no writes for hours.
const ABANDONED: Duration = Duration::from_hours(7 * 24);

/// The number and total size of the entries in a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheUsage {
    /// The number of components, batches, call logs or folders.
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

/// Returns the directories with what builds store in the cache folder of a user: environments of Python, compiled dependencies
/// and the runtimes of interpreters.
pub fn build_caches(user_cache: &Path) -> Vec<PathBuf> {
    ["javascript", "python", "python-bases", "python-components", "rust"].map(|name| user_cache.join(name)).into()
}

/// Counts the entries of a cache of compiled components, of results, of downloads or of builds. A missing directory has none.
///
/// # Errors
/// The directory cannot be read.
pub fn usage_of_cache(directory: &Path) -> io::Result<CacheUsage> {
    let mut usage = CacheUsage::default();
    entries(directory)?.iter().for_each(|entry| usage.add(entry.bytes));
    Ok(usage)
}

/// Removes entries from caches: those not used for at least `unused`, and then the least recently used ones until the rest
/// has at most `max_bytes`. Folders that a build uses, and other files in the directories, are not removed. A run that needs a removed entry creates it
/// again.
///
/// # Errors
/// A directory cannot be read, or a file not removed.
pub fn prune_cache(
    directories: &[impl AsRef<Path>],
    unused: Duration,
    max_bytes: Option<u64>,
) -> io::Result<CachePruneSummary> {
    let now = SystemTime::now();
    let mut all = Vec::new();
    for directory in directories {
        all.extend(entries(directory.as_ref())?);
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
            match entry.remove() {
                Ok(true) => pruned.removed.add(entry.bytes),
                Ok(false) => pruned.remaining.add(entry.bytes),
                // Another process removed it in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", entry.path.display()))),
            }
        }
    }
    Ok(pruned)
}

/// A file or a folder.
struct CacheEntry {
    path: PathBuf,
    is_folder: bool,
    bytes: u64,
    used: SystemTime,
}

impl CacheEntry {
    /// Returns whether it was removed. A folder stays while a build uses it, and on Windows a file while a run does.
    fn remove(&self) -> io::Result<bool> {
        if !self.is_folder {
            return os::remove_unless_used(&self.path);
        }
        let lock = not_followed().read(true).create(true).append(true).open(lock_of_folder(&self.path))?;
        // Builds ignore file systems without locks, too.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(false);
        }
        // Without it the folder is no entry, and a build makes it again.
        fs::remove_file(self.path.join(FOLDER_MARK))?;
        fs::remove_dir_all(&self.path)?;
        Ok(true)
    }
}

/// Lists the entries in a directory and its subfolders of results. Abandoned temporary files count as never used.
fn entries(directory: &Path) -> io::Result<Vec<CacheEntry>> {
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
            // Symbolic links are not followed: entries are files and folders.
            let Ok(metadata) = entry.metadata() else { continue };
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            if metadata.is_dir() {
                // Results are in subfolders whose names are two hexadecimal digits.
                if is_top && name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    open.push((path, false));
                } else if let Ok(used) = fs::metadata(path.join(FOLDER_MARK)).and_then(|mark| mark.modified()) {
                    all.push(CacheEntry { bytes: size(&path), path, is_folder: true, used });
                }
                continue;
            }
            let Ok(used) = metadata.modified() else { continue };
            if is_entry(name) {
                all.push(CacheEntry { path, is_folder: false, bytes: metadata.len(), used });
            } else if name.starts_with(TEMPORARY_PREFIX) && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let used = SystemTime::UNIX_EPOCH;
                all.push(CacheEntry { path, is_folder: false, bytes: metadata.len(), used });
            }
        }
    }
    Ok(all)
}

/// Returns the size of all files in a folder. Those that cannot be read are left out: they are being written or removed.
fn size(folder: &Path) -> u64 {
    let Ok(listing) = fs::read_dir(folder) else { return 0 };
    let sizes = listing.filter_map(Result::ok).filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { size(&entry.path()) } else { metadata.len() })
    });
    sizes.sum()
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
        prune_cache(&[top.to_owned(), top.join("missing")], Duration::ZERO, None).unwrap();
        assert!(!there(&new));
        assert!(others.iter().all(there) && there(&in_progress));

        // A folder with the mark is one entry.
        let environment = top.join("0123abcd");
        fs::create_dir_all(environment.join("lib")).unwrap();
        fs::write(environment.join("lib/module.py"), [0; 50]).unwrap();
        crate::private_dir::note_use_of_folder(&environment);
        assert_eq!(usage_of_cache(top).unwrap(), CacheUsage { entries: 1, bytes: 50 });
        prune_cache(&[top], Duration::from_hours(1), None).unwrap();
        assert!(environment.exists());
        let mark = File::options().write(true).open(environment.join(FOLDER_MARK)).unwrap();
        mark.set_modified(now - Duration::from_hours(2)).unwrap();
        // While a build uses it, it stays.
        let lock = File::options().read(true).create(true).append(true).open(lock_of_folder(&environment)).unwrap();
        lock.lock_shared().unwrap();
        let pruned = prune_cache(&[top], Duration::from_hours(1), None).unwrap();
        assert_eq!((pruned.removed.entries, pruned.remaining.entries), (0, 1));
        assert!(environment.join(FOLDER_MARK).exists());
        drop(lock);
        prune_cache(&[top], Duration::from_hours(1), None).unwrap();
        assert!(!environment.exists());

        // Every entry older than the first one that does not fit is removed as well.
        let output = |digit: &str, bytes, age| sized(format!("ab/{}.out", digest(digit)), bytes, age);
        let [first, second, third] = [output("a", 10, 1), output("b", 100, 2), output("c", 1, 3)];
        prune_cache(&[top], Duration::from_hours(1), Some(20)).unwrap();
        assert_eq!([there(&first), there(&second), there(&third)], [true, false, false]);
    }
}
