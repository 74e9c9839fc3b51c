//! How close an attempt came to its limits.
//!
//! A margin is what was used of one limit that has a measured counterpart. The others
//! (handles, instances, the bytes of one call or one checkpoint) are judged when they are
//! asked for and leave no figure; `log` never fails an attempt. Files are counted when
//! they are made, so a guest that removes some may show more of them than its limit.

use super::attempt::{Outcome, Usage};
use super::limit::Limits;
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// From this part of a limit on a successful attempt was close to it.
pub const CLOSE: f64 = 0.8;

/// A limit that has a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// `limits.cpu`: the guest's or the host's account, whichever is larger; each has the whole limit.
    Cpu,
    /// `limits.wall`
    Wall,
    /// `limits.memory`
    Memory,
    /// `limits.scratch_bytes`
    ScratchBytes,
    /// `limits.scratch_files`
    ScratchFiles,
    /// `limits.result`
    Result,
    /// `limits.requests`
    Requests,
    /// `limits.traffic`
    Traffic,
    /// `limits.enqueued`
    Enqueued,
    /// `limits.retrievals`
    Retrievals,
    /// `limits.host_calls`
    HostCalls,
}

impl Measured {
    /// As the limit is called in `capstan.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Wall => "wall",
            Self::Memory => "memory",
            Self::ScratchBytes => "scratch_bytes",
            Self::ScratchFiles => "scratch_files",
            Self::Result => "result",
            Self::Requests => "requests",
            Self::Traffic => "traffic",
            Self::Enqueued => "enqueued",
            Self::Retrievals => "retrievals",
            Self::HostCalls => "host_calls",
        }
    }

    /// What its figures count.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Cpu | Self::Wall => Unit::Us,
            Self::Memory | Self::ScratchBytes | Self::Result | Self::Traffic => Unit::Bytes,
            Self::ScratchFiles | Self::Requests | Self::Enqueued | Self::Retrievals | Self::HostCalls => Unit::Count,
        }
    }
}

/// What figures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Microseconds.
    Us,
    /// Bytes.
    Bytes,
    /// Pieces.
    Count,
}

/// What was used of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// Which limit.
    pub limit: Measured,
    /// What was used of it.
    pub used: u64,
    /// The limit.
    pub most: u64,
    /// What both count.
    pub unit: Unit,
    /// `used / most`; 0 for a limit of nothing of which nothing was used.
    pub ratio: f64,
}

/// What an attempt used of each of its limits, in the order of the configuration.
pub fn margins(usage: &Usage, limits: &Limits) -> [Margin; 11] {
    let us = |limit: Millis| limit.0.saturating_mul(1_000);
    let figures = [
        (Measured::Cpu, usage.cpu_us.max(usage.host_us), us(limits.cpu)),
        (Measured::Wall, usage.wall_us, us(limits.wall)),
        (Measured::Memory, usage.memory, limits.memory),
        (Measured::ScratchBytes, usage.scratch_bytes, limits.scratch_bytes),
        (Measured::ScratchFiles, usage.scratch_files, limits.scratch_files),
        (Measured::Result, usage.result_bytes, limits.result),
        (Measured::Requests, usage.requests, limits.requests),
        (Measured::Traffic, usage.sent_bytes.saturating_add(usage.received_bytes), limits.traffic),
        (Measured::Enqueued, usage.enqueued, limits.enqueued),
        (Measured::Retrievals, usage.retrievals, limits.retrievals),
        (Measured::HostCalls, usage.host_calls, limits.host_calls),
    ];
    figures.map(|(limit, used, most)| Margin { limit, used, most, unit: limit.unit(), ratio: ratio(used, most) })
}

// Figures beyond 2^53 lose digits that no ratio shows.
#[allow(clippy::cast_precision_loss)]
fn ratio(used: u64, most: u64) -> f64 {
    if used == 0 { 0.0 } else { used as f64 / most.max(1) as f64 }
}

/// Those of at least one part in a hundred, the closest first.
pub fn closest(margins: &[Margin]) -> Vec<Margin> {
    let mut close: Vec<_> = margins.iter().copied().filter(|margin| margin.ratio >= 0.01).collect();
    close.sort_by(|one, other| other.ratio.total_cmp(&one.ratio));
    close
}

/// The limits that are written down with an attempt: those in force, if it failed or came close to one of them. The
/// many that did neither are not worth their room in a row that each of them has.
pub fn kept(outcome: &Outcome, usage: &Usage, limits: &Limits) -> Option<Limits> {
    let is_told = match outcome {
        Outcome::Failed(_) => true,
        Outcome::Done(_) | Outcome::Unchanged(_) => margins(usage, limits).iter().any(|margin| margin.ratio >= CLOSE),
        Outcome::Stopped => false,
    };
    is_told.then_some(*limits)
}
