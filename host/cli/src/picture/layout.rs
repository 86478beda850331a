//! The layout of a picture.
//!
//! The layers of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system structures", 1981):
//! every node is below its parents, an edge gets a point in every layer that it passes, each layer is ordered so that
//! few edges cross, and then everything moves towards its neighbours in other layers. The text of an edge is a node of a
//! separate layer, so that it never overlaps another text.

/// The size of a box to place: a node, the text of an edge, or a point of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An edge between two nodes, by their indices; the first is the upper one and has the smaller index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LayoutEdge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The size of the text.
    pub(super) text: Size,
}

/// A point, relative to the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The finished layout, with the centres of nodes and texts.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) size: Size,
    pub(super) nodes: Vec<Point>,
    /// For every edge, the layers that it passes, from the top. Its text is in the middle of the first.
    pub(super) links: Vec<Vec<EdgeSegment>>,
}

/// A vertical part of an edge through a layer, so that the edge touches none of its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EdgeSegment {
    pub(super) x: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl EdgeSegment {
    pub(super) fn middle(self) -> Point {
        Point { x: self.x, y: f64::midpoint(self.top, self.bottom) }
    }
}

/// The distance between two neighbours in a layer.
const GAP: f64 = 28.0;
/// The distance between two layers.
const LAYER_GAP: f64 = 22.0;
/// The number of passes, downwards and upwards, that order the layers and move boxes. Pictures of pipelines become stable
/// after a few passes.
const ROUNDS: usize = 12;

/// An item in a layer. Items are numbered: first the nodes, then the texts and points of each edge from the top.
struct LayerItem {
    size: Size,
    layer: usize,
    up: Vec<usize>,
    down: Vec<usize>,
}

/// Places nodes, each after its parents, and their edges.
pub(super) fn layout(nodes: &[Size], links: &[LayoutEdge]) -> Layout {
    let mut items = items(nodes, links);
    // The items of each edge.
    let mut edge_items: Vec<Vec<usize>> = Vec::with_capacity(links.len());
    for link in links {
        let mut edge = Vec::new();
        let mut above = link.from;
        for layer in items[link.from].layer + 1..items[link.to].layer {
            let size = if edge.is_empty() { link.text } else { Size { width: 0.0, height: 0.0 } };
            items.push(LayerItem { size, layer, up: vec![above], down: Vec::new() });
            let new = items.len() - 1;
            items[above].down.push(new);
            edge.push(new);
            above = new;
        }
        items[above].down.push(link.to);
        items[link.to].up.push(above);
        edge_items.push(edge);
    }
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); items.iter().map(|item| item.layer + 1).max().unwrap_or(0)];
    for (index, item) in items.iter().enumerate() {
        layers[item.layer].push(index);
    }
    order(&items, &mut layers);
    let x = across(&items, &layers);
    let y = downwards(&items, &layers);
    let left = items.iter().zip(&x).map(|(item, x)| x - item.size.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = items.iter().zip(&x).map(|(item, x)| x + item.size.width / 2.0).fold(0.0, f64::max);
    let height = y.last().map_or(0.0, |(middle, height)| middle + height / 2.0);
    let left = if items.is_empty() { 0.0 } else { left };
    let point = |index: usize| Point { x: x[index] - left, y: y[items[index].layer].0 };
    let segment = |index: &usize| {
        let (middle, height) = y[items[*index].layer];
        EdgeSegment { x: x[*index] - left, top: middle - height / 2.0, bottom: middle + height / 2.0 }
    };
    Layout {
        size: Size { width: right - left, height },
        nodes: (0..nodes.len()).map(point).collect(),
        links: edge_items.iter().map(|edge| edge.iter().map(segment).collect()).collect(),
    }
}

