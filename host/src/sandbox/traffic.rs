//! Requests and bytes of one attempt to and from the outside, counted and bounded.

/// What went over the wire, and the first thing that was refused.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    max_requests: u64,
    max_bytes: u64,
    requests: u64,
    sent: u64,
    received: u64,
    exceeded: Option<Exceeded>,
    refused: Option<String>,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exceeded {
    /// Too many requests.
    #[error("wanted to send {wanted} requests, more than limits.requests = {limit} allows")]
    Requests {
        /// This one included.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// Too many bytes, both directions together.
    #[error("wanted to send and receive {wanted} bytes, more than limits.traffic = {limit} allows")]
    Bytes {
        /// These included.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
}

impl Traffic {
    pub(super) fn new(max_requests: u64, max_bytes: u64) -> Self {
        Self { max_requests, max_bytes, ..Self::default() }
    }

    /// Before a request is sent; redirects are requests of their own.
    pub(super) fn request(&mut self) -> Result<(), Exceeded> {
        let wanted = self.requests + 1;
        if wanted > self.max_requests {
            return Err(self.exceed(Exceeded::Requests { wanted, limit: self.max_requests }));
        }
        self.requests = wanted;
        Ok(())
    }

    /// Bytes of a request's body.
    pub(super) fn sent(&mut self, bytes: u64) -> Result<(), Exceeded> {
        self.sent += bytes;
        self.check()
    }

    /// Bytes of an answer's body.
    pub(super) fn received(&mut self, bytes: u64) -> Result<(), Exceeded> {
        self.received += bytes;
        self.check()
    }

    fn check(&mut self) -> Result<(), Exceeded> {
        let wanted = self.sent + self.received;
        if wanted > self.max_bytes {
            return Err(self.exceed(Exceeded::Bytes { wanted, limit: self.max_bytes }));
        }
        Ok(())
    }

    fn exceed(&mut self, exceeded: Exceeded) -> Exceeded {
        *self.exceeded.get_or_insert(exceeded)
    }

    /// A request was not allowed.
    pub(super) fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    pub(super) const fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded
    }

    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Requests, bytes sent, bytes received.
    pub(super) const fn used(&self) -> (u64, u64, u64) {
        (self.requests, self.sent, self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_fits_and_the_next_does_not() {
        let mut traffic = Traffic::new(2, 10);
        assert_eq!((traffic.request(), traffic.request()), (Ok(()), Ok(())));
        assert_eq!((traffic.sent(4), traffic.received(6)), (Ok(()), Ok(())));
        assert_eq!(traffic.exceeded(), None);
        let third = Exceeded::Requests { wanted: 3, limit: 2 };
        assert_eq!(traffic.request(), Err(third));
        assert_eq!(traffic.received(1), Err(third), "the first one is kept");
        assert_eq!(traffic.used(), (2, 4, 7));
    }
}
