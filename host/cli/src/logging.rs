//! The log of Stillbox itself, for `--verbose`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::output::render::is_coloured;
use crate::panics;

/// Prints the log to standard error: warnings, with `-v` more, with `-vv` all. Panics that become failures appear only in
/// the log.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().parse_lossy(format!("off,stillbox={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .without_time()
        .with_target(false)
        // The default prints its own errors, and panics if standard error cannot be written.
        .log_internal_errors(false)
        .init();
    panics::set_hook();
}