/// Returns the layer of each node: two below its lowest parent, so that there is a layer for texts between them.
fn items(nodes: &[Size], links: &[LayoutEdge]) -> Vec<LayerItem> {
    let mut items: Vec<LayerItem> =
        nodes.iter().map(|size| LayerItem { size: *size, layer: 0, up: Vec::new(), down: Vec::new() }).collect();
    for index in 0..nodes.len() {
        let parents = links.iter().filter(|link| link.to == index).map(|link| items[link.from].layer + 2);
        items[index].layer = parents.max().unwrap_or(0);
    }
    // Sources are placed directly above their first child instead of at the top.
    for index in (0..nodes.len()).rev() {
        if links.iter().all(|link| link.to != index) {
            let children = links.iter().filter(|link| link.from == index).map(|link| items[link.to].layer - 2);
            items[index].layer = children.min().unwrap_or(0);
        }
    }
    items
}

/// Orders each layer by the mean place of the neighbours of its items, and returns the best order found.
fn order(items: &[LayerItem], layers: &mut [Vec<usize>]) {
    let mut best = (crossings(items, layers), layers.to_vec());
    for round in 0..ROUNDS {
        let downwards = round % 2 == 0;
        let count = layers.len();
        for step in 1..count {
            let (layer, previous) = if downwards { (step, step - 1) } else { (count - 1 - step, count - step) };
            let places = places(items.len(), &layers[previous]);
            let mean = |item: usize| {
                let tied = if downwards { &items[item].up } else { &items[item].down };
                let tied: Vec<f64> = tied.iter().map(|other| places[*other] as f64).collect();
                (!tied.is_empty()).then(|| tied.iter().sum::<f64>() / tied.len() as f64)
            };
            // An item without neighbours keeps its place.
            let own =
                layers[layer].iter().enumerate().map(|(place, item)| (*item, mean(*item).unwrap_or(place as f64)));
            let mut own: Vec<(usize, f64)> = own.collect();
            own.sort_by(|one, other| one.1.total_cmp(&other.1));
            layers[layer] = own.into_iter().map(|(item, _)| item).collect();
        }
        let now = crossings(items, layers);
        if now < best.0 {
            best = (now, layers.to_vec());
        }
    }
    layers.clone_from_slice(&best.1);
}

fn places(count: usize, layer: &[usize]) -> Vec<usize> {
    let mut places = vec![0; count];
    for (place, item) in layer.iter().enumerate() {
        places[*item] = place;
    }
    places
}

/// Returns the number of pairs of edges that cross.
fn crossings(items: &[LayerItem], layers: &[Vec<usize>]) -> usize {
    let mut count = 0;
    for pair in layers.windows(2) {
        let below = places(items.len(), &pair[1]);
        let ends = pair[0].iter().enumerate().flat_map(|(place, item)| {
            let below = &below;
            items[*item].down.iter().map(move |other| (place, below[*other]))
        });
        let ends: Vec<(usize, usize)> = ends.collect();
        for (index, one) in ends.iter().enumerate() {
            let crosses =
                |other: &&(usize, usize)| (one.0 < other.0 && one.1 > other.1) || (one.0 > other.0 && one.1 < other.1);
            count += ends[index + 1..].iter().filter(crosses).count();
        }
    }
    count
}

/// Returns the horizontal centre of each item.
fn across(items: &[LayerItem], layers: &[Vec<usize>]) -> Vec<f64> {
    let mut x = vec![0.0; items.len()];
    for layer in layers {
        let mut edge = 0.0;
        for item in layer {
            let width = items[*item].size.width;
            x[*item] = edge + width / 2.0;
            edge += width + GAP;
        }
    }
    for round in 0..ROUNDS * 2 {
        let order: Vec<usize> =
            if round % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for layer in order {
            let wanted = |item: &usize| {
                let LayerItem { up, down, .. } = &items[*item];
                // The downward pass uses the neighbours above, the upward pass those below, and the last pass both.
                let tied: Vec<usize> = match (round % 2 == 0, round + 4 < ROUNDS * 2) {
                    (true, true) if !up.is_empty() => up.clone(),
                    (false, true) if !down.is_empty() => down.clone(),
                    _ => up.iter().chain(down).copied().collect(),
                };
                if tied.is_empty() {
                    x[*item]
                } else {
                    tied.iter().map(|other| x[*other]).sum::<f64>() / tied.len() as f64
                }
            };
            let wanted: Vec<f64> = layers[layer].iter().map(wanted).collect();
            let widths: Vec<f64> = layers[layer].iter().map(|item| items[*item].size.width).collect();
            for (item, at) in layers[layer].iter().zip(apart(&wanted, &widths)) {
                x[*item] = at;
            }
        }
    }
    x
}

