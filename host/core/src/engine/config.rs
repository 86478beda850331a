//! Configuration of wasmtime: the WebAssembly features of guests, and the memory layout of their instances.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// The stack of a guest. Rust steps need a few KiB; `CPython`'s recursion limit of 1000 needs about this much.
const GUEST_STACK: usize = 1 << 20;
/// The stack that a guest and the host functions that it calls share.
const FIBER_STACK: usize = GUEST_STACK + (1 << 20);
/// The largest memory that 32-bit WebAssembly can address.
const MEMORY_RESERVATION: u64 = 1 << 32;
/// Core modules in one component. Rust components have 1 to 3, `CPython` about 25.
const MODULES_PER_COMPONENT: u32 = 48;
/// Memories and tables in one component. Rust components have 1 or 2, `CPython` about as many tables as modules.
const MEMORIES_PER_COMPONENT: u32 = 4;
const TABLES_PER_COMPONENT: u32 = 48;
/// Entries of one table in the pool. `CPython`'s largest has about 10,000.
const TABLE_ELEMENTS: usize = 32_768;
/// The largest file that is assumed to be compiled code alone. A component with an interpreter has tens of MB.
const COMPILED_BYTES: u64 = 8 << 20;
/// The most bytes of the memory that a component begins with, if only a small part of it is data. An interpreter has 20 MB.
pub(crate) const IMAGE_BYTES: u64 = 64 << 20;
/// The same for a small component, as in wasmtime's default.
const SPARSE_IMAGE_BYTES: u64 = 16 << 20;
const KEEP_TABLE_RESIDENT: usize = 64 << 10;
const KEEP_STACK_RESIDENT: usize = 64 << 10;

/// Whether guests count the instructions that they execute. Counting costs speed, and a separate compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fuel {
    /// Instructions are not counted.
    #[default]
    Off,
    /// Instructions are counted, and a guest ends when its fuel is used up.
    On,
}

/// How the end of a guest's memory and other traps are noticed.
///
/// An engine with [`Traps::Signals`] installs handlers for `SIGSEGV`, `SIGILL` and `SIGFPE` when it is first used, and passes
/// signals that are not its own to the handlers before it. A handler that is installed later, and does not do the same, ends
/// the process at the first trap of a guest: Python's `faulthandler` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traps {
    /// By signals of the processor. Guests need no checks for them.
    #[default]
    Signals,
    /// By checks in the guest's code. It needs no signal handlers, and guests are slower, mostly by a tenth to a half.
    Checks,
}

/// How much of an instance's memory stays resident for the next instance, instead of being returned to the system.
///
/// For compiled code a resident page costs the next instance a copy if it was written to, instead of a page fault,
/// which takes several times as long: wide vectors take a quarter of the time. An interpreter writes to a few MiB of
/// pages all over its image, and its slowest instances take twice as long if all of these stay (`benches/RESULTS.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Resident {
    /// 2 MiB: the pages that a usual batch touches.
    #[default]
    Little,
    /// 8 MiB: also the pages that wide rows and large batches touch.
    Much,
}

impl Resident {
    /// Chooses for components that are not loaded yet: files, or folders that they are built from.
    pub(crate) fn for_components(components: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let is_compiled = |path: &Path| match path.metadata() {
            Ok(metadata) if metadata.is_dir() => !path.join("pyproject.toml").exists(),
            Ok(metadata) => metadata.len() <= COMPILED_BYTES,
            Err(_) => false,
        };
        if components.into_iter().all(|path| is_compiled(path.as_ref())) { Self::Much } else { Self::Little }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Little => 2 << 20,
            Self::Much => 8 << 20,
        }
    }
}

/// The settings of an engine that its compiled code depends on. Code that one engine has compiled runs in every engine of the
/// same settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompileSettings {
    pub(crate) fuel: Fuel,
    pub(crate) traps: Traps,
    /// Whether memories have the whole address range reserved, as in a pool.
    pub(crate) is_pooled: bool,
}

impl CompileSettings {
    /// Creates an engine that compiles with these settings. It has no pool of instances.
    ///
    /// # Errors
    /// The host's processor or operating system is not supported.
    pub(crate) fn engine(self) -> wasmtime::Result<Engine> {
        Engine::new(&self.configuration())
    }

    /// Creates an engine that compiles with these settings, and stores the memory that a component begins with as an image, however
    /// sparse it is. An image costs an instance nothing until it writes to it; otherwise each instance copies the data. The largest
    /// image has four times the bytes of the component, at least 16 MiB and at most [`IMAGE_BYTES`].
    ///
    /// # Errors
    /// See [`engine`](Self::engine).
    pub(crate) fn engine_for_images(self, component: u64) -> wasmtime::Result<Engine> {
        let bytes = component.saturating_mul(4).clamp(SPARSE_IMAGE_BYTES, IMAGE_BYTES);
        Engine::new(self.configuration().memory_guaranteed_dense_image_size(bytes + 1))
    }

    fn configuration(self) -> Config {
        let mut config = configuration(self.fuel, self.traps);
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        if !self.is_pooled {
            config.memory_reservation(0).memory_reservation_for_growth(1 << 20).memory_guard_size(0);
        }
        config
    }

