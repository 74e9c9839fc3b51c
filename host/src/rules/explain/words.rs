//! The words of an explanation, and which reason comes first.

use super::{
    Completed, Entry, Explanation, Facts, Handler, KeyFacts, Line, MOST, Queue, Queued, Reason, Running, Standing,
    Worker,
};
use crate::rules::attempt::Class;
use crate::rules::blame::Blame;
use crate::rules::import::ImportState;
use crate::rules::job::{Wait, Why};
use crate::rules::queue::{Limits, QueueState, next_room};
use crate::rules::retry::MAX_DEATHS;
use crate::rules::time::{Millis, Timestamp};

/// Characters of an error's message at most.
const MESSAGE: usize = 200;

/// One thing that keeps a job: what, in words that follow "but", and until when.
type Hurdle = (Reason, String, Option<Timestamp>);

/// Why the job is where it is.
pub fn explain(facts: &Facts) -> Explanation {
    let name = format!("Job {} ({})", facts.id, facts.kind);
    match &facts.standing {
        Standing::Queued(queued) => waits(facts, queued, &name),
        Standing::Running(running) => runs(facts, running, &name),
        Standing::Completed(completed) => ended(
            if completed.unchanged { Reason::Unchanged } else { Reason::Completed },
            format!("{name} {}", done(facts, completed)),
        ),
        Standing::Failed { at, blame, entry } => {
            ended(Reason::Failed, format!("{name} {}{}", gave_up(facts, *at, blame), logged(entry.as_ref())))
        }
        Standing::Cancelled { at } => ended(
            Reason::Cancelled,
            format!(
                "{name} was cancelled at {}: {}. `capstan job retry {}` gives it a new round.",
                at.rfc3339(),
                said(facts),
                facts.id
            ),
        ),
    }
}

fn ended(reason: Reason, text: String) -> Explanation {
    Explanation { reason, also: Vec::new(), until: None, text }
}

/// A job that waits: for what, and what would keep it then.
fn waits(facts: &Facts, queued: &Queued, name: &str) -> Explanation {
    let mut hurdles = general(facts, queued);
    let (reason, text, until) = match line_of_its_own(facts, queued) {
        Some(first) => {
            if first.0 == Reason::Suspect {
                // Out of turn, but not past what its queue allows.
                hurdles.extend(queue_room(queued, facts.now));
            }
            first
        }
        None => {
            hurdles.extend(room(queued, facts.now));
            if hurdles.is_empty() {
                (Reason::Next, next(queued), None)
            } else {
                let (reason, words, until) = hurdles.remove(0);
                (reason, format!("is ready, but {words}"), until)
            }
        }
    };
    let mut text = format!("{name} {text}.");
    for (_, words, _) in &hurdles {
        text.push_str(&format!(" Also, {words}."));
    }
    Explanation { reason, also: hurdles.iter().map(|(reason, ..)| *reason).collect(), until, text }
}

/// What keeps a job outside of the line of ready ones.
fn line_of_its_own(facts: &Facts, queued: &Queued) -> Option<Hurdle> {
    match queued.wait {
        Wait::Ready => None,
        Wait::Timer => Some(for_a_time(facts, queued)),
        Wait::Key => Some(for_its_key(facts, queued)),
        Wait::Subject => {
            let other = queued.other.map_or_else(|| "another job".to_owned(), |id| format!("job {id}"));
            let words = format!("waits for {other} of the same kind, which works on the same document");
            Some((Reason::SubjectBusy, words, None))
        }
        Wait::Suspect => Some((Reason::Suspect, suspected(facts, queued), None)),
    }
}

fn for_a_time(facts: &Facts, queued: &Queued) -> Hurdle {
    let at = when(queued.run_at, facts.now);
    let until = Some(queued.run_at);
    match queued.why {
        Some(Why::Backoff) => {
            let (attempt, most) = (facts.attempt, facts.max_attempts);
            let words = format!("waits for its next attempt {at}: attempt {attempt} of {most} failed, {}", said(facts));
            (Reason::Backoff, words, until)
        }
        Some(Why::Deferred) => {
            let times = number(u64::from(queued.deferrals), "time", "times");
            let words =
                format!("waits {at}: its handler asked to come back later, {times} in this round, {}", said(facts));
            (Reason::Deferred, words, until)
        }
        _ => (Reason::Scheduled, format!("is scheduled: it is to run not before {at}"), until),
    }
}