/// Returns the places nearest to the wanted ones, by least squares, at which neighbours do not overlap: an isotonic
/// regression on the wanted places minus the widths, by pooling adjacent violators (Ayer and others, 1955).
fn apart(wanted: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(widths.len());
    let mut offset = 0.0;
    for (index, width) in widths.iter().enumerate() {
        if index > 0 {
            offset += widths[index - 1] / 2.0 + GAP + width / 2.0;
        }
        offsets.push(offset);
    }
    // Each pool has the sum and the number of its members.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        pools.push((wanted - offset, 1));
        while let [.., (above, many), (last, few)] = pools[..]
            && above / many as f64 > last / few as f64
        {
            pools.pop();
            pools.pop();
            pools.push((above + last, many + few));
        }
    }
    let means = pools.iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

/// Returns the vertical centre and the height of each layer.
fn downwards(items: &[LayerItem], layers: &[Vec<usize>]) -> Vec<(f64, f64)> {
    let mut top = 0.0;
    let layer = |layer: &Vec<usize>| {
        let height = layer.iter().map(|item| items[*item].size.height).fold(0.0, f64::max);
        let middle = top + height / 2.0;
        top += height + LAYER_GAP;
        (middle, height)
    };
    layers.iter().map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Size = Size { width: 100.0, height: 40.0 };
    const TEXT: Size = Size { width: 60.0, height: 30.0 };

    fn link(from: usize, to: usize) -> LayoutEdge {
        LayoutEdge { from, to, text: TEXT }
    }

    /// Returns whether two items of one layer overlap.
    fn overlap(one: Point, other: Point, size: Size) -> bool {
        (one.x - other.x).abs() < size.width && (one.y - other.y).abs() < size.height
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = layout(&[NODE; 3], &[link(0, 1), link(1, 2)]);
        assert!(layout.nodes.iter().all(|point| (point.x - 50.0).abs() < 1e-9), "{layout:?}");
        assert!(layout.nodes.windows(2).all(|pair| pair[0].y < pair[1].y));
        assert!((layout.size.width - 100.0).abs() < 1e-9);
    }

    #[test]
    fn branches_are_even_and_nothing_overlaps() {
        // A diamond, and an edge past it.
        let links = [link(0, 1), link(0, 2), link(1, 3), link(2, 3), link(0, 3)];
        let layout = layout(&[NODE; 4], &links);
        for one in 0..4 {
            for other in 0..one {
                assert!(!overlap(layout.nodes[one], layout.nodes[other], NODE), "{layout:?}");
            }
        }
        for one in 0..links.len() {
            for other in 0..one {
                assert!(!overlap(layout.links[one][0].middle(), layout.links[other][0].middle(), TEXT), "{layout:?}");
            }
        }
        assert_eq!(layout.links[4].len(), 3, "the long edge goes through the layers of the others");
    }

    #[test]
    fn edges_do_not_cross_where_they_need_not() {
        // The children are in the opposite order of their parents.
        let links = [link(0, 3), link(1, 2)];
        let layout = layout(&[NODE; 4], &links);
        assert_eq!(layout.nodes[0].x < layout.nodes[1].x, layout.nodes[3].x < layout.nodes[2].x, "{layout:?}");
    }

    #[test]
    fn neighbours_keep_apart_near_to_where_they_want_to_be() {
        let placed = apart(&[0.0, 0.0, 500.0], &[10.0, 10.0, 10.0]);
        assert_eq!(placed, [-19.0, 19.0, 500.0]);
    }

    #[test]
    fn nothing_has_no_size() {
        assert_eq!(layout(&[], &[]).size, Size { width: 0.0, height: 0.0 });
    }
}
