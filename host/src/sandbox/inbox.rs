//! The attempts that were handed to a guest thread and that it has not begun with.
//!
//! Waking a thread costs its waker a system call, whether the thread sleeps or not. So whoever hands something to
//! an inbox that holds something already wakes nobody: the thread was rung for what was put there first, and takes
//! all of it at once.
//!
//! What it cannot promise: that anything is ever taken; what is left when the thread ends is dropped with it.

use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What was handed to one thread, in the order in which it came.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    waiting: Mutex<Vec<T>>,
    rung: Notify,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), rung: Notify::new() }
    }
}

impl<T> Inbox<T> {
    /// Hand something to the thread.
    pub(super) fn put(&self, item: T) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(item);
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            self.rung.notify_one();
        }
    }

    /// Wait until there is something, and take all of it. For one caller at a time.
    pub(super) async fn take(&self) -> Vec<T> {
        loop {
            let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.rung.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Context, Poll, Wake, Waker};

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn whoever_waits_is_woken_once_and_gets_all_in_their_order() {
        let (inbox, rings) = (Inbox::default(), Arc::new(Rings::default()));
        let waker = Waker::from(Arc::clone(&rings));
        let mut cx = Context::from_waker(&waker);
        let mut taking = pin!(inbox.take());
        assert!(taking.as_mut().poll(&mut cx).is_pending());
        (1..=3).for_each(|item| inbox.put(item));
        assert_eq!(rings.0.load(Relaxed), 1);
        assert_eq!(taking.as_mut().poll(&mut cx), Poll::Ready(vec![1, 2, 3]));
    }

    #[test]
    fn what_came_before_anybody_asked_is_there_and_what_comes_later_rings_again() {
        let (inbox, rings) = (Inbox::default(), Arc::new(Rings::default()));
        let waker = Waker::from(Arc::clone(&rings));
        let mut cx = Context::from_waker(&waker);
        inbox.put(1);
        assert_eq!(pin!(inbox.take()).poll(&mut cx), Poll::Ready(vec![1]));
        let mut taking = pin!(inbox.take());
        assert!(taking.as_mut().poll(&mut cx).is_pending(), "the ring of what was taken is no news");
        inbox.put(2);
        assert_eq!(taking.as_mut().poll(&mut cx), Poll::Ready(vec![2]));
        assert!(rings.0.load(Relaxed) >= 1);
    }
}
