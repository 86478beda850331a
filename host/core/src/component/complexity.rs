//! How much work a component is for the compiler, estimated from its sections before anything is compiled.
//!
//! A small file can stand for a very large component: nested components multiply the instances of their parts, and some
//! instructions and structures take the compiler far longer than their size suggests. Such files are rejected with the
//! number that is too large. Files that are merely slow to compile are left to the limits on the compiler's time and memory.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, FunctionBody, Instance, Operator, Parser, Payload,
};

/// Components inside components. `wit-component` nests 2.
const MAX_DEPTH: usize = 16;
/// Instances of modules and components, counted for every instantiation of the component that has them. `CPython` has
/// about 60.
const MAX_INSTANCES: u64 = 1000;
/// Functions of all modules. `CPython` with its standard modules has about 20,000.
const MAX_FUNCTIONS: u64 = 500_000;
/// Segments of data and elements of all modules. Compilers merge their data into a few.
const MAX_SEGMENTS: u64 = 20_000;
/// Types of all modules and components.
const MAX_TYPES: u64 = 100_000;
/// Bytes of one function. The interpreter loop of `CPython` has about 200 KB.
const MAX_BODY_BYTES: u64 = 4 << 20;
/// Loops inside loops in one function. The time of the compiler's register allocation is cubic in this number.
const MAX_LOOP_DEPTH: usize = 100;
/// Instructions of one function that act on whole tables; the compiler makes a loop or a call of each.
const MAX_TABLE_INSTRUCTIONS: u64 = 1000;

/// A component that is too complex to compile, or not a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComplexityError {
    /// A number is too large.
    #[error("it has {found} {what}, and at most {limit} are compiled")]
    TooMany {
        /// The things that were counted.
        what: &'static str,
        /// Their number, up to where the count ended.
        found: u64,
        /// The largest number that is accepted.
        limit: u64,
    },
    /// A component is instantiated that is not defined in the file.
    #[error(
        "it instantiates a component that it imports or takes from an instance; a step contains all its components"
    )]
    UnknownComponent,
    /// The file is not valid.
    #[error(transparent)]
    Invalid(#[from] BinaryReaderError),
}

/// Checks that a component is not too complex to compile.
///
/// # Errors
/// A number exceeds its limit, or the sections cannot be read.
pub(crate) fn check(bytes: &[u8]) -> Result<(), ComplexityError> {
    let mut counts = SectionCounts::default();
    for payload in Parser::new(0).parse_all(bytes) {
        counts.add(payload?)?;
    }
    Ok(())
}

/// A module or component that is being read.
#[derive(Default)]
struct Scope {
    /// For every component that can be named here, the number of instances that instantiating it creates; `None` if it is
    /// not known.
    components: Vec<Option<u64>>,
    /// The number of instances that instantiating this one creates.
    instances: u64,
    is_component: bool,
}

#[derive(Default)]
struct SectionCounts {
    /// From the outermost component to the innermost.
    scopes: Vec<Scope>,
    functions: u64,
    segments: u64,
    types: u64,
}

impl SectionCounts {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), ComplexityError> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = encoding == wasmparser::Encoding::Component;
                self.scopes.push(Scope { is_component, ..Scope::default() });
                at_most("levels of nested components", self.scopes.len() as u64, MAX_DEPTH as u64)?;
            }
            Payload::End(_) => self.end(),
            Payload::TypeSection(section) => self.add_types(section.count())?,
            Payload::CoreTypeSection(section) => self.add_types(section.count())?,
            Payload::ComponentTypeSection(section) => self.add_types(section.count())?,
            Payload::FunctionSection(section) => {
                self.functions += u64::from(section.count());
                at_most("functions", self.functions, MAX_FUNCTIONS)?;
            }
            Payload::DataSection(section) => self.add_segments(section.count())?,
            Payload::ElementSection(section) => self.add_segments(section.count())?,
            Payload::CodeSectionEntry(body) => check_body(&body)?,
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { .. } = instance? {
                        self.add_instances(1)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        let component = self.scope().components.get(component_index as usize).copied().flatten();
                        let instances = component.ok_or(ComplexityError::UnknownComponent)?;
                        self.add_instances(instances.saturating_add(1))?;
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.add_alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        self.scope().components.push(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        let components = &mut self.scope().components;
                        let exported = components.get(export.index as usize).copied().flatten();
                        components.push(exported);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the innermost module or component.
    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        self.scopes.last_mut().expect("there is one")
    }

    /// Makes a component that has been read known to the one around it.
    fn end(&mut self) {
        if let Some(ended) = self.scopes.pop()
            && ended.is_component
            && let Some(outer) = self.scopes.last_mut()
        {
            outer.components.push(Some(ended.instances));
        }
    }

    fn add_alias(&mut self, alias: &ComponentAlias<'_>) {
        let component = match *alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => None,
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let scope = self.scopes.len().checked_sub(1 + count as usize).and_then(|scope| self.scopes.get(scope));
                scope.and_then(|scope| scope.components.get(index as usize).copied()).flatten()
            }
            _ => return,
        };
        self.scope().components.push(component);
    }

    fn add_instances(&mut self, more: u64) -> Result<(), ComplexityError> {
        let scope = self.scope();
        scope.instances = scope.instances.saturating_add(more);
        at_most("instances", scope.instances, MAX_INSTANCES)
    }

    fn add_types(&mut self, more: u32) -> Result<(), ComplexityError> {
        self.types += u64::from(more);
        at_most("types", self.types, MAX_TYPES)
    }

    fn add_segments(&mut self, more: u32) -> Result<(), ComplexityError> {
        self.segments += u64::from(more);
        at_most("segments of data and elements", self.segments, MAX_SEGMENTS)
    }
}

