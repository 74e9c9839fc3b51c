//! How close an attempt came to its limits.
//!
//! A margin is what was used of one limit. Files are counted when they are made, so a
//! guest that removes some may show more of them than its limit; a component that has more
//! memories or tables than its limit was never made. `log` never fails an attempt, and
//! `cancel_grace` bounds no use.
//!
//! Two limits leave no figure, because the engine keeps none, and what is counted beside it
//! would be another count; a message says when one is reached. `resources`:
//! `Store::set_max_component_handles` sets a limit and `Store::max_component_handles` reads
//! that same limit; how many are alive is counted in the engine's private `HandleCounter`,
//! without a peak, and guests make and drop resources of their own without a call that the
//! host would see. `call_bytes`: `Store::set_hostcall_fuel` and `Store::hostcall_fuel` are
//! such a pair too; each call has a copy of that figure (`LiftContext::consume_fuel`), which
//! is dropped with the call, whatever is left of it.

use super::attempt::{Outcome, Usage};
use super::limit::Limits;
use super::time::Millis;
use serde::{Deserialize, Serialize};

/// From this part of a limit on a successful attempt was close to it.
pub const CLOSE: f64 = 0.8;

/// Below this part of a limit there is nothing to tell.
const WORTH: f64 = 0.01;

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
    /// `limits.checkpoint`: the largest that was kept.
    Checkpoint,
    /// `limits.enqueued`
    Enqueued,
    /// `limits.retrievals`
    Retrievals,
    /// `limits.handles`
    Handles,
    /// `limits.table_elements`
    TableElements,
    /// `limits.instances`: core instances or tables, whichever are more; each have the whole limit.
    Instances,
    /// `limits.memories`
    Memories,
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
            Self::Checkpoint => "checkpoint",
            Self::Enqueued => "enqueued",
            Self::Retrievals => "retrievals",
            Self::Handles => "handles",
            Self::TableElements => "table_elements",
            Self::Instances => "instances",
            Self::Memories => "memories",
            Self::HostCalls => "host_calls",
        }
    }

    /// What its figures count.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Cpu | Self::Wall => Unit::Us,
            Self::Memory | Self::ScratchBytes | Self::Result | Self::Traffic | Self::Checkpoint => Unit::Bytes,
            Self::ScratchFiles
            | Self::Requests
            | Self::Enqueued
            | Self::Retrievals
            | Self::Handles
            | Self::TableElements
            | Self::Instances
            | Self::Memories
            | Self::HostCalls => Unit::Count,
        }
    }

    /// From which part of the limit on it is worth a word. What follows from how a component was built is much the same
    /// in all of its attempts and tells nothing of one of them, unless it is close.
    const fn worth(self) -> f64 {
        match self {
            Self::TableElements | Self::Instances | Self::Memories => CLOSE,
            _ => WORTH,
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
pub fn margins(usage: &Usage, limits: &Limits) -> [Margin; 16] {
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
        (Measured::Checkpoint, usage.largest_checkpoint, limits.checkpoint),
        (Measured::Enqueued, usage.enqueued, limits.enqueued),
        (Measured::Retrievals, usage.retrievals, limits.retrievals),
        (Measured::Handles, usage.handles, limits.handles),
        (Measured::TableElements, usage.table_elements, limits.table_elements),
        (Measured::Instances, usage.instances.max(usage.tables), limits.instances),
        (Measured::Memories, usage.memories, limits.memories),
        (Measured::HostCalls, usage.host_calls, limits.host_calls),
    ];
    figures.map(|(limit, used, most)| Margin { limit, used, most, unit: limit.unit(), ratio: ratio(used, most) })
}

// Figures beyond 2^53 lose digits that no ratio shows.
#[allow(clippy::cast_precision_loss)]
fn ratio(used: u64, most: u64) -> f64 {
    if used == 0 { 0.0 } else { used as f64 / most.max(1) as f64 }
}

/// Those that are worth a word, the closest first.
pub fn closest(margins: &[Margin]) -> Vec<Margin> {
    let mut close: Vec<_> = margins.iter().copied().filter(|margin| margin.ratio >= margin.limit.worth()).collect();
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
