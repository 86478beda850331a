//! The progress of a run, from its events alone.

use std::time::{Duration, Instant};

use crate::output::console::{eprint, eprintln};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use stillbox::text::{escape_controls, folder_name};
use stillbox::{Event, Report};

use crate::args::Progress;
use crate::ci;
use crate::output::render;
use crate::output::spinner;
use crate::output::summary::{accepted, duration, grouped, model_line, model_usage, rate, rows};
use crate::output::terminal::draw_target;

/// The time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The time from the start of a run until the time left is estimated.
const ESTIMATED_AFTER: Duration = Duration::from_secs(1);

/// The maximum length of a name in front of a bar, which leaves room for numbers on a terminal of 60 columns.
const NAME_CHARS: usize = 24;

/// Shows events on standard error.
pub(crate) struct Display {
    shown: Mutex<Shown>,
    /// Whether warnings are shown, even if nothing else is.
    shows_warnings: bool,
}

enum Shown {
    Bars(Option<Bars>),
    Plain { last: Instant },
    Nothing,
}

struct Bars {
    group: MultiProgress,
    input: ProgressBar,
    steps: Vec<ProgressBar>,
    /// One for each model, from the first event that has them.
    models: Vec<ProgressBar>,
}

impl Display {
    pub(crate) fn new(how: Progress) -> Self {
        let plain = || Shown::Plain { last: Instant::now() };
        let shown = match how {
            _ if render::is_quiet() => Shown::Nothing,
            Progress::Auto if render::is_terminal() => Shown::Bars(None),
            Progress::Auto | Progress::Plain => plain(),
            Progress::Bar => Shown::Bars(None),
            Progress::None => Shown::Nothing,
        };
        Self { shown: Mutex::new(shown), shows_warnings: true }
    }

    /// Creates a display that shows nothing, next to messages for programs.
    pub(crate) fn silent() -> Self {
        Self { shown: Mutex::new(Shown::Nothing), shows_warnings: false }
    }

    pub(crate) fn show(&self, event: &Event<'_>) {
        let mut shown = self.shown.lock();
        match &mut *shown {
            Shown::Nothing => match event {
                Event::Warning { .. } if self.shows_warnings => show_preparation(event),
                Event::Building { folder, .. } if self.shows_warnings => {
                    if let Some(text) = ci::build_warning(folder) {
                        render::warning(&text);
                    }
                }
                _ => {}
            },
            Shown::Bars(bars) => match event {
                Event::Started { pipeline, steps, total_bytes, .. } => {
                    spinner::stop();
                    bars.insert(Bars::new(pipeline, steps, *total_bytes)).draw();
                }
                Event::Progress { report, bytes_read, .. } => {
                    if let Some(bars) = bars {
                        bars.update(report, *bytes_read);
                    }
                }
                other => show_preparation(other),
            },
            Shown::Plain { last } => match event {
                Event::Progress { report, .. } if last.elapsed() >= PLAIN_EVERY => {
                    *last = Instant::now();
                    let rate = rate(report.rows_in, report.elapsed);
                    let accepted =
                        report.until.as_ref().map_or_else(String::new, |until| format!(", {}", accepted(until)));
                    eprintln!("{}{accepted}, {rate} rows/s, {}", rows(report.rows_in), duration(report.elapsed));
                    report.models.iter().for_each(|model| eprint!("{}", model_line(model)));
                }
                other => show_preparation(other),
            },
        }
    }

    /// Prints text, above the progress bars.
    pub(crate) fn print(&self, text: &str) {
        match &*self.shown.lock() {
            Shown::Bars(Some(bars)) => bars.group.suspend(|| eprint!("{text}")),
            _ => eprint!("{text}"),
        }
    }

