//! Finding the part of a page that is its content.
//!
//! `main` and `article` are believed when they hold enough of the running text, or the title. From there
//! it goes down to where the text spreads out, dropping what stands beside that way and is no text. A
//! page that is mostly links is left whole: it is an index, and its links are the content.

use dom_query::{Document, NodeRef};

use crate::weigh::{Weights, is, weigh};

/// What may hold the content, with the shares of the running text that it needs with and without a title.
const PARTS: [(&str, f64, f64); 2] = [("main, [role=main]", 0.2, 0.4), ("article, [itemprop=articleBody]", 0.25, 0.7)];

/// The content of a cleaned page.
pub(crate) fn root(document: &Document) -> Option<NodeRef<'_>> {
    let body = document.body()?;
    let weights = weigh(&body);
    let mut start = body;
    for (names, titled, share) in PARTS {
        let all = weights.good(&start) as f64;
        let parts = document.select(names);
        let inside = parts.nodes().iter().filter(|node| start.id != node.id && is_below(node, &start));
        let fits = inside.filter(|node| {
            let good = weights.good(node) as f64;
            good > all * share || (good > all * titled && holds(node, "h1"))
        });
        start = fits.max_by_key(|node| weights.good(node)).copied().unwrap_or(start);
    }
    if weights.of(&start).link_share() <= 0.5 {
        narrow(start, &weights);
        drop_link_lists(start, &weights);
    }
    Some(start)
}

fn is_below(node: &NodeRef<'_>, above: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|node| node.id == above.id)
}

fn narrow(start: NodeRef<'_>, weights: &Weights) {
    let good = |node: &NodeRef<'_>| weights.good(node);
    let mut here = start;
    while let Some(next) = here.element_children().into_iter().max_by_key(good) {
        if good(&next) == 0 || good(&next) * 5 < good(&here) * 4 {
            return;
        }
        let others = here.element_children().into_iter().filter(|child| child.id != next.id);
        others.filter(|child| !is_text(child, weights)).for_each(|child| child.remove_from_parent());
        here = next;
    }
}

fn is_text(node: &NodeRef<'_>, weights: &Weights) -> bool {
    let text = weights.good(node) > 0 || holds(node, "h2 h3 h4 p pre blockquote dl table figure");
    holds(node, "h1") || (text && weights.of(node).link_share() < 0.5)
}

fn holds(node: &NodeRef<'_>, names: &str) -> bool {
    is(node, names) || node.descendants_it().any(|below| is(&below, names))
}

/// Drops lists of links, except signatures of programs, where every type may be one.
fn drop_link_lists(start: NodeRef<'_>, weights: &Weights) {
    let code = |node: NodeRef<'_>| is(&node, "code pre") || node.class().is_some_and(|class| class.contains("code"));
    let linked = |node: &NodeRef<'_>| weights.of(node).link_share() > 0.7 && weights.good(node) == 0;
    for node in start.descendants().iter().filter(|node| linked(node) && is(node, "ul ol div section table")) {
        let links = node.descendants_it().filter(|below| is(below, "a")).take(3).count();
        if links == 3 && !node.descendants_it().any(code) {
            node.remove_from_parent();
        }
    }
}
