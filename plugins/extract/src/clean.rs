//! Taking out what is not content, as far as element names, roles, `class` and `id` tell.
//!
//! What holds a large share of the running text of a page stays whatever it is called, and a word that
//! would take a large share away is not believed on that page: sites name things oddly.

use std::collections::{HashMap, HashSet};

use dom_query::{Document, NodeId, NodeRef};

use crate::weigh::{is, weigh};
use crate::words::{BESIDE, COMMENTS, NAMES};

/// Elements without readable content.
const NEVER: &str = "script, style, noscript, template, iframe, object, embed, applet, svg, canvas, \
    button, input, select, textarea, dialog, link, meta, audio, video, map, frameset, rp, wbr, progress";

/// Elements that say of themselves that they are the content: what holds one is not beside it.
const CONTENT: &str = "main, [role=main], [itemprop=articleBody], h1";

/// Classes of an `aside` that belongs to the text.
const NOTES: &str = "note warning tip caution important admonition callout footnotes quote hint info";

/// Letters that must remain for comments to be taken for comments, and not for the posts of a forum.
const ARTICLE: usize = 250;

type Sign = fn(&NodeRef<'_>) -> Option<&'static str>;

/// Removes everything that is not content, as far as names tell.
pub fn clean(document: &Document) {
    document.select(NEVER).remove();
    let Some(body) = document.body() else { return };
    let content = document.select(CONTENT);
    // A title without paragraphs beside it is the name of the site.
    let titles = |node: &&NodeRef<'_>| {
        let beside = node.parent().map(|parent| parent.descendants()).unwrap_or_default();
        !is(node, "h1") || beside.iter().any(|below| is(below, "p"))
    };
    let holders = content.nodes().iter().filter(titles).flat_map(|node| node.ancestors_it(None));
    let holders = holders.map(|above| above.id).collect();
    drop_named(&body, &holders, comment, |all| (all, all.saturating_sub(ARTICLE)));
    drop_named(&body, &holders, sign, |all| (all * 2 / 5, all * 2 / 5));
}

/// Removes the outermost elements with a sign. The limits say, by how much running text the page has, how
/// much each may hold and how much all with the same sign may hold together.
fn drop_named(body: &NodeRef<'_>, holders: &HashSet<NodeId>, sign: Sign, limits: fn(usize) -> (usize, usize)) {
    let weights = weigh(body);
    let (each, together) = limits(weights.good(body));
    let mut inside: HashSet<NodeId> = HashSet::new();
    let mut found: HashMap<&str, (usize, Vec<NodeRef<'_>>)> = HashMap::new();
    for node in body.descendants_it().filter(NodeRef::is_element) {
        let good = weights.good(&node);
        // Highlighters name what they colour: a comment in `pre` is part of a program.
        if is(&node, "pre code") || node.parent().is_some_and(|above| inside.contains(&above.id)) {
            inside.insert(node.id);
        } else if good <= each
            && !holders.contains(&node.id)
            && let Some(sign) = sign(&node)
        {
            inside.insert(node.id);
            let found = found.entry(sign).or_default();
            found.0 += good;
            found.1.push(node);
        }
    }
    let believed = found.into_values().filter(|(good, _)| *good <= together);
    believed.flat_map(|(_, nodes)| nodes).for_each(|node| node.remove_from_parent());
}

fn comment(node: &NodeRef<'_>) -> Option<&'static str> {
    let named = words(node).iter().find_map(|word| COMMENTS.get(word.as_str()).copied());
    named.filter(|_| !is(node, "main article"))
}

/// What says that an element stands beside the content, if anything does.
fn sign(node: &NodeRef<'_>) -> Option<&'static str> {
    let words = words(node);
    let style = node.attr_or("style", "").replace(' ', "");
    if node.has_attr("hidden") || style.contains("display:none") {
        Some("hidden")
    } else if is(node, "nav menu form") {
        Some("navigation")
    } else if is(node, "aside") {
        Some("aside").filter(|_| !words.iter().any(|word| NOTES.contains(word.as_str())))
    } else if is(node, "header footer") {
        let home = if is(node, "header") { "article main" } else { "blockquote" };
        Some("header").filter(|_| !node.ancestors_it(None).any(|above| is(&above, home)))
    } else if is(node, "h1 h2 h3 main article") {
        None
    } else {
        let names = ["role", "class", "id"].into_iter().filter_map(|name| node.attr(name));
        let names = names.map(|names| names.to_lowercase()).collect::<Vec<_>>().join(" ");
        let whole = names.split_whitespace().find_map(|name| NAMES.get(name));
        whole.or_else(|| words.iter().find_map(|word| BESIDE.get(word.as_str()))).copied()
    }
}

/// The words of `class` and `id` in lower case, split at marks and at changes of case. A long id is a
/// heading's text turned into an anchor, and a class with a colon is about looks: they do not count.
fn words(node: &NodeRef<'_>) -> Vec<String> {
    let id = node.attr("id").filter(|id| !is(node, "section") && id.split(['-', '_']).count() <= 3);
    let names = [node.attr("class"), id].into_iter().flatten().collect::<Vec<_>>();
    let names = names.iter().flat_map(|names| names.split_whitespace());
    let mut words = String::new();
    for name in names.filter(|name| !name.contains(':')) {
        let mut small = false;
        for letter in name.chars().chain([' ']) {
            words.extend((small && letter.is_uppercase()).then_some(' '));
            words.push(if letter.is_alphanumeric() { letter } else { ' ' });
            small = letter.is_lowercase();
        }
    }
    words.to_lowercase().split_whitespace().map(str::to_owned).collect()
}
