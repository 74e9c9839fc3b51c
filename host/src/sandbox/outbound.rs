//! Requests of a guest to the outside.
//!
//! `wasi:http/outgoing-handler` ends here. A request is matched against what was
//! asked for and granted, its host is looked up once, every address is checked, and
//! the connection goes to one that was checked (`capability::connect`). Requests and
//! bytes are counted and bounded, waiting is bounded at every step, and a refusal is
//! remembered: when the attempt fails, it is the cause, whatever the guest made of it.
//!
//! What it cannot promise: that a body ends. A server that sends a byte now and then
//! is ended by the attempt's wall time, not here.

mod body;

use super::state::Shared;
use crate::capability::connect::{ConnectError, Connector};
use crate::capability::net::Net;
use crate::capability::secret::{Mask, Secret};
use crate::rules::pattern::{Scheme, Target};
use body::{Receiving, Sending};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Waiting for name, connection and TLS together, at most and by default.
const CONNECT: Duration = Duration::from_secs(10);
/// Waiting for the head of the answer, by default.
const FIRST_BYTE: Duration = Duration::from_secs(60);
/// The same at most: a model that answers in one piece sends the head when it has thought.
const MAX_FIRST_BYTE: Duration = Duration::from_secs(600);
/// Waiting between two parts of the answer's body, at most and by default.
const BETWEEN: Duration = Duration::from_secs(30);
/// Bytes of the head of an answer.
const MAX_HEAD: usize = 256 << 10;

/// What an attempt may send, and through what.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Which requests.
    pub net: Arc<Net>,
    /// How they get there.
    pub connector: Arc<Connector>,
    /// What goes with them.
    pub secrets: Arc<[Secret]>,
}

/// The hooks of one store.
pub(super) struct Hooks {
    pub(super) outbound: Option<Outbound>,
    pub(super) shared: Arc<Shared>,
}

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (outbound, shared) = (self.outbound.clone(), Arc::clone(&self.shared));
        let times = Times::of(options.unwrap_or_default());
        // In a box that goes when it is sent: what a future is made with lies in it until it ends.
        let request = Box::new(request);
        Box::new(charged(Arc::clone(&self.shared), send(outbound, request, times, shared)))
    }
}

/// A request on its way, until the head of its answer is there.
async fn send(
    outbound: Option<Outbound>,
    mut request: Box<Request<WasiBody>>,
    times: Times,
    shared: Arc<Shared>,
) -> Sent {
    let Some(outbound) = outbound else { return Err(Error::HttpRequestDenied) };
    let target = target(&request)?;
    shared.traffic().request().map_err(|_| Error::ConnectionLimitReached)?;
    // In a box of its own, which is gone when the long wait begins.
    let wire = Box::pin(outbound.connector.open(&outbound.net, &target, times.connect)).await;
    let wire = wire.map_err(|error| refused(&shared, error))?;
    let secrets = add_secrets(&outbound, &target, request.headers_mut());
    exchange(wire, request, &times, Mask::new(&secrets), shared).await
}

struct Times {
    connect: Duration,
    first_byte: Duration,
    between: Duration,
}

impl Times {
    /// A guest may wait for less than the defaults, and for more only for the head of an answer.
    fn of(wished: RequestOptions) -> Self {
        let least = |wish: Option<Duration>, most: Duration| wish.map_or(most, |wish| wish.min(most));
        Self {
            connect: least(wished.connect_timeout, CONNECT),
            first_byte: wished.first_byte_timeout.map_or(FIRST_BYTE, |wish| wish.min(MAX_FIRST_BYTE)),
            between: least(wished.between_bytes_timeout, BETWEEN),
        }
    }
}

/// Where a request goes. Whoever names a user in the authority, or gives no usable
/// scheme, has made no request.
fn target(request: &Request<WasiBody>) -> Result<Target, Error> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    if authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return Err(Error::HttpProtocolError),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_lowercase();
    if host.is_empty() {
        return Err(Error::HttpRequestUriInvalid);
    }
    let port = authority.port_u16().unwrap_or(scheme.port());
    Ok(Target { method: request.method().as_str().to_owned(), scheme, host, port })
}

