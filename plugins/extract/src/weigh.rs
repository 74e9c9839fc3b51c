//! How much running text each part of a page holds.
//!
//! One walk from the leaves up, so the cost grows with the size of the page and not with its depth.
//! Weights are counts of letters; a letter of a script without spaces counts three times, which makes
//! the thresholds hold for Chinese and Japanese too.

use std::collections::HashMap;

use dom_query::{NodeId, NodeRef};

use crate::words::is_unspaced;

/// A block with less text than this is no sentence: a label, a button, a caption.
const SENTENCE: usize = 60;

/// The text below one node.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    /// All of it.
    pub(crate) text: usize,
    /// What stands in links.
    pub(crate) linked: usize,
    /// What stands in blocks that read like content.
    pub(crate) good: usize,
    /// What has not yet met the block that it belongs to, and how much of that stands in links.
    loose: (usize, usize),
}

impl Weight {
    /// The share of the text that stands in links, 0 to 1.
    pub(crate) fn link_share(self) -> f64 {
        self.linked as f64 / self.text.max(1) as f64
    }

    fn add(&mut self, other: Self) {
        self.text += other.text;
        self.linked += other.linked;
        self.good += other.good;
        self.loose.0 += other.loose.0;
        self.loose.1 += other.loose.1;
    }
}

/// The weights of everything below one node.
pub(crate) struct Weights(HashMap<NodeId, Weight>);

impl Weights {
    pub(crate) fn of(&self, node: &NodeRef<'_>) -> Weight {
        self.0.get(&node.id).copied().unwrap_or_default()
    }

    pub(crate) fn good(&self, node: &NodeRef<'_>) -> usize {
        self.of(node).good
    }
}

/// Weighs everything below `root`.
pub(crate) fn weigh(root: &NodeRef<'_>) -> Weights {
    let nodes: Vec<NodeRef<'_>> = std::iter::once(*root).chain(root.descendants_it()).collect();
    let mut weights: HashMap<NodeId, Weight> = HashMap::with_capacity(nodes.len());
    for node in nodes.iter().rev() {
        let weight = weights.entry(node.id).or_default();
        if node.is_text() {
            weight.text = node.text().chars().map(letter_weight).sum();
            weight.loose.0 = weight.text;
        } else if is(node, "a") {
            (weight.linked, weight.loose.1) = (weight.text, weight.loose.0);
        } else if !is(node, INLINE) {
            let (own, linked) = std::mem::take(&mut weight.loose);
            let told = own >= SENTENCE || is(node, TOLD) || node.parent().is_some_and(|parent| is(&parent, TOLD));
            weight.good += if told && linked * 2 < own { own } else { 0 };
        }
        let weight = *weight;
        if let Some(parent) = node.parent() {
            weights.entry(parent.id).or_default().add(weight);
        }
    }
    Weights(weights)
}

fn letter_weight(letter: char) -> usize {
    if is_unspaced(letter) { 3 } else { usize::from(!letter.is_whitespace()) }
}

/// Blocks whose text is content however short it is.
const TOLD: &str = "pre dt dd td th blockquote";

/// Elements that do not break a line.
pub(crate) const INLINE: &str = "a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q rt ruby s samp \
     small span strike strong sub sup time tt u var br";

/// Whether the element has one of the names, which are separated by spaces.
#[must_use]
pub fn is(node: &NodeRef<'_>, names: &str) -> bool {
    node.node_name().is_some_and(|name| names.split(' ').any(|known| known == &*name))
}
