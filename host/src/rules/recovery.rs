//! What becomes of running jobs when the host that ran them is gone.
//!
//! The holder of the project's lock knows that no earlier instance lives, so
//! every running row it finds at start belongs to a dead one. A clean stop and a
//! reboot of the machine blame nobody. After any other end the jobs are
//! *suspects*: queued again at once and uncharged, then re-run one at a time.
//! Only a death with a lone suspect running is charged to that job. A job that
//! someone had asked to cancel is cancelled instead of run again. What this
//! cannot promise: to tell a poisonous job from someone who kills the process by
//! hand three times in the same job.

use super::attempt::Class;
use super::job::{Expect, Memory, Next, Running, Transition, Trust, Why};
use super::retry::MAX_DEATHS;
use super::time::Timestamp;

/// How the previous boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It said so itself, or the machine was restarted under it.
    Blameless,
    /// The process vanished while the machine stayed up.
    Died,
}

/// How the boot before this one ended: `said_so` is when it recorded its own
/// end, the ids are the kernel's boot ids then and now.
pub fn end_of(said_so: Option<Timestamp>, machine_then: &str, machine_now: &str) -> End {
    if said_so.is_some() || machine_then != machine_now { End::Blameless } else { End::Died }
}

/// What each orphaned running job becomes.
pub fn recover(jobs: &[Running], end: End, now: Timestamp) -> Vec<Transition> {
    let suspects = jobs.iter().filter(|job| job.trust == Trust::Suspect).count();
    jobs.iter().map(|job| recover_one(job, end, suspects == 1, now)).collect()
}

fn recover_one(job: &Running, end: End, lone: bool, now: Timestamp) -> Transition {
    let charged = end == End::Died && lone && job.trust == Trust::Suspect;
    let deaths = job.deaths + u32::from(charged);
    let (next, error) = if let Some(by) = &job.cancel_by {
        // The request was on record before the host died, so it stands.
        (Next::Cancelled, Some((Class::Cancelled, format!("cancelled by {by}"))))
    } else if deaths >= MAX_DEATHS {
        let message = format!("the host died {deaths} times while only this job was suspected of killing it");
        (Next::Failed, Some((Class::Lost, message)))
    } else {
        let why = if end == End::Died { Why::Died } else { Why::Stopped };
        (Next::Queued { run_at: now, why, attempt: job.attempt.saturating_sub(1) }, None)
    };
    Transition {
        job: job.id,
        expect: Expect::Running { lease: job.lease },
        next,
        error,
        memory: Memory {
            deferrals: job.deferrals,
            deferred_since: job.deferred_since,
            deaths,
            trust: if end == End::Died { Trust::Suspect } else { job.trust },
        },
    }
}