    /// Draws the progress bars again below what others have written meanwhile, after the process was stopped.
    pub(crate) fn redraw(&self) {
        if let Shown::Bars(Some(bars)) = &*self.shown.lock() {
            // The old target would erase as many lines as it has drawn, which are not at the cursor any more.
            bars.group.set_draw_target(draw_target());
            bars.draw();
        }
    }

    /// Removes the progress bars before other text is printed.
    pub(crate) fn end(&self) {
        let mut shown = self.shown.lock();
        if let Shown::Bars(Some(bars)) = &*shown {
            let _ = bars.group.clear();
        }
        *shown = Shown::Nothing;
    }
}

impl Bars {
    fn new(pipeline: &str, steps: &[std::sync::Arc<str>], total_bytes: Option<u64>) -> Self {
        let group = MultiProgress::with_draw_target(draw_target());
        let input = match total_bytes {
            Some(total) => {
                ProgressBar::new(total).with_style(style("{prefix:.bold} {bar:20} {percent:>3}%  {wide_msg}"))
            }
            None => ProgressBar::new_spinner().with_style(style("{prefix:.bold} {spinner}  {wide_msg}")),
        };
        let input = group.add(input.with_prefix(shortened(pipeline)));
        let names: Vec<_> = steps.iter().map(|step| shortened(step)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let of_step = |name: &String| {
            let bar = ProgressBar::new_spinner().with_style(style("  {prefix}  {wide_msg}"));
            group.add(bar.with_prefix(format!("{name:<width$}")))
        };
        let steps = names.iter().map(of_step).collect();
        Self { group, input, steps, models: Vec::new() }
    }

    fn draw(&self) {
        [&self.input].into_iter().chain(&self.steps).chain(&self.models).for_each(ProgressBar::tick);
    }

    fn update(&mut self, report: &Report, bytes_read: u64) {
        let rows = rows(report.rows_in);
        self.input.set_position(bytes_read);
        // The end of a line that is too long is cut off, so the time left comes first.
        let left = self.input.length().and_then(|total| time_left(report.elapsed, bytes_read, total));
        let left = left.map_or_else(String::new, |left| format!("{} left  ", coarse(left)));
        let accepted = report.until.as_ref().map_or_else(String::new, |until| format!("  {}", accepted(until)));
        self.input.set_message(format!("{left}{rows}{accepted}  {} rows/s", rate(report.rows_in, report.elapsed)));
        for (bar, step) in self.steps.iter().zip(&report.steps) {
            let (rows_in, rows_out) = (grouped(step.rows_in), grouped(step.rows_out));
            bar.set_message(format!("{rows_in} in  {rows_out} out  busy {}", duration(step.busy)));
        }
        for (index, model) in report.models.iter().enumerate() {
            if index == self.models.len() {
                let bar = ProgressBar::new_spinner().with_style(style("  {prefix}  {wide_msg}"));
                self.models.push(self.group.add(bar.with_prefix(format!("model {}", shortened(&model.name)))));
            }
            self.models[index].set_message(model_usage(model));
        }
    }
}

/// Returns a name without control characters, at most [`NAME_CHARS`] long.
fn shortened(name: &str) -> String {
    let name = escape_controls(name);
    match name.char_indices().nth(NAME_CHARS) {
        Some(_) => name.chars().take(NAME_CHARS - 1).chain(['…']).collect(),
        None => name.into_owned(),
    }
}

/// Estimates the time until the input is read from the share that has been read. `None` while too little is known, or nothing is
/// left.
fn time_left(elapsed: Duration, read: u64, total: u64) -> Option<Duration> {
    let left = total.checked_sub(read).filter(|left| *left > 0)?;
    let is_known = elapsed >= ESTIMATED_AFTER && read > 0;
    let left = is_known.then(|| elapsed.as_secs_f64() * left as f64 / read as f64)?;
    Some(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
}

/// Returns a duration in whole seconds or minutes.
fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{} s", seconds + 1),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..360_000 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => "over 99 h".into(),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well-formed")
}

