//! What a guest sends and receives, part by part: counted, bounded, timed, and without the secrets that were sent.

use crate::capability::secret::Mask;
use crate::sandbox::state::Shared;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a request, counted.
pub(super) struct Sending {
    body: WasiBody,
    shared: Arc<Shared>,
}

impl Sending {
    pub(super) const fn new(body: WasiBody, shared: Arc<Shared>) -> Self {
        Self { body, shared }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        if self.shared.traffic().sent(bytes as u64).is_err() {
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, counted and timed.
pub(super) struct Receiving {
    body: Incoming,
    between: Duration,
    pause: Pin<Box<Sleep>>,
    shared: Arc<Shared>,
    mask: Mask,
}

impl Receiving {
    /// Not longer than `between` between two parts, and nothing in them that the mask covers.
    pub(super) fn new(body: Incoming, between: Duration, mask: Mask, shared: Arc<Shared>) -> Self {
        Self { body, between, pause: Box::pin(sleep(between)), shared, mask }
    }

    fn masked(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        frame.map_data(|bytes| self.mask.part(&bytes).into())
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            // Nothing that was sent back may pass by the mask: trailers do not pass at all.
            Poll::Ready(None) => {
                let rest = self.mask.rest();
                return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest.into()))));
            }
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() && !self.mask.is_empty() => {
                return self.poll_frame(cx);
            }
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(self.pause.as_mut().poll(cx));
                return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
            }
        };
        let next = Instant::now() + self.between;
        self.pause.as_mut().reset(next);
        let frame = frame.map(|frame| frame.map_err(Error::from));
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        if self.shared.traffic().received(bytes as u64).is_err() {
            return Poll::Ready(Some(Err(Error::HttpResponseBodySize(None))));
        }
        Poll::Ready(frame.map(|frame| frame.map(|frame| self.masked(frame))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