fn for_its_key(facts: &Facts, queued: &Queued) -> Hurdle {
    let Some((KeyFacts { name, key, pace }, ahead)) = &queued.key else {
        return (Reason::KeyBusy, "waits for its key, which is busy".to_owned(), None);
    };
    let line = match ahead {
        0 => "it is the first in line".to_owned(),
        ahead => format!("{} before it in line", many(*ahead, "job is", "jobs are")),
    };
    if key.rests(facts.now) {
        let at = when(key.next_at, facts.now);
        let words = format!(
            "waits for its key {name:?}, which rests and lets nobody in before {at}; {line}; \
             `capstan key release {name}` ends the rest"
        );
        (Reason::KeyRests, words, Some(key.next_at))
    } else {
        let (running, idle, limit) = (key.running, key.idle, pace.limit);
        let words = format!(
            "waits for its key {name:?}: {running} of at most {limit} run and {idle} were let in before; {line}"
        );
        (Reason::KeyBusy, words, None)
    }
}

fn suspected(facts: &Facts, queued: &Queued) -> String {
    let turn = match queued.other {
        Some(id) if id != facts.id => format!("job {id} is tried now"),
        _ => "it is tried when its turn comes".to_owned(),
    };
    format!(
        "ran when the host died and may have killed it: it was not charged for that, and such jobs run one at a time; \
         {turn}; {} of {MAX_DEATHS} deaths at which it is given up are counted",
        queued.deaths
    )
}

/// What keeps every job of its kind or queue, whatever else it waits for.
fn general(facts: &Facts, queued: &Queued) -> Vec<Hurdle> {
    let mut hurdles = Vec::new();
    let mut add = |reason, words: String| hurdles.push((reason, words, None));
    match &queued.handler {
        Handler::Ready => {}
        Handler::Disabled(name) => add(
            Reason::HandlerDisabled,
            format!(
                "handler {name}, which does kind {:?}, is disabled: `capstan handler enable {name}` ends that",
                facts.kind
            ),
        ),
        Handler::Missing(why) => add(Reason::HandlerMissing, format!("it would fail as no-handler, since {why}")),
    }
    match queued.import {
        Some((id, ImportState::Paused)) => {
            add(Reason::ImportPaused, format!("its import {id} is paused: `capstan import resume {id}` lets it go on"));
        }
        Some((id, ImportState::Cancelled)) => {
            add(Reason::ImportCancelled, format!("its import {id} was cancelled, and it is about to be"));
        }
        _ => {}
    }
    let Queue { name, state, used, .. } = &queued.queue;
    match state {
        QueueState::Open => {}
        QueueState::Paused => add(
            Reason::QueuePaused,
            format!("its queue {name:?} is paused: `capstan queue resume {name}` lets it go on"),
        ),
        QueueState::Draining => add(
            Reason::QueueDraining,
            format!(
                "its queue {name:?} drains, begins nothing more, and is paused when {} ended: \
                 `capstan queue resume {name}` lets it go on",
                many(used.running, "running job has", "running jobs have")
            ),
        ),
    }
    if queued.worker.is_none() {
        add(Reason::NoHost, "no host works on this project: `capstan run` or `capstan serve` starts one".to_owned());
    }
    hurdles
}

/// What its queue does not allow now.
fn queue_room(queued: &Queued, now: Timestamp) -> Vec<Hurdle> {
    let mut hurdles = Vec::new();
    let Queue { name, limits, used, .. } = &queued.queue;
    if let Some(most) = limits.concurrency.filter(|most| used.running >= *most) {
        hurdles.push((
            Reason::QueueFull,
            format!("its queue {name:?} runs {} of at most {most} at once", used.running),
            None,
        ));
    }
    // Each by itself, so that each is named.
    let alone = |limits| next_room(&limits, used, now);
    if let Some((rate, at)) = limits.rate.zip(alone(Limits { rate: limits.rate, ..Limits::default() })) {
        let (number, per) = (rate.number(), rate.per());
        let words = format!("its queue {name:?} begins at most {number} jobs in {per}, the next {}", when(at, now));
        hurdles.push((Reason::QueueRate, words, Some(at)));
    }
    if let Some((rate, at)) = limits.tokens.zip(alone(Limits { tokens: limits.tokens, ..Limits::default() })) {
        let (number, per) = (rate.number(), rate.per());
        let words = format!(
            "its queue {name:?} has spent its tokens, of which it has {number} in {per}, and goes on {}",
            when(at, now)
        );
        hurdles.push((Reason::QueueTokens, words, Some(at)));
    }
    hurdles
}

/// What keeps a job that waits for nothing but a slot.
fn room(queued: &Queued, now: Timestamp) -> Vec<Hurdle> {
    let mut hurdles = queue_room(queued, now);
    if let Some(Worker { slots, .. }) = queued.worker.filter(|worker| worker.running >= worker.slots) {
        hurdles.push((Reason::SlotsFull, format!("all {slots} slots of the host are in use"), None));
    }
    let Line { priority, older, urgent } = queued.line;
    if older + urgent > 0 {
        let mut parts = Vec::new();
        if urgent > 0 {
            let words = many(urgent, "ready job", "ready jobs");
            parts.push(format!("{words} of its queue with a smaller priority than {priority}"));
        }
        if older > 0 {
            parts.push(format!("{} of its kind and priority", many(older, "older job", "older jobs")));
        }
        hurdles.push((Reason::Behind, format!("there go before it: {}", parts.join(", and ")), None));
    }
    hurdles
}

