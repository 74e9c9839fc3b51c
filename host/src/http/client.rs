//! The other end of the socket.

use crate::host::Verb;
use crate::host::refusal::{Fault, Refusal};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::path::Path;
use tokio::net::UnixStream;

/// Say a verb to the host that listens on a socket.
///
/// # Errors
/// The host refused it, or cannot be reached.
pub async fn say<V: Verb>(socket: &Path, verb: &V) -> Result<V::Reply, Refusal> {
    let (status, body) = exchange(socket, V::ROUTE, verb).await.map_err(|error| Refusal {
        fault: Fault::Host,
        message: format!("the host does not answer on {}: {error}", socket.display()),
        hint: Some("it may be starting or stopping: try again in a moment".to_owned()),
    })?;
    let unreadable = |error: serde_json::Error| Refusal {
        fault: Fault::Host,
        message: format!("the host's answer to {} is not readable: {error}", V::ROUTE),
        hint: Some("the host may be another version of capstan: restart it".to_owned()),
    };
    if status.is_success() {
        serde_json::from_slice(&body).map_err(unreadable)
    } else {
        Err(serde_json::from_slice(&body).unwrap_or_else(unreadable))
    }
}

async fn exchange<V: Verb>(
    socket: &Path,
    route: &str,
    verb: &V,
) -> Result<(hyper::StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TokioIo::new(UnixStream::connect(socket).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let pump = tokio::spawn(connection);
    let request = Request::post(format!("/v1/{route}"))
        .header(header::HOST, "capstan")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(serde_json::to_vec(verb)?)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    pump.abort();
    Ok((status, body))
}
