//! The requests of an instance: those of `wasi:http` go to [`crate::http`].

use std::sync::Arc;

use hyper::Request;
use hyper::header::HeaderName;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::{
    Error as Code, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
};

use crate::http::{Client, Notices, RequestSession};
use crate::instance_log::InstanceLog;

/// Bytes that a guest can write to the body of a request before the network takes them. There are two such buffers for each
/// open request.
const BODY_CHUNK: usize = 16 << 10;

/// Bytes of the headers of one message that a guest creates, as they are in memory. Servers take 8 to 16 KiB, and a guest can have
/// thousands of such lists at the same time.
const HEADERS: usize = 16 << 10;

/// The requests of an instance, from its first use of the interface.
pub(super) struct HttpState {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

/// Decides where requests go.
struct Hooks(RequestSession);

impl HttpState {
    pub(super) fn new(client: Option<Arc<Client>>, notices: Arc<Notices>, log: Option<InstanceLog>) -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(HEADERS);
        Self { ctx, hooks: Hooks(RequestSession::new(client, notices, log)) }
    }

    /// Returns what wasmtime works on.
    pub(super) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks: &mut self.hooks, table, ctx: &mut self.ctx }
    }

    /// Returns the first request that has not ended, as method and URL, and the number of the others.
    pub(super) fn open_requests(&self) -> Option<(String, usize)> {
        self.hooks.0.open_requests()
    }

    /// Starts a call.
    pub(super) fn begin(&mut self) {
        self.hooks.0.begin();
    }
}

impl WasiHttpHooks for Hooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        self.0.is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        self.0.forbidden_headers()
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Code>> + Send>,
    ) -> Box<
        dyn Future<
                Output = Result<(hyper::Response<WasiBody>, Box<dyn Future<Output = Result<(), Code>> + Send>), Code>,
            > + Send,
    > {
        let response = self.0.send(request, options);
        Box::new(async move {
            // Nothing is left to be driven on the guest's thread.
            let rest: Box<dyn Future<Output = Result<(), Code>> + Send> = Box::new(async { Ok(()) });
            Ok((response.await?, rest))
        })
    }
}