/// Shows slow operations before a run starts.
pub(crate) fn show_preparation(event: &Event<'_>) {
    match event {
        Event::Building { folder, .. } => {
            render::building(folder);
            spin("Building", &folder_name(folder));
        }
        Event::Downloading { reference, .. } => {
            render::status("Downloading", reference);
            spin("Downloading", reference);
        }
        Event::Uploading { reference, .. } => {
            render::status("Uploading", reference);
            spin("Uploading", reference);
        }
        Event::BuildWaits { what, .. } => spinner::print_above(|| render::status("Waiting", &format!("for {what}"))),
        Event::Installing { what, .. } => spinner::print_above(|| render::status("Installing", what)),
        // The mark keeps tools from imitating lines of this command.
        Event::BuildOutput { line, .. } if render::is_verbose() => {
            spinner::print_above(|| eprintln!("  | {}", escape_controls(line)));
        }
        Event::BuildOutput { .. } => {}
        Event::Compiling { component, .. } => spin("Compiling", &component.display().to_string()),
        Event::Resumed { run, rows, .. } => {
            render::status("Resuming", &format!("{run} after {}", self::rows(*rows)));
        }
        Event::Warning { message, .. } => render::warning(message),
        Event::Compiled { component, cached: false, .. } => {
            render::status("Compiled", &component.display().to_string());
        }
        _ => spinner::stop(),
    }
}

/// Shows on a terminal that something takes time.
fn spin(verb: &str, object: &str) {
    if render::is_terminal() && !render::is_quiet() {
        spinner::start(verb, object);
    }
}

#[cfg(test)]
mod tests {
    use stillbox::model::ModelUsage;

    use super::*;

    #[test]
    fn the_time_left_follows_from_the_share_that_was_read() {
        let left = |seconds, read, total| time_left(Duration::from_secs(seconds), read, total);
        assert_eq!(left(10, 25, 100), Some(Duration::from_secs(30)));
        // Nothing was read, too little time has passed, or nothing is left: the file has grown.
        assert_eq!([left(10, 0, 100), left(0, 50, 100), left(10, 100, 100), left(10, 120, 100)], [None; 4]);
        assert_eq!(left(10, 1, u64::MAX).map(coarse).as_deref(), Some("over 99 h"));
        let texts = [0, 59, 60, 125, 3600, 359_999].map(|seconds| coarse(Duration::from_secs(seconds)));
        assert_eq!(texts, ["1 s", "60 s", "1m 00s", "2m 05s", "1h 00m", "99h 59m"]);
    }

    #[test]
    fn long_names_are_shortened() {
        assert_eq!(shortened(&"a".repeat(24)), "a".repeat(24));
        assert_eq!(shortened(&"ä".repeat(25)), format!("{}…", "ä".repeat(23)));
    }

    #[test]
    fn names_do_not_drive_the_terminal() {
        let steps = ["a\u{1b}[2J\u{202e}".into(), "b".into()];
        let mut bars = Bars::new("p\u{9b}31m\r", &steps, Some(100));
        assert_eq!(bars.input.prefix(), r"p\u{9b}31m\u{d}");
        let names: Vec<_> = bars.steps.iter().map(ProgressBar::prefix).collect();
        assert_eq!(names, [r"a\u{1b}[2J\u{202e}", "b                 "]);
        bars.update(&Report::default(), 50);
        assert_eq!(bars.input.message(), "0 rows  - rows/s");
        let mut report = Report::default();
        let mut model = ModelUsage::default();
        (model.name, model.requests) = ("m\u{1b}".into(), 2);
        report.models.push(model);
        bars.update(&report, 60);
        bars.update(&report, 70);
        let models: Vec<_> = bars.models.iter().map(|bar| (bar.prefix(), bar.message())).collect();
        assert_eq!(models, [("model m\\u{1b}".to_owned(), "2 requests, 0 tokens in, 0 out".to_owned())]);
    }
}
