//! Finding the part of a page that is its content, by names and by where the running text stands.
//!
//! [`clean()`] drops what is named as standing beside the content (the names are data, `words/beside.txt`),
//! [`root()`] believes `main` and `article` when they hold enough of the running text, and [`tidy()`] drops lists of
//! links and what is empty or comes twice.
//!
//! What it cannot promise: it knows names and shares of text, not meaning. A page that names its text
//! `sidebar` in small pieces loses some of it, and an advertisement written like a paragraph stays.

use std::collections::HashSet;

use dom_query::{Document, NodeRef, Selection};

/// Elements without readable content.
const NEVER: &str = "script, style, noscript, template, iframe, object, embed, applet, svg, canvas, button, input, \
    select, textarea, dialog, link, meta, audio, video, map, frameset, rp, wbr, progress";

/// Selectors of what stands beside the content, a line for what is believed together.
const BESIDE: &str = include_str!("../words/beside.txt");

/// Elements that say of themselves that they are the content: what holds one is not beside it.
const CONTENT: &str = "main, [role=main], [itemprop=articleBody], h1";

/// Letters that must remain for comments to be taken for comments, and not for the posts of a forum.
const ARTICLE: usize = 250;

/// What stands beside the content holds up to one such part of the running text.
const SHARE: usize = 5;

/// What may hold the content, and the share of the running text that it needs with and without a title.
const PARTS: &str = "main, [role=main], article, [itemprop=articleBody]";
const ENOUGH: (f64, f64) = (0.25, 0.5);

/// What goes when nothing is left in it.
const EMPTIED: &str = "h1 h2 h3 h4 h5 h6 p ul ol li dl blockquote table";

/// A text with fewer letters is no sentence: a label, a button, a caption.
const SENTENCE: usize = 40;

/// Removes everything that is not content, as far as names tell.
pub(crate) fn clean(page: &Document) {
    page.select(NEVER).remove();
    let Some(body) = page.body() else { return };
    for names in BESIDE.lines().filter(|line| !line.starts_with('#')) {
        let found = Selection::from(body).select(names);
        let holds = |node: &NodeRef<'_>| Selection::from(*node).select(CONTENT).exists();
        let named = found.nodes().iter().filter(|node| !is(node, "main article h1") && !holds(node));
        let ids: HashSet<_> = named.clone().map(|node| node.id).collect();
        let inside = |node: &NodeRef<'_>| node.ancestors_it(None).any(|above| ids.contains(&above.id));
        let beside: Vec<_> = named.filter(|node| !inside(node)).collect();
        if beside.is_empty() {
            continue;
        }
        let (all, comments) = (running(&body), names.contains("comment"));
        let most = if comments { all.saturating_sub(ARTICLE) } else { all / SHARE };
        if beside.iter().map(|node| running(node)).sum::<usize>() <= most {
            beside.iter().for_each(|node| node.remove_from_parent());
        }
    }
}

/// The part of a cleaned page that holds the content: the smallest that holds enough of the running text.
pub(crate) fn root(page: &Document) -> Option<NodeRef<'_>> {
    let body = page.body()?;
    let (parts, all) = (page.select(PARTS), running(&body));
    let titled = |part: &NodeRef<'_>| Selection::from(*part).select("h1").exists();
    let share = |part: &NodeRef<'_>| if titled(part) { ENOUGH.0 } else { ENOUGH.1 };
    let enough = parts.nodes().iter().filter(|part| running(part) as f64 > all as f64 * share(part));
    Some(enough.min_by_key(|part| running(part)).copied().unwrap_or(body))
}

/// Takes lists of links and paragraphs that are one out of the content, unless it is an index of them, and
/// pictures that come twice.
pub(crate) fn tidy(root: &NodeRef<'_>) {
    let index = linked(root) * 2 > letters(root);
    let mut seen = HashSet::new();
    for node in root.descendants().iter() {
        let links = is(node, "ul ol div section table p") && linked(node) * 10 > letters(node) * 7;
        let links = links && !index && !Selection::from(*node).select("code, pre, img").exists();
        let empty = is(node, EMPTIED) && letters(node) == 0 && !Selection::from(*node).select("img, pre").exists();
        if links || empty || (is(node, "img") && !seen.insert(node.attr_or("src", "").to_string())) {
            node.remove_from_parent();
        }
    }
}

/// Whether the element has one of the names, which are separated by spaces.
pub(crate) fn is(node: &NodeRef<'_>, names: &str) -> bool {
    node.node_name().is_some_and(|name| names.split(' ').any(|known| known == &*name))
}

fn running(node: &NodeRef<'_>) -> usize {
    node.descendants_it().filter(NodeRef::is_text).map(|text| sentence(&text)).sum()
}

/// The letters of a text, or none when it is short or a link.
pub(crate) fn sentence(text: &NodeRef<'_>) -> usize {
    let linked = text.ancestors_it(Some(4)).any(|above| is(&above, "a"));
    let letters = if linked { 0 } else { letters(text) };
    if letters < SENTENCE { 0 } else { letters }
}

fn linked(node: &NodeRef<'_>) -> usize {
    Selection::from(*node).select("a").nodes().iter().map(letters).sum()
}

/// The letters below a node; one of a script without spaces says as much as three others.
fn letters(node: &NodeRef<'_>) -> usize {
    node.text().chars().map(|letter| if is_unspaced(letter) { 3 } else { usize::from(letter.is_alphanumeric()) }).sum()
}

/// Whether a letter belongs to a script without spaces between words: Thai, kana, and the Han blocks of
/// the basic plane. Such letters are counted as words.
pub(crate) fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}
