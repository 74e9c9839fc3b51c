//! How a guest thread begins with the attempts that it is handed.
//!
//! Each is polled once, and becomes a task of the thread's scheduler if it has not ended then. The smallest
//! attempts end by it: a task, its place in the scheduler's queue and the look at timers and connections behind it
//! would be a twelfth of all that a no-op job costs (`docs/benchmarks.md`). What has begun has its turn all the same:
//! whoever begins gives way after [`TURN`], however much waits.
//!
//! What it cannot promise: that a turn is no longer, for a guest that computes keeps its first poll for its slice.

use super::inbox::Inbox;
use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// How long new attempts are begun with before the scheduler looks at timers and connections and one task has its
/// turn: 0.2 ms, the smallest ten.
const TURN: Duration = Duration::from_micros(200);

/// An attempt from its beginning until its report is handed over.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begin with what comes until `stopped`.
pub(super) async fn begin(inbox: &Inbox<Task>, stopped: oneshot::Receiver<()>) {
    tokio::select! {
        biased;
        // An error means that the other end is gone: the same wish.
        _ = stopped => {},
        never = begin_all(inbox) => match never {},
    }
}

/// Poll once what comes, in turns. Most of the short ones end by it; the others become tasks of the scheduler.
async fn begin_all(inbox: &Inbox<Task>) -> Infallible {
    let mut since = Instant::now();
    loop {
        for mut task in inbox.take().await {
            // A panic is the end of its attempt alone, as it would be in a task.
            let polled = poll_fn(|cx| Poll::Ready(catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))))).await;
            if let Ok(Poll::Pending) = polled {
                // Polled again at once, to be woken by itself from then on.
                drop(tokio::spawn(task));
            }
            if since.elapsed() >= TURN {
                yield_now().await;
                since = Instant::now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::panic::resume_unwind;
    use std::sync::{Arc, Mutex};
    use tokio::runtime::Builder;

    /// What was said, in its order, and whether by a task of the scheduler.
    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<(&'static str, bool)>>>);

    impl Said {
        fn say(&self, word: &'static str) {
            self.0.lock().unwrap().push((word, tokio::task::try_id().is_some()));
        }

        fn is(&self, word: &str) -> bool {
            self.0.lock().unwrap().iter().any(|(said, _)| *said == word)
        }
    }

    fn compute(time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    /// Begin with these, of which one says when to stop.
    fn run(tasks: impl FnOnce(oneshot::Sender<()>) -> Vec<Task>) {
        let (inbox, (stop, stopped)) = (Inbox::default(), oneshot::channel());
        tasks(stop).into_iter().for_each(|task| inbox.put(task));
        let runtime = Builder::new_current_thread().event_interval(1).build().unwrap();
        runtime.block_on(begin(&inbox, stopped));
    }

    #[test]
    fn what_ends_in_its_first_poll_is_no_task_and_what_does_not_becomes_one() {
        let said = Said::default();
        run(|stop| {
            let short = |word| -> Task {
                let said = said.clone();
                Box::pin(async move { said.say(word) })
            };
            let long = said.clone();
            let long = Box::pin(async move {
                long.say("long begins");
                yield_now().await;
                long.say("long ends");
                stop.send(()).unwrap();
            });
            vec![short("one"), long, short("two")]
        });
        let words = [("one", false), ("long begins", false), ("two", false), ("long ends", true)];
        assert_eq!(*said.0.lock().unwrap(), words);
    }

    #[test]
    fn what_has_not_begun_when_the_thread_is_told_to_stop_never_does() {
        let said = Said::default();
        run(|stop| {
            let (one, two) = (said.clone(), said.clone());
            let one = Box::pin(async move {
                one.say("one");
                stop.send(()).unwrap();
                compute(TURN);
            });
            vec![one, Box::pin(async move { two.say("two") })]
        });
        assert!(said.is("one") && !said.is("two"));
    }

    #[test]
    fn a_panic_ends_its_attempt_and_not_the_thread() {
        let said = Said::default();
        run(|stop| {
            let next = said.clone();
            let bad = Box::pin(async { resume_unwind(Box::new("no luck")) });
            let next = Box::pin(async move {
                next.say("the next one");
                stop.send(()).unwrap();
            });
            vec![bad, next]
        });
        assert!(said.is("the next one"));
    }

    /// Each hands the next one in, as a busy queue does.
    #[test]
    fn those_that_began_have_their_turn_however_many_come() {
        const MANY: u32 = 1_000;
        struct Line {
            inbox: Arc<Inbox<Task>>,
            said: Said,
            stop: oneshot::Sender<()>,
        }
        fn next(line: Line, left: u32) -> Task {
            Box::pin(async move {
                compute(TURN / 10);
                if left == 0 || line.said.is("the first one goes on") {
                    line.stop.send(()).unwrap();
                } else {
                    Arc::clone(&line.inbox).put(next(line, left - 1));
                }
            })
        }
        let (said, (stop, stopped)) = (Said::default(), oneshot::channel());
        let inbox: Arc<Inbox<Task>> = Arc::default();
        let first = said.clone();
        inbox.put(Box::pin(async move {
            yield_now().await;
            first.say("the first one goes on");
        }));
        inbox.put(next(Line { inbox: Arc::clone(&inbox), said: said.clone(), stop }, MANY));
        let runtime = Builder::new_current_thread().event_interval(1).build().unwrap();
        runtime.block_on(begin(&inbox, stopped));
        assert!(said.is("the first one goes on"));
    }
}
