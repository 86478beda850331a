//! A pipeline as a self-contained SVG picture, without scripts, fonts or other files.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use stillbox::outline::{NodeRole, Outline};
use unicode_width::UnicodeWidthStr as _;

use super::describe;
use super::layout::{Layout, LayoutEdge, Point, Size, layout};

/// Height of the text in a node, and on an edge, in pixels.
const NODE_TEXT: f64 = 13.0;
const EDGE_TEXT: f64 = 11.0;
/// The width of a character of a monospaced font, and the height of a line, in heights of the text. Fonts have between
/// 0.55 and 0.61.
const CHARACTER: f64 = 0.61;
const LINE: f64 = 1.4;
/// The padding around the text of a node, and the margin around the whole picture, in pixels.
const PADDING: f64 = 10.0;
const MARGIN: f64 = 16.0;

const FONT: &str = "ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', Consolas, monospace";

/// Returns the picture, from the sources down to the sinks.
pub(crate) fn draw(outline: &Outline) -> String {
    draw_labelled(outline, |node, edge| describe::edge_lines(&outline.nodes[node].edges[edge]))
}

/// Returns the picture with the numbers of rows on the edges instead of the columns, as far as they are known.
pub(crate) fn draw_with_rows(outline: &Outline, rows: &[Vec<Option<u64>>]) -> String {
    draw_labelled(outline, |node, edge| describe::row_lines(&outline.nodes[node].edges[edge], rows[node][edge]))
}

/// Returns the picture with these lines on each edge of each node.
fn draw_labelled(outline: &Outline, label: impl Fn(usize, usize) -> Vec<String>) -> String {
    let nodes: Vec<Vec<String>> = outline.nodes.iter().map(describe::node_lines).collect();
    let mut texts = Vec::new();
    let mut links = Vec::new();
    for (to, node) in outline.nodes.iter().enumerate() {
        for (index, edge) in node.edges.iter().enumerate() {
            let label = label(to, index);
            links.push(LayoutEdge { from: edge.parent, to, text: extent(&label, EDGE_TEXT, 3.0) });
            texts.push(label);
        }
    }
    let sizes: Vec<Size> = nodes.iter().map(|lines| extent(lines, NODE_TEXT, PADDING)).collect();
    let layout = layout(&sizes, &links);
    let mut out = String::new();
    let (width, height) = (layout.size.width + 2.0 * MARGIN, layout.size.height + 2.0 * MARGIN);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"{:.0} {:.0} {width:.0} {height:.0}\" font-family=\"{FONT}\">",
        -MARGIN, -MARGIN,
    );
    let _ = writeln!(out, "<title>{}</title>", escape(stillbox::text::escape_controls(&outline.name)));
    let _ = writeln!(
        out,
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#5b6470\"/></marker></defs>",
    );
    // A picture without a background cannot be read on a dark page.
    let _ = writeln!(
        out,
        "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        -MARGIN, -MARGIN,
    );
    // Edges are drawn before texts, so that no edge covers a text.
    for (index, link) in links.iter().enumerate() {
        draw_line(&mut out, &layout, link, index, &sizes);
    }
    for ((lines, passes), link) in texts.iter().zip(&layout.links).zip(&links) {
        draw_label(&mut out, lines, passes[0].middle(), link.text);
    }
    for ((node, lines), (middle, size)) in outline.nodes.iter().zip(&nodes).zip(layout.nodes.iter().zip(&sizes)) {
        draw_node(&mut out, &node.role, lines, *middle, *size);
    }
    out.push_str("</svg>\n");
    out
}

/// Returns the size of some lines of text.
fn extent(lines: &[String], text: f64, padding: f64) -> Size {
    let longest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
    Size {
        width: longest as f64 * text * CHARACTER + 2.0 * padding,
        height: lines.len() as f64 * text * LINE + 2.0 * padding,
    }
}

/// Returns an edge as one curve that starts and ends vertically, through the middle of its text.
fn draw_line(out: &mut String, layout: &Layout, link: &LayoutEdge, index: usize, sizes: &[Size]) {
    let below = |node: usize| Point { y: layout.nodes[node].y + sizes[node].height / 2.0, ..layout.nodes[node] };
    let above = |node: usize| Point { y: layout.nodes[node].y - sizes[node].height / 2.0, ..layout.nodes[node] };
    let start = below(link.from);
    let mut path = format!("M{:.1},{:.1}", start.x, start.y);
    let mut from = start;
    let segments = layout.links[index].iter();
    let points = segments.flat_map(|segment| [segment.top, segment.bottom].map(|y| Point { x: segment.x, y }));
    for to in points.chain([above(link.to)]) {
        let middle = f64::midpoint(from.y, to.y);
        let _ = write!(path, " C{:.1},{middle:.1} {:.1},{middle:.1} {:.1},{:.1}", from.x, to.x, to.x, to.y);
        from = to;
    }
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#5b6470\" stroke-width=\"1.2\" marker-end=\"url(#arrow)\"/>",
    );
}

fn draw_label(out: &mut String, lines: &[String], middle: Point, size: Size) {
    let (x, y) = (middle.x - size.width / 2.0, middle.y - size.height / 2.0);
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#ffffff\"/>",
        size.width, size.height,
    );
    let _ = write!(out, "<text font-size=\"{EDGE_TEXT}\" fill=\"#3d444d\">");
    for (number, line) in lines.iter().enumerate() {
        draw_text(out, line, "", (x + 3.0, y + 3.0 + baseline(number, EDGE_TEXT)));
    }
    out.push_str("</text>\n");
}

fn draw_node(out: &mut String, role: &NodeRole, lines: &[String], middle: Point, size: Size) {
    let (x, y) = (middle.x - size.width / 2.0, middle.y - size.height / 2.0);
    let (fill, stroke, radius) = match role {
        NodeRole::Source { .. } => ("#e6f4ea", "#2f7d4f", 16.0),
        NodeRole::Sink { .. } => ("#fdf0e1", "#b1651b", 16.0),
        NodeRole::Step { kind: "aggregate", .. } => ("#f1eafa", "#7a4fb0", 5.0),
        _ => ("#e8f0fb", "#3566a8", 5.0),
    };
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\" fill=\"{fill}\" \
         stroke=\"{stroke}\" stroke-width=\"1.2\"/>",
        size.width, size.height,
    );
    let _ = write!(out, "<text font-size=\"{NODE_TEXT}\" text-anchor=\"middle\" fill=\"#1f2328\">");
    for (number, line) in lines.iter().enumerate() {
        let style = if number == 0 { " font-weight=\"bold\"" } else { " fill=\"#59636e\"" };
        draw_text(out, line, style, (middle.x, y + PADDING + baseline(number, NODE_TEXT)));
    }
    out.push_str("</text>\n");
}

fn draw_text(out: &mut String, line: &str, style: &str, (x, y): (f64, f64)) {
    let _ = write!(out, "<tspan x=\"{x:.1}\" y=\"{y:.1}\"{style}>{}</tspan>", escape(line));
}

/// Returns the distance from the top of the text to the baseline of a line.
fn baseline(number: usize, text: f64) -> f64 {
    (number as f64 * LINE + 1.05) * text
}