fn next(queued: &Queued) -> String {
    let running = queued.worker.map_or(0, |worker| worker.running);
    let run = number(running, "attempt runs", "attempts run");
    format!("is ready and next in its line: it begins as soon as the host has a thread for it ({run})")
}

fn runs(facts: &Facts, running: &Running, name: &str) -> Explanation {
    let (attempt, most, handler) = (facts.attempt, facts.max_attempts, &running.handler);
    let mut text = format!(
        "{name} runs since {}, for {} now, as attempt {attempt} of {most}, on handler {handler}",
        running.since.rfc3339(),
        about(facts.now.since(running.since))
    );
    if let Some(progress) = &running.progress {
        text.push_str(&format!("; it says that it is at {progress}"));
    }
    let reason = match &running.cancel_by {
        None => Reason::Running,
        Some(by) => {
            text.push_str(&format!("; {by} asked to cancel it, and it is stopped when its grace is over"));
            Reason::Stopping
        }
    };
    Explanation { reason, also: Vec::new(), until: None, text: text + "." }
}

fn done(facts: &Facts, completed: &Completed) -> String {
    let Completed { at, took, unchanged, made: (files, bytes), followed } = completed;
    let tries = number(u64::from(facts.attempt), "attempt", "attempts");
    let mut text =
        format!("completed at {} after {tries} of its round, of which the last took {}.", at.rfc3339(), about(*took));
    if *unchanged {
        text.push_str(" It found that nothing had to be made.");
    } else if *files > 0 {
        text.push_str(&format!(" It published {} with {bytes} bytes.", number(*files, "file", "files")));
    }
    if !followed.is_empty() {
        let jobs: Vec<String> = followed.iter().map(|(id, kind)| format!("job {id} ({kind})")).collect();
        text.push_str(&format!(" After it came {}.", jobs.join(", ")));
    }
    text
}

fn gave_up(facts: &Facts, at: Timestamp, blame: &Blame) -> String {
    let (attempt, most, id) = (facts.attempt, facts.max_attempts, facts.id);
    format!(
        "failed at {} after {attempt} of {most} attempts, {}. To act is up to {}: {} Then `capstan job retry {id}` \
         gives it a new round.",
        at.rfc3339(),
        said(facts),
        blame.party.words(),
        blame.sentence,
    )
}

/// What the failure log says of it.
fn logged(entry: Option<&Entry>) -> String {
    let Some(Entry { id, resolution }) = entry else { return String::new() };
    match resolution {
        None => format!(
            " It is failure {id}: `capstan failure show {id}` has its evidence, `capstan failure delete {id}` takes it off \
             the list."
        ),
        Some((resolution, by)) => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!(" It is failure {id}, which was {resolution}{by}.")
        }
    }
}

/// The last error: its class, the first line of its message, and where the rest of it is.
fn said(facts: &Facts) -> String {
    let Some((class, message)) = &facts.error else { return "for a reason that is not on record".to_owned() };
    let message = message.trim_end();
    let first = message.lines().next().unwrap_or_default();
    let line = first.trim_end_matches(['.', ':']);
    let short: String = line.chars().take(MESSAGE).collect();
    let is_all = first.len() == message.len() && short.len() == line.len();
    let more = if is_all { String::new() } else { format!("… (`capstan job show {}` has all of it)", facts.id) };
    if *class == Class::Cancelled { format!("{short}{more}") } else { format!("as {class}: {short}{more}") }
}

/// A time with how far off it is.
fn when(at: Timestamp, now: Timestamp) -> String {
    if at <= now {
        format!("at {}, which has come", at.rfc3339())
    } else {
        format!("at {}, in {}", at.rfc3339(), about(at.since(now)))
    }
}

/// A span in the unit that says something.
fn about(span: Millis) -> String {
    let Millis(ms) = span;
    let (unit, ms) = match ms {
        0..10_000 => return span.to_string(),
        10_000..600_000 => (1_000, ms),
        600_000..36_000_000 => (60_000, ms),
        36_000_000..864_000_000 => (3_600_000, ms),
        _ => (86_400_000, ms),
    };
    let name = match unit {
        1_000 => "s",
        60_000 => "m",
        3_600_000 => "h",
        _ => "d",
    };
    format!("{}{name}", ms / unit)
}

fn number(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// The same for what is counted up to [`MOST`].
fn many(jobs: u64, one: &str, more: &str) -> String {
    if jobs >= MOST { format!("{MOST} or more {more}") } else { number(jobs, one, more) }
}
