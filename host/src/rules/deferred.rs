//! Items that wait in their list, because their key has enough jobs in the queue.
//!
//! An import with ten thousand pages of one slow site must not fill the queue with
//! them, and must not hold up the other sites behind them. So a key has at most
//! [`MAX_OPEN`] of its items queued; the rest of them are *deferred*: the import's cursor goes
//! past them, and a [`Range`] of the list says where they are. When the key has room
//! again, the range is read from its beginning and the items with its key become jobs.
//!
//! A range may hold items of other keys between its own: they are passed over when it
//! is read. Two ranges of a key become one when little lies between them
//! ([`MAX_GAP`]), so the number of ranges follows the length of the list and not the
//! number of deferred items. While a key has a range, its later items are deferred
//! too, so between the beginning and the end of a range *all* items of its key are
//! deferred, and they keep their order.
//!
//! What it cannot promise: that no more than [`MAX_OPEN`] jobs of a key are open;
//! those that were added otherwise, and those that wait for a time, are not counted.

use std::collections::{BTreeMap, BTreeSet};

/// Items of one key that are queued at most, unless it is configured. From the seed
/// documents, where 50 is what makes a batch.
pub const MAX_OPEN: u64 = 50;
/// Bytes between two ranges of a key that make one of them at most: 64 KiB.
pub const MAX_GAP: u64 = 64 << 10;

/// What becomes of an item that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It becomes a job.
    Queued,
    /// It waits in the list.
    Deferred,
}

/// What is known of keys while items are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys {
    /// How many jobs of a key are queued or run, those that were just decided included.
    pub open: BTreeMap<String, u64>,
    /// The keys that have a range.
    pub deferred: BTreeSet<String>,
}

impl Keys {
    /// What becomes of the next item, whose key is this.
    pub fn decide(&mut self, key: Option<&str>, most: u64) -> Fate {
        let Some(key) = key else { return Fate::Queued };
        let open = self.open.entry(key.to_owned()).or_insert(0);
        if *open >= most || self.deferred.contains(key) {
            self.deferred.insert(key.to_owned());
            return Fate::Deferred;
        }
        *open += 1;
        Fate::Queued
    }
}

/// How many of a key's deferred items become jobs now. It waits until half of the
/// places are free, so that the list is not opened for each of them.
pub const fn refill(open: u64, most: u64) -> u64 {
    if open > most / 2 { 0 } else { most - open }
}

/// A part of a list in which items of one key wait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The key.
    pub key: String,
    /// Where the first of them begins, in bytes.
    pub start: u64,
    /// The number of that item in the list, from 0.
    pub position: u64,
    /// Where the last of them ends, in bytes.
    pub stop: u64,
    /// How many there are.
    pub items: u64,
}

/// One deferred item, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its key.
    pub key: String,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Where it ends, in bytes.
    pub stop: u64,
    /// Its number in the list, from 0.
    pub position: u64,
}

/// The ranges that hold these items, each key's in the order of the list.
pub fn ranges(items: impl IntoIterator<Item = Waiting>) -> Vec<Range> {
    let alone = |Waiting { key, start, stop, position }| Range { key, start, position, stop, items: 1 };
    join(items.into_iter().map(alone))
}

/// The same ranges, which are in the order of the list, with those made one that are near.
pub fn join(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut made: BTreeMap<String, Vec<Range>> = BTreeMap::new();
    for range in ranges {
        let of_key = made.entry(range.key.clone()).or_default();
        match of_key.last_mut() {
            Some(last) if range.start.saturating_sub(last.stop) <= MAX_GAP => {
                last.stop = range.stop;
                last.items += range.items;
            }
            _ => of_key.push(range),
        }
    }
    made.into_values().flatten().collect()
}
