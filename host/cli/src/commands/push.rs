//! `stillbox push`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stillbox::{PushError, check_push_target};

use super::shared::{failed, file, is_reference, options, parse};
use crate::args::{Global, Push};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::output::spinner;
use crate::signals::Signals;

/// The variable with the time of creation, as <https://reproducible-builds.org/specs/source-date-epoch/> describes it.
const CREATED: &str = "SOURCE_DATE_EPOCH";

/// Uploads the component, and prints its reference with the digest.
pub(crate) fn execute(arguments: &Push, global: &Global, signals: &Signals) -> Exit {
    let cleanup = signals.cleanup();
    let interrupt =
        if arguments.step.is_dir() { signals.interrupt() } else { signals.interrupt_within(Duration::ZERO) };
    let (reference, created) = match parse(&arguments.reference).and_then(|reference| Ok((reference, created()?))) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    if is_reference(&arguments.step) {
        let step = arguments.step.display();
        render::message(&format!("`{step}` is not a file: download it with `stillbox pull {step} --out FILE.wasm`"));
        return Exit::Usage;
    }
    // Before a build, which can take minutes.
    if let Err(error) = check_push_target(&reference) {
        failure::error_with_hints(&error, &error.help());
        return Exit::Usage;
    }
    let engine = engine(global, None, &cleanup);
    let component = match file(&arguments.step, arguments.no_build, &engine, (&interrupt, &cleanup)) {
        Ok(component) => component,
        Err(exit) => return exit,
    };
    let pushed = engine.push(&component, &reference, created, &options(&interrupt, &cleanup));
    spinner::stop();
    match pushed {
        Ok(pinned) => console::print(&format!("{pinned}\n")),
        Err(PushError::Registry(error)) => failed(&error, &interrupt),
        Err(error) => {
            if let Some(reason) = interrupt.reason() {
                return render::cancelled(reason);
            }
            failure::error(&error);
            Exit::Usage
        }
    }
}

/// Returns the time of creation, if the environment has one. Prints what is wrong with it.
fn created() -> Result<Option<SystemTime>, Exit> {
    let Some(text) = std::env::var_os(CREATED).filter(|text| !text.is_empty()) else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    let time = seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    if time.is_none() {
        render::message(&format!("the variable {CREATED} is not a number of seconds since 1970"));
        return Err(Exit::Usage);
    }
    Ok(time)
}
