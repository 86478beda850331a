//! The engine that the runs and steps of a process share: threads, pools of instances, compiled components.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use rayon::ThreadPool;

use crate::cleanup::CleanupRegistry;
use crate::component::{CompileCache, Compiler};
use crate::engine::{Fuel, Resident, Traps, engine, engine_without_pool};
use crate::loader::ComponentLoader;
use crate::registry::{DownloadCache, Downloader, TransferOptions};
use crate::result_cache::ResultCache;

/// The most threads for each core.
const MAX_THREADS_PER_CORE: usize = 4;

/// Runs pipelines and steps. A process creates one and shares it: clones are the same engine.
///
/// An engine owns a pool of threads, the memory of instances, and the components that it has compiled. All of them are
/// created when they are first needed, and live as long as the engine.
///
/// ```
/// let engine = stillbox::Engine::builder().threads(4).build();
/// assert_eq!(engine.threads(), 4);
/// ```
#[derive(Clone)]
pub struct Engine {
    shared: Arc<EngineState>,
}

/// Settings of an [`Engine`].
#[derive(Debug, Clone, Default)]
pub struct EngineBuilder {
    threads: Option<usize>,
    instances: Option<u32>,
    traps: Traps,
    compile_cache: Option<PathBuf>,
    result_cache: Option<PathBuf>,
    downloads: Option<PathBuf>,
    compiler: Compiler,
    name_servers: Vec<SocketAddr>,
}

/// Reports that the sandbox or its threads cannot be created on this machine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the sandbox cannot be set up")]
pub struct EngineError {
    source: Arc<dyn Error + Send + Sync>,
}

impl EngineError {
    fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into().into() }
    }
}

struct EngineState {
    threads: usize,
    instances: u32,
    traps: Traps,
    compile_cache: CompileCache,
    result_cache: ResultCache,
    downloads: DownloadCache,
    compiler: Compiler,
    name_servers: Vec<SocketAddr>,
    thread_pool: OnceLock<Arc<ThreadPool>>,
    pools: Mutex<Vec<Arc<InstancePool>>>,
}

/// Room for a number of instances, and the components compiled for it.
struct InstancePool {
    loader: Arc<ComponentLoader>,
    fuel: Fuel,
    allocation: Allocation,
    capacity: u32,
    reserved: AtomicU32,
}

/// Where the memory of instances comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allocation {
    /// From a pool, in which every instance has room for a number of memories and tables.
    Pooled(Resident),
    /// Each instance allocates its own.
    OnDemand,
}

/// A part of a pool that one run or step has for itself until this is dropped.
pub(crate) struct Reservation {
    pool: Arc<InstancePool>,
    instances: u32,
}

impl EngineBuilder {
    /// Sets the number of threads that run steps, from 1 to [`Engine::max_threads`]. Default: the number of cores. Larger
    /// numbers are reduced to the maximum.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets the number of instances that a pool has room for at least. Default: what the first run or step needs.
    ///
    /// Runs that do not fit into the pool together get a further pool each, so the setting bounds nothing. Room that is
    /// not used takes address space only.
    #[must_use]
    pub fn instances(mut self, instances: u32) -> Self {
        self.instances = Some(instances);
        self
    }

    /// Sets how traps of guests are noticed. Default: by signals.
    #[must_use]
    pub fn traps(mut self, traps: Traps) -> Self {
        self.traps = traps;
        self
    }

    /// Stores compiled components in this directory, which is created when the first one is stored. Only this user may
    /// have write access to it. Default: every process compiles.
    #[must_use]
    pub fn compile_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.compile_cache = Some(directory.into());
        self
    }

    /// Stores the results of steps with `cache = true` in this directory, which is created when the first one is stored.
    /// Only this user may have access to it. Default: such steps are called in every run.
    #[must_use]
    pub fn result_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.result_cache = Some(directory.into());
        self
    }

    /// Stores components that are downloaded in this directory, which is created when the first one is stored. Only this user may
    /// have write access to it. Default: components are not downloaded, and a step with a reference is an error.
    #[must_use]
    pub fn downloads(mut self, directory: impl Into<PathBuf>) -> Self {
        self.downloads = Some(directory.into());
        self
    }

    /// Compiles components in processes of this program, which calls [`compile_from_stdin`] with the three arguments after
    /// those that are given here. Only then is the memory of the compiler limited, and its work ended at once by a limit or an
    /// interrupt.
    ///
    /// Default: components are compiled on threads of this process. Their memory is not bounded by
    /// [`compile_memory`](crate::Limits::compile_memory): a component that passes the checks of its complexity can take gigabytes.
    /// At the time limit, and after an interrupt, the call returns, and the threads continue until they are done. A program that loads
    /// components of others sets this.
    ///
    /// The processes are listed in the registry while they run. They also make snapshots of steps that take long to bind; without such a
    /// program, each instance is bound.
    ///
    /// [`compile_from_stdin`]: crate::component::compile_from_stdin
    #[must_use]
    pub fn compiler(
        mut self,
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        cleanup: &CleanupRegistry,
    ) -> Self {
        let command = [program.into()].into_iter().chain(arguments.into_iter().map(Into::into));
        self.compiler = Compiler { command: Some(command.collect()), cleanup: cleanup.clone() };
        self
    }

    /// Sets the servers that resolve the names of hosts, for steps with grants for requests. Default: those of the system.
    #[must_use]
    pub fn name_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.name_servers = servers.into_iter().collect();
        self
    }

    /// Creates the engine. Threads and memory are created when the first run or step needs them.
    pub fn build(self) -> Engine {
        let cores = cores();
        let wanted = self.threads.unwrap_or(cores);
        let threads = wanted.clamp(1, MAX_THREADS_PER_CORE * cores);
        if wanted > threads {
            tracing::warn!("using {threads} threads instead of {wanted}: a run has at most 4 for each core");
        }
        Engine {
            shared: Arc::new(EngineState {
                threads,
                instances: self.instances.unwrap_or(0),
                traps: self.traps,
                compile_cache: self.compile_cache.map_or_else(CompileCache::disabled, CompileCache::at),
                result_cache: self.result_cache.map_or_else(ResultCache::disabled, ResultCache::at),
                downloads: self.downloads.map_or_else(DownloadCache::default, DownloadCache::at),
                compiler: self.compiler,
                name_servers: self.name_servers,
                thread_pool: OnceLock::new(),
                pools: Mutex::default(),
            }),
        }
    }
}