    /// Returns whether instructions are counted.
    pub(crate) fn counts_fuel(self) -> bool {
        self.fuel == Fuel::On
    }
}

impl fmt::Display for CompileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fuel = if self.fuel == Fuel::On { "fuel" } else { "no-fuel" };
        let traps = if self.traps == Traps::Checks { ",checks" } else { "" };
        write!(f, "{fuel},{}{traps}", if self.is_pooled { "pooled" } else { "on-demand" })
    }
}

impl FromStr for CompileSettings {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = [Fuel::On, Fuel::Off].into_iter().flat_map(|fuel| {
            let traps = [Traps::Signals, Traps::Checks].into_iter();
            traps.flat_map(move |traps| [true, false].map(|is_pooled| Self { fuel, traps, is_pooled }))
        });
        all.find(|settings| settings.to_string() == text).ok_or(())
    }
}

/// Creates the engine for up to `instances` instances at a time.
///
/// Instances come from a pool of memories that are reserved once. If the address space is too small for it, as under
/// `ulimit -v`, each instance allocates its own memory, which is slower and otherwise the same.
///
/// # Errors
/// The host's processor or operating system is not supported.
pub(crate) fn engine(
    instances: u32,
    (fuel, traps): (Fuel, Traps),
    resident: Resident,
) -> wasmtime::Result<(Engine, CompileSettings)> {
    let mut config = configuration(fuel, traps);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, resident)));
    match Engine::new(&config) {
        Ok(engine) => Ok((engine, CompileSettings { fuel, traps, is_pooled: true })),
        Err(error) => {
            tracing::debug!("no pool of instances, memory is allocated on demand: {error:#}");
            engine_without_pool(fuel, traps)
        }
    }
}

/// Creates an engine that allocates memory for each instance.
///
/// # Errors
/// The host's processor or operating system is not supported.
pub(crate) fn engine_without_pool(fuel: Fuel, traps: Traps) -> wasmtime::Result<(Engine, CompileSettings)> {
    let settings = CompileSettings { fuel, traps, is_pooled: false };
    Ok((settings.engine()?, settings))
}

fn configuration(fuel: Fuel, traps: Traps) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_multi_memory(true)
        .epoch_interruption(true)
        .consume_fuel(fuel == Fuel::On)
        .signals_based_traps(traps == Traps::Signals)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_init_cow(true)
        .table_lazy_init(true)
        .cranelift_opt_level(OptLevel::Speed)
        // The same floats on every machine, so that a run resumed elsewhere writes the same bytes.
        .relaxed_simd_deterministic(true)
        .generate_address_map(true)
        // wasmtime would read the debug information again for every frame of every trap, and of every instance that a
        // stop ends: tens of milliseconds each. `symbols` reads it once, and only for failures that are reported.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        // Gives access to the memory of an instance that a trap ended, which has the stack of an interpreter.
        .coredump_on_trap(true);
    config
}

fn pool(instances: u32, resident: Resident) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * MODULES_PER_COMPONENT)
        .total_memories(instances * MEMORIES_PER_COMPONENT)
        .total_tables(instances * TABLES_PER_COMPONENT)
        .total_stacks(instances)
        .max_core_instances_per_component(MODULES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_memories_per_module(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_component_instance_size(8 << 20)
        .max_core_instance_size(8 << 20)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(MEMORY_RESERVATION as usize)
        .linear_memory_keep_resident(resident.bytes())
        .table_keep_resident(KEEP_TABLE_RESIDENT)
        .async_stack_keep_resident(KEEP_STACK_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn compatibility(engine: &Engine) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn code_that_was_compiled_elsewhere_runs_in_the_engine() {
        let modes = [Fuel::On, Fuel::Off].map(|fuel| [Traps::Signals, Traps::Checks].map(|traps| (fuel, traps)));
        for (fuel, traps) in modes.into_iter().flatten() {
            for made in [engine(2, (fuel, traps), Resident::default()), engine_without_pool(fuel, traps)] {
                let (engine, settings) = made.unwrap();
                assert_eq!(settings.to_string().parse(), Ok(settings));
                for compiling in [settings.engine().unwrap(), settings.engine_for_images(IMAGE_BYTES).unwrap()] {
                    assert_eq!(compatibility(&engine), compatibility(&compiling), "{settings}");
                }
            }
        }
        assert_eq!("fuel".parse::<CompileSettings>(), Err(()));
    }

    #[test]
    fn one_interpreter_among_the_components_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        File::create(path("small.wasm")).unwrap().set_len(COMPILED_BYTES).unwrap();
        File::create(path("large.wasm")).unwrap().set_len(COMPILED_BYTES + 1).unwrap();
        fs::create_dir(path("crate")).unwrap();
        fs::create_dir(path("python")).unwrap();
        fs::write(path("python").join("pyproject.toml"), "").unwrap();
        assert_eq!(Resident::for_components([path("small.wasm"), path("crate")]), Resident::Much);
        for other in ["large.wasm", "python", "missing.wasm"] {
            assert_eq!(Resident::for_components([path("small.wasm"), path(other)]), Resident::Little, "{other}");
        }
    }
}
