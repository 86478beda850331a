//! A flame graph: a self-contained SVG picture without scripts. The root is at the bottom, and the width of a function is its share of the samples.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use quick_xml::escape::escape;

use super::sampler::EVERY;
use super::stacks::{Function, FunctionKind, Stacks};
use crate::output::summary::{counted, duration};

/// The width of all samples, the height of a function, and the margin around the picture, in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;
/// The room for the title.
const TITLE: f64 = 30.0;
/// The width of a character of a monospaced font of 11 pixels.
const CHARACTER: f64 = 6.7;
/// Functions that are narrower are left out, so that the picture has a bounded size.
const NARROWEST: f64 = 0.5;
/// The most bytes of a name in a tooltip.
const NAME_BYTES: usize = 300;
/// The most rows of functions.
const MAX_DEPTH: usize = 256;

/// A function in the picture.
struct FramePlace {
    node: usize,
    depth: usize,
    x: f64,
    width: f64,
}

/// Returns the picture.
pub(super) fn draw(pipeline: &str, stacks: &Stacks) -> String {
    let (totals, count) = (stacks.totals(), stacks.count());
    let places = places(stacks, &totals, count);
    let rows = places.iter().map(|place| place.depth + 1).max().unwrap_or(1) as f64;
    let (width, height) = (WIDTH + 2.0 * MARGIN, TITLE + rows * HEIGHT + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let title =
        format!("{}: {}, one each {}", cut(pipeline, NAME_BYTES), counted(count, "sample", "samples"), duration(EVERY));
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{:.0}\" font-size=\"14\" fill=\"#1f2328\">{}</text>",
        MARGIN + 14.0,
        escape(stillbox::text::escape_controls(&title))
    );
    for place in &places {
        let y = height - MARGIN - (place.depth as f64 + 1.0) * HEIGHT;
        add(&mut out, &stacks.functions[stacks.nodes[place.node].function], place, y, totals[place.node], count);
    }
    out + "</svg>\n"
}

/// Returns the functions that are wide enough, from the bottom to the top.
fn places(stacks: &Stacks, totals: &[u64], count: u64) -> Vec<FramePlace> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); stacks.nodes.len()];
    let mut roots = Vec::new();
    for (index, node) in stacks.nodes.iter().enumerate() {
        match node.parent {
            Some(parent) => children[parent].push(index),
            None => roots.push(index),
        }
    }
    let scale = WIDTH / count.max(1) as f64;
    let name = |node: usize| &stacks.functions[stacks.nodes[node].function].name;
    let mut places: Vec<FramePlace> = Vec::new();
    let mut waiting = vec![(roots, 0, MARGIN)];
    while let Some((mut nodes, depth, mut x)) = waiting.pop() {
        nodes.sort_by(|a, b| name(*a).cmp(name(*b)));
        for node in nodes {
            let width = totals[node] as f64 * scale;
            if width >= NARROWEST && depth < MAX_DEPTH {
                waiting.push((std::mem::take(&mut children[node]), depth + 1, x));
                places.push(FramePlace { node, depth, x, width });
            }
            x += width;
        }
    }
    places
}

fn add(out: &mut String, function: &Function, place: &FramePlace, y: f64, samples: u64, count: u64) {
    let share = 100.0 * samples as f64 / count as f64;
    let name = cut(&function.name, NAME_BYTES);
    let file = function.file.as_deref().map_or_else(String::new, |file| format!(" ({})", cut(file, NAME_BYTES)));
    let about = format!("{name}{file}: {}, {share:.1}%", counted(samples, "sample", "samples"));
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\"/>",
        escape(&*about),
        place.x,
        (place.width - 0.4).max(0.2),
        HEIGHT - 1.0,
        colour(function)
    );
    let room = ((place.width - 6.0) / CHARACTER).max(0.0) as usize;
    if room >= 3 {
        let shown: String = if function.name.chars().count() <= room {
            function.name.clone()
        } else {
            function.name.chars().take(room - 1).chain(['…']).collect()
        };
        let (x, y) = (place.x + 3.0, y + 12.5);
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#1f2328\">{}</text>", escape(&*shown));
    }
    out.push_str("</g>\n");
}

/// Steps are blue, waits grey, the host violet, and functions of guests yellow to red, each name always in the same colour.
fn colour(function: &Function) -> String {
    let mut hasher = DefaultHasher::new();
    function.name.hash(&mut hasher);
    let hash = hasher.finish();
    match function.kind {
        FunctionKind::Step => "#9ec5fe".to_owned(),
        FunctionKind::Wait => "#ced4da".to_owned(),
        FunctionKind::Host => "#d8c7f0".to_owned(),
        FunctionKind::Guest => format!("hsl({}, 85%, {}%)", 20 + hash % 36, 66 + (hash >> 8) % 12),
    }
}

/// Returns the begin of a text.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