impl Default for Engine {
    /// An engine with a thread for each core and no caches on disk.
    fn default() -> Self {
        EngineBuilder::default().build()
    }
}

impl Engine {
    /// Starts to build an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The largest number of threads: 4 for each core. With this many, an interrupt ends a run within 100 ms (99th
    /// percentile). With more, the threads that end the run would wait for their turn on a core for longer.
    pub fn max_threads() -> usize {
        MAX_THREADS_PER_CORE * cores()
    }

    /// Returns the number of threads that run steps.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    pub(crate) fn name_servers(&self) -> &[SocketAddr] {
        &self.shared.name_servers
    }

    /// Returns what downloads components to the folder of this engine.
    pub(crate) fn downloader<'d>(&'d self, options: &'d TransferOptions) -> Downloader<'d> {
        Downloader { cache: &self.shared.downloads, name_servers: &self.shared.name_servers, options }
    }

    pub(crate) fn result_cache(&self) -> &ResultCache {
        &self.shared.result_cache
    }

    /// Returns the threads that run steps, which are started by the first call.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(crate) fn thread_pool(&self) -> Result<Arc<ThreadPool>, EngineError> {
        if let Some(pool) = self.shared.thread_pool.get() {
            return Ok(Arc::clone(pool));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.shared.threads)
            .thread_name(|index| format!("step-{index}"))
            .build()
            .map_err(EngineError::new)?;
        // Another run may have been faster; its threads are used then.
        Ok(Arc::clone(self.shared.thread_pool.get_or_init(|| Arc::new(pool))))
    }

    /// Reserves room for a number of instances.
    ///
    /// # Errors
    /// The sandbox cannot be created on this machine.
    pub(crate) fn reserve(&self, instances: u32, fuel: Fuel, resident: Resident) -> Result<Reservation, EngineError> {
        self.reserve_from(Allocation::Pooled(resident), instances, fuel)
    }

    /// Reserves room for a number of instances, for components that do not fit into a pool: they have too many memories or
    /// tables, or too large ones.
    ///
    /// # Errors
    /// The sandbox cannot be created on this machine.
    pub(crate) fn reserve_on_demand(&self, instances: u32, fuel: Fuel) -> Result<Reservation, EngineError> {
        self.reserve_from(Allocation::OnDemand, instances, fuel)
    }

    fn reserve_from(&self, allocation: Allocation, instances: u32, fuel: Fuel) -> Result<Reservation, EngineError> {
        let mut pools = self.shared.pools.lock();
        let fits = |pool: &&Arc<InstancePool>| {
            let free = pool.capacity.saturating_sub(pool.reserved.load(Ordering::Acquire));
            pool.fuel == fuel && pool.allocation == allocation && free >= instances
        };
        let pool = if let Some(pool) = pools.iter().find(fits) {
            Arc::clone(pool)
        } else {
            let pool = Arc::new(self.new_pool(instances.max(self.shared.instances), fuel, allocation)?);
            pools.push(Arc::clone(&pool));
            pool
        };
        pool.reserved.fetch_add(instances, Ordering::AcqRel);
        Ok(Reservation { pool, instances })
    }

    fn new_pool(&self, capacity: u32, fuel: Fuel, allocation: Allocation) -> Result<InstancePool, EngineError> {
        let (cache, compiler) = (self.shared.compile_cache.clone(), self.shared.compiler.clone());
        let mode = (fuel, self.shared.traps);
        let engine = match allocation {
            Allocation::Pooled(resident) => engine(capacity, mode, resident),
            Allocation::OnDemand => engine_without_pool(fuel, self.shared.traps),
        };
        let loader =
            engine.and_then(|engine| ComponentLoader::new(engine, cache, compiler)).map_err(EngineError::new)?;
        Ok(InstancePool { loader: Arc::new(loader), fuel, allocation, capacity, reserved: AtomicU32::new(0) })
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("threads", &self.shared.threads).finish_non_exhaustive()
    }
}

impl Reservation {
    pub(crate) fn loader(&self) -> &Arc<ComponentLoader> {
        &self.pool.loader
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.pool.reserved.fetch_sub(self.instances, Ordering::AcqRel);
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_fit_share_a_pool_and_others_get_one_of_their_own() {
        let engine = Engine::builder().instances(4).build();
        let reserve = |instances| engine.reserve(instances, Fuel::Off, Resident::default()).expect("it can be set up");
        let (one, two) = (reserve(2), reserve(2));
        assert!(Arc::ptr_eq(&one.pool, &two.pool));
        let three = reserve(2);
        assert!(!Arc::ptr_eq(&one.pool, &three.pool));
        drop(one);
        assert!(Arc::ptr_eq(&two.pool, &reserve(2).pool));
    }

    #[test]
    fn the_number_of_threads_is_bounded_by_the_number_of_cores() {
        assert_eq!(Engine::builder().threads(0).build().threads(), 1);
        assert_eq!(Engine::builder().threads(usize::MAX).build().threads(), Engine::max_threads());
    }
}
