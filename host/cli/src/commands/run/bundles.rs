//! The bundles of a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stillbox::Pipeline;
use stillbox::bundle::Bundles;
use stillbox::text::shell_word;

use crate::args::Run;
use crate::output::{console, render, summary};

/// The folder for bundles of `--untrusted`, in the current directory.
const UNTRUSTED: &str = "stillbox-bundles";

/// The options for bundles.
#[derive(Debug, Clone, Default)]
pub(crate) struct BundleSettings {
    directory: Option<PathBuf>,
    /// The folder if no option names one and the pipeline file is not trusted to.
    untrusted: Option<PathBuf>,
    columns: Option<Vec<String>>,
}

impl BundleSettings {
    pub(super) fn new(arguments: &Run) -> Self {
        let untrusted = arguments.untrusted.then(|| PathBuf::from(UNTRUSTED));
        Self { directory: arguments.bundle.clone(), untrusted, columns: arguments.columns.clone() }
    }

    /// Returns the error message if `--columns` is given for a run without bundles.
    pub(super) fn problem(&self, pipeline: &Pipeline) -> Option<String> {
        let is_unused = self.columns.is_some() && self.bundles(pipeline).is_none();
        is_unused.then(|| {
            "`--columns` leaves columns out of bundles, and this run writes none; add `--bundle DIR`, or `bundle-on-failure` in \
             `[pipeline]`"
                .to_owned()
        })
    }

    /// Checks that the folder is one, or can be created.
    pub(super) fn check_directory(&self, pipeline: &Pipeline) -> anyhow::Result<()> {
        let Some(bundles) = self.bundles(pipeline) else { return Ok(()) };
        let folder = bundles.directory();
        let cannot = || format!("cannot write bundles to {}", folder.display());
        // The folder that has to be created is below the first one that exists.
        for parent in
            folder.ancestors().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
        {
            match fs::metadata(parent) {
                Ok(there) if there.is_dir() => return Ok(()),
                Ok(_) => anyhow::bail!("{}: {} is not a folder; name another one", cannot(), parent.display()),
                // A file in the place of a folder is found above.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(anyhow::Error::new(error).context(cannot())),
            }
        }
        Ok(())
    }

    /// Returns the bundles of a run, if there are to be any.
    pub(super) fn bundles(&self, pipeline: &Pipeline) -> Option<Bundles> {
        let directory =
            self.directory.clone().or_else(|| self.untrusted.clone()).or_else(|| pipeline.bundle_directory())?;
        let bundles = Bundles::at(directory);
        Some(match &self.columns {
            Some(columns) => bundles.columns(columns),
            None => bundles,
        })
    }
}

/// Prints which bundles were written.
pub(super) fn show(bundles: &Bundles) {
    for problem in bundles.problems() {
        render::warning(&problem);
    }
    let written = bundles.written();
    let Some(first) = written.first() else { return };
    let first = first.display().to_string();
    let first = shell_word(&first);
    let all = summary::counted(written.len() as u64, "bundle", "bundles");
    let left_out = match bundles.left_out() {
        0 => String::new(),
        more => format!(", and none for {}", summary::counted(more, "more rejection", "more rejections")),
    };
    console::eprintln!("{all} written{left_out}; make the call again with: stillbox replay {first}");
}
