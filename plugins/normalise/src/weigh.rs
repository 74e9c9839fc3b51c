//! How much running text each part of a page holds.
//!
//! One walk over the tree, so the cost grows with the size of the page and not with its depth. Weights
//! are counts of letters; a letter of a script without spaces between words counts three times, which
//! makes the thresholds hold for Chinese and Japanese too.

use std::collections::HashMap;

use dom_query::{NodeId, NodeRef};

/// A block with less text than this is no sentence: a label, a button, a caption.
const SENTENCE: usize = 60;

/// The text below one node.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    /// All of it.
    pub text: usize,
    /// What stands in links.
    pub linked: usize,
    /// What stands in blocks that read like content.
    pub good: usize,
}

impl Weight {
    /// The share of the text that stands in links, 0 to 1.
    pub(crate) fn link_share(self) -> f64 {
        if self.text == 0 { 0.0 } else { self.linked as f64 / self.text as f64 }
    }
}

/// The weights of all elements below one node.
pub(crate) struct Weights(HashMap<NodeId, Weight>);

impl Weights {
    pub(crate) fn of(&self, node: &NodeRef<'_>) -> Weight {
        self.0.get(&node.id).copied().unwrap_or_default()
    }

    pub(crate) fn good(&self, node: &NodeRef<'_>) -> usize {
        self.of(node).good
    }
}

/// What is known of an element on the way down.
struct Place {
    parent: NodeId,
    block: NodeId,
    linked: bool,
}

/// Weighs everything below `root`.
pub(crate) fn weigh(root: &NodeRef<'_>) -> Weights {
    let mut places: HashMap<NodeId, Place> = HashMap::new();
    let mut own: HashMap<NodeId, Weight> = HashMap::new();
    let mut order = vec![*root];
    places.insert(root.id, Place { parent: root.id, block: root.id, linked: false });
    for node in root.descendants_it() {
        let Some(above) = node.parent().and_then(|parent| places.get(&parent.id)) else { continue };
        let (block, linked) = (above.block, above.linked);
        if node.is_text() {
            let letters = node.text().chars().map(letter_weight).sum();
            let weight = own.entry(block).or_default();
            weight.text += letters;
            weight.linked += if linked { letters } else { 0 };
        } else if node.is_element() {
            let parent = node.parent().map_or(root.id, |parent| parent.id);
            let block = if is_inline(&node) { block } else { node.id };
            places.insert(node.id, Place { parent, block, linked: linked || node.has_name("a") });
            order.push(node);
        }
    }
    sum_up(&order, &places, &own)
}

fn sum_up(order: &[NodeRef<'_>], places: &HashMap<NodeId, Place>, own: &HashMap<NodeId, Weight>) -> Weights {
    let mut sums: HashMap<NodeId, Weight> = HashMap::with_capacity(order.len());
    for node in order.iter().rev() {
        let block = own.get(&node.id).copied().unwrap_or_default();
        let sum = sums.entry(node.id).or_default();
        sum.text += block.text;
        sum.linked += block.linked;
        sum.good += if is_content(node, block) { block.text } else { 0 };
        let sum = *sum;
        if let Some(place) = places.get(&node.id).filter(|place| place.parent != node.id) {
            let above = sums.entry(place.parent).or_default();
            above.text += sum.text;
            above.linked += sum.linked;
            above.good += sum.good;
        }
    }
    Weights(sums)
}

fn is_content(node: &NodeRef<'_>, own: Weight) -> bool {
    let is_kept = |node: &NodeRef<'_>| matches!(&*node.node_name().unwrap_or_default(), "pre" | "code" | "dt" | "dd" | "td" | "th" | "blockquote");
    own.linked * 2 < own.text && (own.text >= SENTENCE || is_kept(node) || node.parent().is_some_and(|parent| is_kept(&parent)))
}

fn letter_weight(letter: char) -> usize {
    match letter {
        letter if letter.is_whitespace() => 0,
        '\u{e00}'..='\u{e7f}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' => 3,
        _ => 1,
    }
}

/// Elements that do not break a line.
pub(crate) fn is_inline(node: &NodeRef<'_>) -> bool {
    const NAMES: &[&str] = &[
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd", "label", "mark",
        "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "br",
    ];
    node.node_name().is_some_and(|name| NAMES.contains(&&*name))
}
