//! What a guest may queue, and what it has queued so far.
//!
//! The right comes from the grant and is shared by all attempts of a handler; an opened
//! [`Enqueue`] belongs to one attempt. Wishes are kept in memory until the attempt has
//! ended; whoever opened it decides what becomes of them, and gives the check that
//! needs to know the handlers.

use super::grant::{Ask, hint};
use crate::rules::enqueue::{Queueing, Refusal, Standing, Wish, may_queue};
use std::sync::Arc;

/// What a handler may queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Right {
    /// The handler's name.
    pub handler: String,
    /// Its digest, as `sha256:…`.
    pub digest: String,
    /// What it asked for, all of which is granted.
    pub ask: Ask,
}

impl Right {
    /// The words for a job that it did not ask for, with the lines that would allow it.
    fn denied(&self, entry: &Queueing) -> String {
        let mut ask = self.ask.clone();
        ask.enqueue.insert(entry.kind.clone(), entry.subjects);
        let lines = hint(&self.handler, &self.digest, &ask);
        format!(
            "handler {} queues `{entry}`, which it did not ask for; once its `describe` asks for it, \
             this in capstan.toml allows it:\n{lines}",
            self.handler
        )
    }
}

/// Looks at a wish that the grant allows: whether somebody does the kind, whether the
/// payload matches its schema, whether the source is a URL. Gives it back in its
/// canonical form.
pub type Check = Box<dyn Fn(Wish) -> Result<Wish, Refusal> + Send + Sync>;

/// The right, opened for one attempt.
pub struct Enqueue {
    right: Arc<Right>,
    depth: i64,
    limit: u64,
    check: Check,
    bytes: u64,
    taken: Vec<Wish>,
}

impl Enqueue {
    /// For an attempt of a job with so many parents, which may queue so many jobs.
    pub fn new(right: Arc<Right>, depth: i64, limit: u64, check: Check) -> Self {
        Self { right, depth, limit, check, bytes: 0, taken: Vec::new() }
    }

    /// Take one more.
    ///
    /// # Errors
    /// It may not be queued; those taken before stay.
    pub fn take(&mut self, wish: Wish) -> Result<(), Refusal> {
        let standing =
            Standing { depth: self.depth, jobs: self.taken.len() as u64, bytes: self.bytes, limit: self.limit };
        may_queue(&self.right.ask.enqueue, &wish, standing, |entry| self.right.denied(entry))?;
        let wish = (self.check)(wish)?;
        self.bytes += wish.payload.len() as u64;
        self.taken.push(wish);
        Ok(())
    }

    /// How many were taken.
    pub fn jobs(&self) -> u64 {
        self.taken.len() as u64
    }

    /// What was taken, in its order; it is forgotten here.
    pub fn hand_over(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.taken)
    }
}

impl std::fmt::Debug for Enqueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enqueue").field("right", &self.right).field("taken", &self.taken.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::enqueue::Subjects;

    fn wish(kind: &str) -> Wish {
        Wish { kind: kind.to_owned(), payload: "{}".to_owned(), about: None }
    }

    fn opened(check: Check) -> Enqueue {
        let ask = Ask { enqueue: [("a".to_owned(), Subjects::Own)].into(), ..Ask::default() };
        let right = Right { handler: "h".to_owned(), digest: "sha256:00".to_owned(), ask };
        Enqueue::new(Arc::new(right), 0, 2, check)
    }

    #[test]
    fn what_was_not_asked_for_is_denied_with_the_lines_that_would_allow_it() {
        let mut enqueue = opened(Box::new(Ok));
        enqueue.take(wish("a")).unwrap();
        let said = enqueue.take(wish("b")).unwrap_err().to_string();
        assert!(said.ends_with("\ndigest = \"sha256:00\"\nenqueue = [\"a\", \"b\"]"), "{said}");
        assert_eq!(enqueue.hand_over(), [wish("a")]);
    }

    #[test]
    fn what_does_not_pass_the_check_does_not_count() {
        let mut enqueue = opened(Box::new(|wish| Err(Refusal::UnknownKind(wish.kind))));
        for _ in 0..3 {
            assert_eq!(enqueue.take(wish("a")), Err(Refusal::UnknownKind("a".to_owned())));
        }
        assert_eq!(enqueue.jobs(), 0);
    }
}
