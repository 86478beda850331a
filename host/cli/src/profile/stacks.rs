//! Sampled stacks, merged to a tree.

use std::collections::HashMap;
use std::time::Duration;

use stillbox::ThreadActivity;
use stillbox::text::escape_controls;

/// The most nodes of the tree. Guests choose the names of functions, so samples of further ones are counted at their callers.
const MAX_NODES: usize = 100_000;

/// The most samples with a time, which take 16 bytes each. At 100 samples a second these are 2.7 hours of one thread; later ones are in the
/// tree alone.
const MAX_TIMES: usize = 1_000_000;

/// The name of the node for guests that have not given their stack: mostly the host works for them. One long instruction, such as a
/// copy of memory, looks the same.
const HOST: &str = "(the host: instances, and copies of rows)";

/// A function, or another part of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Function {
    pub(super) kind: FunctionKind,
    /// The name, without control characters.
    pub(super) name: String,
    /// The file of its source, if it is known.
    pub(super) file: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FunctionKind {
    /// A step, at the root.
    Step,
    /// A function of the guest.
    Guest,
    /// A wait of the guest.
    Wait,
    /// The work of the host.
    Host,
}

/// A node of the tree: a function that was called on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) parent: Option<usize>,
    pub(super) function: usize,
    /// Samples in the function itself.
    pub(super) own: u64,
}

/// All samples of a run.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub(super) functions: Vec<Function>,
    /// A parent comes before its children.
    pub(super) nodes: Vec<Node>,
    /// The time since the begin, and the node, of each sample.
    pub(super) times: Vec<(Duration, usize)>,
    function_numbers: HashMap<Function, usize>,
    node_numbers: HashMap<(Option<usize>, usize), usize>,
}

impl Stacks {
    /// Adds what one thread does at a time.
    pub(super) fn add(&mut self, at: Duration, activity: &ThreadActivity) {
        let step = activity.step.as_deref().map_or_else(|| activity.activity.clone(), ToOwned::to_owned);
        let mut node = self.node(None, Function::new(FunctionKind::Step, &step, None));
        for frame in activity.backtrace.iter().rev() {
            let file = frame.location.as_ref().map(|place| &*place.file);
            node = self.node(Some(node), Function::new(FunctionKind::Guest, &frame.function, file));
        }
        if let Some(wait) = &activity.waits_for {
            node = self.node(Some(node), Function::new(FunctionKind::Wait, &format!("waits for {}", wait.what), None));
        } else if activity.backtrace.is_empty() {
            node = self.node(Some(node), Function::new(FunctionKind::Host, HOST, None));
        }
        self.nodes[node].own += 1;
        if self.times.len() < MAX_TIMES {
            self.times.push((at, node));
        }
    }

    /// Returns the number of samples in and below each node.
    pub(super) fn totals(&self) -> Vec<u64> {
        let mut totals: Vec<u64> = self.nodes.iter().map(|node| node.own).collect();
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if let Some(parent) = node.parent {
                totals[parent] += totals[index];
            }
        }
        totals
    }

    /// Returns the number of all samples.
    pub(super) fn count(&self) -> u64 {
        self.nodes.iter().map(|node| node.own).sum()
    }

    /// Returns the node of a function below a parent.
    fn node(&mut self, parent: Option<usize>, function: Function) -> usize {
        let known = self.function_numbers.get(&function).and_then(|number| self.node_numbers.get(&(parent, *number)));
        if let Some(node) = known {
            return *node;
        }
        // Samples of a path without room for a node are counted at its parent. A root is one of few steps.
        if let (true, Some(parent)) = (self.nodes.len() >= MAX_NODES, parent) {
            return parent;
        }
        let function = self.function(function);
        self.nodes.push(Node { parent, function, own: 0 });
        self.node_numbers.insert((parent, function), self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn function(&mut self, function: Function) -> usize {
        let next = self.functions.len();
        let number = *self.function_numbers.entry(function.clone()).or_insert(next);
        if number == next {
            self.functions.push(function);
        }
        number
    }
}

impl Function {
    fn new(kind: FunctionKind, name: &str, file: Option<&str>) -> Self {
        let escaped = |text: &str| escape_controls(text).into_owned();
        Self { kind, name: escaped(name), file: file.map(escaped) }
    }
}
