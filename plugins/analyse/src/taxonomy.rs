//! Categories and tags from the operator's taxonomy.
//!
//! A document and a node are vectors of words, and what they have in common is the cosine of the angle between them
//! (Salton's `lnc.ltc`: the document's words weigh 1 + ln of how often they come, the node's terms as much as few nodes have
//! them). A term of several words is looked for as a whole. The terms that were found are given with the score.
//!
//! What it cannot promise: it knows the terms, not their meaning. A node whose terms are not the words of the document is
//! not found, and one whose terms have other meanings is found for them.

use std::collections::{BTreeMap, HashMap, HashSet};

use capstan_terms::{Counts, Text};
use capstan_text::Lexicon;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a document scores with a node for it to be given, unless the node says otherwise.
pub const THRESHOLD: f64 = 0.04;

/// What a node of the taxonomy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What a document is.
    Category,
    /// What it is about, among other things.
    Tag,
}

/// A category or a tag of the taxonomy.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name. `a/b` lies below `a`: a document that gets it gets `a` as well, if that is in the taxonomy.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Whether it is a category or a tag.
    pub kind: Kind,
    /// Words and phrases by which it is known, in any language; 500 at most.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub terms: Vec<String>,
    /// A text about it; each of its words is a term.
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    pub description: String,
    /// What a document has to score for it, 0 to 1; 0.04 by default.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: Option<f64>,
}

/// A node that fits a document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Match {
    /// The node's name.
    pub name: String,
    /// How well it fits, from 0 to 1: the cosine, or that of a node below it; 1 when a model chose it.
    pub score: f64,
    /// The terms of the node that are in the document, those that weigh most first; none of a node that is given for one below it, or by a model.
    pub matched: Vec<String>,
}

/// Whether a taxonomy can be used.
///
/// # Errors
///
/// It has two nodes of the same name, or one without terms and description; as a text for the operator.
pub fn check(taxonomy: &[Node]) -> Result<(), String> {
    let mut names = HashSet::new();
    for Node { name, terms, description, .. } in taxonomy {
        if !names.insert(name) {
            return Err(format!("`taxonomy` has two nodes `{name}`; give each its own name"));
        }
        if terms.iter().chain([description]).all(|text| capstan_text::words(text).next().is_none()) {
            return Err(format!("node `{name}` of `taxonomy` has no words; give it `terms` or a `description`"));
        }
    }
    Ok(())
}

/// The nodes that fit a text, the likeliest first.
pub(crate) fn matches(taxonomy: &[Node], text: &Text, lexicon: &Lexicon) -> Vec<(Kind, Match)> {
    let terms: Vec<BTreeMap<Vec<String>, &str>> = taxonomy.iter().map(|node| terms(node, lexicon)).collect();
    let mut nodes: HashMap<&[String], usize> = HashMap::new();
    terms.iter().flat_map(BTreeMap::keys).for_each(|term| *nodes.entry(term).or_default() += 1);
    let weight = |term: &[String]| (1.0 + taxonomy.len() as f64 / nodes.get(term).copied().unwrap_or(1) as f64).ln();
    let counts = Counts::of(text, nodes.keys().copied());
    let mut found: BTreeMap<&str, (Kind, Match)> = BTreeMap::new();
    for (node, terms) in taxonomy.iter().zip(&terms) {
        let length = terms.keys().map(|term| weight(term).powi(2)).sum::<f64>().sqrt();
        let parts = terms.iter().map(|(term, name)| (counts.weight(term) * weight(term), *name));
        let mut parts: Vec<(f64, &str)> = parts.filter(|(part, _)| *part > 0.0).collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let cosine = parts.iter().map(|(part, _)| part).sum::<f64>() / (length * counts.length).max(f64::MIN_POSITIVE);
        let score = (cosine.min(1.0) * 1000.0).round() / 1000.0;
        if score >= node.threshold.unwrap_or(THRESHOLD) && !parts.is_empty() {
            let matched = parts.iter().map(|(_, name)| (*name).to_owned()).collect();
            found.insert(&node.name, (node.kind, Match { name: node.name.clone(), score, matched }));
        }
    }
    raise(taxonomy, found)
}

/// These nodes and those above them, the likeliest first. One above has the score of the best below it, if it has none
/// that is better.
pub(crate) fn raise<'a>(taxonomy: &'a [Node], mut found: BTreeMap<&'a str, (Kind, Match)>) -> Vec<(Kind, Match)> {
    let below: Vec<(String, f64)> = found.values().map(|(_, found)| (found.name.clone(), found.score)).collect();
    for node in taxonomy {
        let is_below = |name: &str| name.strip_prefix(&*node.name).is_some_and(|rest| rest.starts_with('/'));
        if let Some(best) = below.iter().filter(|(name, _)| is_below(name)).map(|(_, score)| *score).reduce(f64::max) {
            let none = || (node.kind, Match { name: node.name.clone(), score: best, matched: Vec::new() });
            let (_, above) = found.entry(&node.name).or_insert_with(none);
            above.score = above.score.max(best);
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score).then(a.name.cmp(&b.name)));
    found
}

/// The terms of a node as they are counted, with how they are written.
fn terms<'a>(node: &'a Node, lexicon: &Lexicon) -> BTreeMap<Vec<String>, &'a str> {
    let words = capstan_text::words(&node.description).filter(|word| !lexicon.is_stop(word));
    let terms = node.terms.iter().map(String::as_str).chain(words);
    let keys = |term: &str| capstan_text::words(term).map(|word| lexicon.key(word)).collect::<Vec<_>>();
    terms.map(|term| (keys(term), term)).filter(|(keys, _)| !keys.is_empty()).collect()
}