fn check_body(body: &FunctionBody<'_>) -> Result<(), ComplexityError> {
    let bytes = body.range();
    at_most("bytes in one function", bytes.end.saturating_sub(bytes.start) as u64, MAX_BODY_BYTES)?;
    // For each open block, whether it is a loop.
    let mut blocks = Vec::new();
    let (mut loops, mut table_instructions) = (0_u64, 0);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Loop { .. } => {
                blocks.push(true);
                loops += 1;
                at_most("levels of nested loops in one function", loops, MAX_LOOP_DEPTH as u64)?;
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => blocks.push(false),
            Operator::End => loops -= u64::from(blocks.pop().unwrap_or_default()),
            Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. } => {
                table_instructions += 1;
                at_most("instructions on whole tables in one function", table_instructions, MAX_TABLE_INSTRUCTIONS)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn at_most(what: &'static str, found: u64, limit: u64) -> Result<(), ComplexityError> {
    if found > limit { Err(ComplexityError::TooMany { what, found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> String {
        let bytes = wat::parse_str(text).expect("it is WebAssembly");
        check(&bytes).map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    fn module(body: &str) -> String {
        format!("(component (core module (table 1 funcref) (memory 1) (func {body})))")
    }

    #[test]
    fn components_that_multiply_are_refused() {
        let ten = "(instance (instantiate $x))".repeat(10);
        let first = "(component $c0 (core module $e) (core instance (instantiate $e)))".to_owned();
        let level = |level| format!("(component $c{level} (alias outer 1 $c{} (component $x)) {ten})", level - 1);
        let components: String = std::iter::once(first).chain((1..10).map(level)).collect();
        let message = checked(&format!("(component {components}(instance (instantiate $c9)))"));
        assert_eq!(message, "it has 1055 instances, and at most 1000 are compiled");
    }

    #[test]
    fn a_component_that_is_passed_in_is_not_instantiated() {
        let message = checked("(component (import \"c\" (component $c)) (instance (instantiate $c)))");
        assert_eq!(message, ComplexityError::UnknownComponent.to_string());
    }

    #[test]
    fn nested_loops_are_refused_and_nested_blocks_are_not() {
        let nested = |open: &str, count: usize| module(&(open.repeat(count) + &")".repeat(count)));
        assert_eq!(checked(&nested("(loop ", 100)), "fine");
        let message = checked(&nested("(loop ", 101));
        assert_eq!(message, "it has 101 levels of nested loops in one function, and at most 100 are compiled");
        assert_eq!(checked(&nested("(block ", 900)), "fine");
        assert_eq!(checked(&module(&"(loop)".repeat(5000))), "fine");
    }

    #[test]
    fn many_instructions_on_tables_are_refused() {
        let fill = "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))";
        assert_eq!(checked(&module(&fill.repeat(1000))), "fine");
        assert!(checked(&module(&fill.repeat(1001))).contains("1001 instructions on whole tables"));
    }

    #[test]
    fn many_segments_are_refused() {
        let data = "(data (i32.const 0) \"a\")".repeat(20_001);
        let message = checked(&format!("(component (core module (memory 1) {data}))"));
        assert_eq!(message, "it has 20001 segments of data and elements, and at most 20000 are compiled");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = "(component ".repeat(17) + &")".repeat(17);
        assert!(checked(&text).contains("17 levels of nested components"));
    }
}
