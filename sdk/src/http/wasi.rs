//! Requests over `wasi:http`.

use super::{Clock, Head, HttpError, Request};
use std::time::Duration;
use url::Url;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, FutureIncomingResponse, Headers, IncomingBody, IncomingResponse, InputStream, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::StreamError;

/// Bytes that are asked for at once.
const PART: u64 = 64 << 10;
/// Bytes that one blocking write takes at most, by the interface.
const WRITE: usize = 4 << 10;

/// The body of an answer. The order of the fields is the order in which they must be dropped.
pub(crate) struct Body {
    stream: InputStream,
    _body: IncomingBody,
    _answer: IncomingResponse,
}

pub(crate) fn send(request: &Request, url: &Url, clock: &Clock) -> Result<(Head, Body), HttpError> {
    let invalid = |reason: &str| HttpError::Invalid { url: request.url.clone(), reason: reason.to_owned() };
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let headers = Headers::from_list(&headers).map_err(|error| invalid(&format!("a header is refused: {error}")))?;
    let outgoing = OutgoingRequest::new(headers);
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("the method cannot be one"))?;
    let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the scheme cannot be one"))?;
    outgoing.set_authority(Some(url.authority())).map_err(|()| invalid("the host cannot be one"))?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    outgoing.set_path_with_query(Some(path)).map_err(|()| invalid("the path cannot be one"))?;
    let body = outgoing.body().map_err(|()| invalid("the body was taken"))?;
    let options = options(clock.left()?);
    let future = handle(outgoing, Some(options)).map_err(|code| error_of(code, clock))?;
    write(body, &request.body, clock)?;
    let answer = wait(&future, clock)?;
    read(answer, clock)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    }
}

/// The host bounds each step as well; a step may take all the time that is left.
fn options(left: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let nanos = Some(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX));
    // A host that does not support a time-out leaves it to our own clock.
    let _ = options.set_connect_timeout(nanos);
    let _ = options.set_first_byte_timeout(nanos);
    let _ = options.set_between_bytes_timeout(nanos);
    options
}

fn write(body: OutgoingBody, bytes: &[u8], clock: &Clock) -> Result<(), HttpError> {
    let broken = |reason: &str| HttpError::Connection { url: clock.url.clone(), reason: reason.to_owned() };
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| broken("the body cannot be written"))?;
        for part in bytes.chunks(WRITE) {
            if stream.blocking_write_and_flush(part).is_err() {
                // The answer, or the reason why there is none, says more.
                return Ok(());
            }
        }
    }
    OutgoingBody::finish(body, None).map_err(|code| error_of(code, clock))
}

fn wait(future: &FutureIncomingResponse, clock: &Clock) -> Result<IncomingResponse, HttpError> {
    loop {
        match future.get() {
            Some(Ok(answer)) => return answer.map_err(|code| error_of(code, clock)),
            Some(Err(())) => {
                return Err(HttpError::Broken { url: clock.url.clone(), reason: "the answer was taken".to_owned() });
            }
            None => until(&future.subscribe(), clock)?,
        }
    }
}

/// Wait for something, but not for longer than there is time.
fn until(pollable: &Pollable, clock: &Clock) -> Result<(), HttpError> {
    let nanos = u64::try_from(clock.left()?.as_nanos()).unwrap_or(u64::MAX);
    let timer = subscribe_duration(nanos);
    if poll(&[pollable, &timer]).contains(&0) { Ok(()) } else { Err(clock.late()) }
}

fn read(answer: IncomingResponse, clock: &Clock) -> Result<(Head, Body), HttpError> {
    let broken = |()| HttpError::Broken { url: clock.url.clone(), reason: "the body was taken".to_owned() };
    let headers = answer.headers().entries();
    let text = |(name, value): (String, Vec<u8>)| (name.to_lowercase(), String::from_utf8_lossy(&value).into_owned());
    let head = Head { status: answer.status(), headers: headers.into_iter().map(text).collect() };
    let body = answer.consume().map_err(broken)?;
    let stream = body.stream().map_err(broken)?;
    Ok((head, Body { stream, _body: body, _answer: answer }))
}

impl Body {
    /// The next bytes; none at the end.
    pub(crate) fn next(&mut self, clock: &Clock) -> Result<Option<Vec<u8>>, HttpError> {
        loop {
            clock.left()?;
            match self.stream.read(PART) {
                Ok(part) if part.is_empty() => until(&self.stream.subscribe(), clock)?,
                Ok(part) => return Ok(Some(part)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(match http_error_code(&error) {
                        Some(code) => error_of(code, clock),
                        None => {
                            let text = error.to_debug_string();
                            let reason = text.split("Stack backtrace:").next().unwrap_or_default().trim().to_owned();
                            HttpError::Connection { url: clock.url.clone(), reason }
                        }
                    });
                }
            }
        }
    }
}

fn error_of(code: ErrorCode, clock: &Clock) -> HttpError {
    let url = clock.url.clone();
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => HttpError::Denied(url),
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => HttpError::NotFound(url),
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => clock.late(),
        ErrorCode::ConnectionRefused => HttpError::Connection { url, reason: "the connection was refused".to_owned() },
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            HttpError::Connection { url, reason: "the connection ended too early".to_owned() }
        }
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            HttpError::Connection { url, reason: "the host cannot be reached".to_owned() }
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            HttpError::Untrusted { url, reason: code.to_string() }
        }
        ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriInvalid => {
            HttpError::Invalid { url, reason: code.to_string() }
        }
        other => HttpError::Broken { url, reason: other.to_string() },
    }
}
