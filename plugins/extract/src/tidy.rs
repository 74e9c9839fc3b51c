//! Taking lines, sections and pictures out of the content that are not part of it.
//!
//! What names and roles did not tell is told by the words: "Read more", "Related articles", the text of a
//! cookie banner. Pictures that come twice are kept once.

use std::collections::HashSet;

use dom_query::NodeRef;

use crate::weigh::{INLINE, Weights, is, weigh};
use crate::words::{COOKIES, LINES, SECTIONS, plain};

const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

/// Removes what is not part of the content.
pub fn tidy(root: &NodeRef<'_>) {
    let weights = weigh(root);
    let mut seen = HashSet::new();
    for node in root.descendants() {
        if level(&node).is_some_and(|level| level > 0) && SECTIONS.contains(plain(&node.text()).as_str()) {
            drop_section(root, node, &weights);
        } else if is(&node, "img") {
            picture(&node, &mut seen);
        } else if node.is_element() && !is(&node, INLINE) && is_noise(&node) {
            node.remove_from_parent();
        }
    }
}

fn is_noise(node: &NodeRef<'_>) -> bool {
    let leaf = node.descendants_it().all(|below| !below.is_element() || (is(&below, INLINE) && !is(&below, "img")));
    if !leaf || is(node, "h1 pre td th tr dt dd") {
        return false;
    }
    let line = plain(&node.text());
    LINES.contains(line.as_str()) || COOKIES.iter().any(|phrase| line.contains(phrase))
}

/// Drops a picture that was shown before, and a text for it that is only the name of its file.
fn picture(node: &NodeRef<'_>, seen: &mut HashSet<String>) {
    let (alt, source) = (node.attr_or("alt", "").to_string(), node.attr_or("src", "").to_string());
    if !alt.contains(' ') && (alt.contains(['_', '.']) || alt.matches('-').count() > 1) {
        node.set_attr("alt", "");
    }
    if (!alt.is_empty() && !seen.insert(alt)) || !seen.insert(source) {
        node.remove_from_parent();
    }
}

/// Drops a heading and what belongs to it: the parts around it that begin with it, or what follows it up
/// to the next heading of its level. More than a third of the text is never dropped.
fn drop_section(root: &NodeRef<'_>, heading: NodeRef<'_>, weights: &Weights) {
    let most = weights.good(root) / 3;
    let begins = |parent: &NodeRef<'_>, child: &NodeRef<'_>| {
        parent.children_it(false).take_while(|node| node.id != child.id).all(|node| node.text().trim().is_empty())
    };
    let mut section = heading;
    while let Some(parent) = section.parent() {
        if parent.id == root.id || !begins(&parent, &section) || weights.good(&parent) > most {
            break;
        }
        section = parent;
    }
    let mut next = section.next_sibling().filter(|_| section.id == heading.id);
    section.remove_from_parent();
    while let Some(node) = next.filter(|node| first_level(node).is_none_or(|level| Some(level) > self::level(&heading)))
    {
        next = node.next_sibling();
        if weights.good(&node) <= most {
            node.remove_from_parent();
        }
    }
}

fn first_level(node: &NodeRef<'_>) -> Option<usize> {
    level(node).or_else(|| node.descendants_it().find_map(|below| level(&below)))
}

fn level(node: &NodeRef<'_>) -> Option<usize> {
    HEADINGS.iter().position(|name| node.has_name(name))
}
