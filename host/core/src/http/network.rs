//! The thread that drives the connections of a run.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{OnceCell, oneshot};

/// Connections of one run. Its thread is started by the first request, and ends when this is dropped, with all tasks and
/// sockets on it.
pub(crate) struct Network {
    thread: OnceLock<Result<IoThread, io::ErrorKind>>,
    services: Arc<Services>,
}

struct IoThread {
    runtime: Handle,
    /// Dropped to end the thread.
    _running: oneshot::Sender<()>,
}

/// The resolver of names and the settings of TLS, which are created when they are first needed.
pub(super) struct Services {
    name_servers: Vec<SocketAddr>,
    resolver: OnceCell<TokioResolver>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Network {
    /// Creates a network that resolves names with these servers, or with those of the system if there are none.
    pub(crate) fn new(name_servers: Vec<SocketAddr>) -> Self {
        let services = Services { name_servers, resolver: OnceCell::new(), tls: OnceCell::new() };
        Self { thread: OnceLock::new(), services: Arc::new(services) }
    }

    /// A network that trusts other authorities than the system.
    #[cfg(test)]
    pub(super) fn with_tls(config: ClientConfig) -> Self {
        let tls = OnceCell::new_with(Some(Arc::new(config)));
        let services = Services { name_servers: Vec::new(), resolver: OnceCell::new(), tls };
        Self { thread: OnceLock::new(), services: Arc::new(services) }
    }

    /// Returns the runtime on which the tasks of requests run.
    ///
    /// # Errors
    /// The system refuses to start a thread.
    pub(super) fn runtime(&self) -> io::Result<&Handle> {
        let thread = self.thread.get_or_init(|| IoThread::start().map_err(|error| error.kind()));
        thread.as_ref().map(|thread| &thread.runtime).map_err(|kind| io::Error::from(*kind))
    }

    pub(super) fn services(&self) -> &Arc<Services> {
        &self.services
    }
}

impl IoThread {
    fn start() -> io::Result<Self> {
        let (running, ended) = oneshot::channel();
        let (started, starting) = channel();
        thread::Builder::new().name("http".into()).spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            let _ = started.send(Ok(runtime.handle().clone()));
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        })?;
        let runtime = starting.recv().map_err(io::Error::other)??;
        Ok(Self { runtime, _running: running })
    }
}

impl Services {
    /// Returns the resolver.
    ///
    /// # Errors
    /// The configuration of the system cannot be read.
    pub(super) async fn resolver(&self) -> Result<&TokioResolver, String> {
        let create = async || {
            let mut builder = if self.name_servers.is_empty() {
                TokioResolver::builder_tokio().map_err(|error| error.to_string())?
            } else {
                let servers = self.name_servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_name_servers(servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            };
            // All addresses of a name are checked, so all have to be known.
            builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            builder.build().map_err(|error| error.to_string())
        };
        self.resolver.get_or_try_init(create).await
    }

    /// Returns the settings of TLS: the root certificates of the system, HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// The system has no root certificates.
    pub(super) async fn tls(&self) -> Result<&Arc<ClientConfig>, String> {
        let create = async || {
            // Reads files.
            let config = tokio::task::spawn_blocking(tls_config).await;
            config.map_err(|error| error.to_string())?.map(Arc::new).map_err(|error| error.to_string())
        };
        self.tls.get_or_try_init(create).await
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("started", &self.thread.get().is_some()).finish_non_exhaustive()
    }
}