/// Put the secrets in that go with a request; which ones. Their answers come as they
/// are, for what is compressed cannot be masked.
fn add_secrets(outbound: &Outbound, target: &Target, headers: &mut HeaderMap) -> Vec<Secret> {
    let mut added = Vec::new();
    for secret in &*outbound.secrets {
        let Some((name, line)) = secret.for_request(target) else { continue };
        if let (Ok(name), Ok(mut line)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(line)) {
            line.set_sensitive(true);
            headers.insert(name, line);
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            added.push(secret.clone());
        }
    }
    added
}

/// What the guest learns of a connection that is not opened. The whole story goes
/// into the attempt's log, for codes have no room for it.
fn refused(shared: &Shared, error: ConnectError) -> Error {
    shared.note(&error.to_string());
    match error {
        ConnectError::Refused(refusal) => {
            shared.traffic().refuse(refusal.to_string());
            Error::HttpRequestDenied
        }
        ConnectError::Lookup { .. } => Error::DnsError { rcode: None, info_code: None },
        ConnectError::Connect { source, .. } => Error::Connect(source),
        ConnectError::Tls { source, .. } => Error::Tls(source),
        ConnectError::Timeout { .. } => Error::ConnectionTimeout,
    }
}

async fn exchange(
    wire: Box<dyn crate::capability::connect::Wire>,
    mut request: Box<Request<WasiBody>>,
    times: &Times,
    mask: Mask,
    shared: Arc<Shared>,
) -> Sent {
    // Origin form: a server that is no proxy must not see another host's name in it.
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse::<Uri>();
    *request.uri_mut() = path.map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().entry(hyper::header::USER_AGENT).or_insert(HeaderValue::from_static("capstan"));
    let (mut sender, connection) =
        hyper::client::conn::http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(wire)).await?;
    let driver = tokio::spawn(charged(Arc::clone(&shared), connection));
    let driver = AbortOnDrop(driver);
    let answer = timeout(times.first_byte, sender.send_request(counted(request, &shared))).await;
    let mut answer = answer.map_err(|_| Error::ConnectionReadTimeout)??;
    for value in answer.headers_mut().values_mut() {
        // As long as it was, and of asterisks where it changed: still a value.
        if let Ok(masked) = HeaderValue::from_bytes(&mask.whole(value.as_bytes())) {
            *value = masked;
        }
    }
    let between = times.between;
    let answer = answer.map(|body| Receiving::new(body, between, mask, shared).boxed_unsync());
    Ok((
        answer,
        Box::new(async move {
            let mut driver = driver;
            match (&mut driver.0).await {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => Ok(()),
            }
        }),
    ))
}

/// The request with a body that is counted. A function, for a box is freed where what held it ends.
#[allow(clippy::boxed_local)]
fn counted(request: Box<Request<WasiBody>>, shared: &Arc<Shared>) -> Request<WasiBody> {
    request.map(|body| Sending::new(body, Arc::clone(shared)).boxed_unsync())
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Work for a guest that is not done inside its calls: its CPU time is the guest's
/// account with the host all the same. In a box: it goes from the guest's stack to a
/// task, and each copy on the way would be as large.
fn charged<F: Future>(shared: Arc<Shared>, work: F) -> impl Future<Output = F::Output> {
    let mut work = Box::pin(work);
    std::future::poll_fn(move |cx| shared.meter.beside(|| work.as_mut().poll(cx)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F>(_: impl FnOnce(Option<Outbound>, Box<Request<WasiBody>>, Times, Arc<Shared>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_waits_for_an_answer_is_small() {
        // It was 3,744 bytes, twice 1,848 and a little: the look-up of the name and the request lay in it to the end.
        assert!(size(send) <= 1_024, "{} bytes", size(send));
    }
}
