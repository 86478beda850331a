//! Pictures of pipelines: Mermaid, Graphviz and SVG.

mod describe;
mod dot;
mod layout;
mod mermaid;
mod svg;

pub(crate) use dot::draw as dot;
pub(crate) use mermaid::draw as mermaid;
pub(crate) use svg::{draw as svg, draw_with_rows as svg_with_rows};
