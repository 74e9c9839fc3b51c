//! Finding the part of a page that is its content.

use dom_query::{Document, NodeRef};

use crate::weigh::{Weights, weigh};

/// The content of a cleaned page.
pub(crate) fn root(document: &Document) -> Option<NodeRef<'_>> {
    let body = document.body()?;
    let weights = weigh(&body);
    let mut start = body;
    for (names, share, titled) in [("main, [role=main]", 0.4, 0.2), ("article, [itemprop=articleBody]", 0.7, 0.25)] {
        let inside: Vec<_> = document.select(names).nodes().iter().copied().filter(|node| is_below(node, &start)).collect();
        let enough = |node: &NodeRef<'_>, share: f64| weights.good(node) as f64 > weights.good(&start) as f64 * share;
        let best = inside.iter().copied().max_by_key(|node| weights.good(node)).filter(|best| enough(best, share));
        let headed = inside.iter().copied().filter(|node| has_title(node) && enough(node, titled)).max_by_key(|node| weights.good(node));
        start = best.or(headed).unwrap_or(start);
    }
    if std::env::var("DBG").is_ok() { eprintln!("BODY {:?} START {:?} {:?} {:?}", weights.of(&body), start.node_name(), start.class().map(|c|c.chars().take(40).collect::<String>()), weights.of(&start)); }
    narrow(start, &weights);
    Some(start)
}

fn is_below(node: &NodeRef<'_>, above: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|ancestor| ancestor.id == above.id)
}

/// Walks down to where the text spreads out, and drops what stands beside the way without being text.
fn narrow(start: NodeRef<'_>, weights: &Weights) {
    if weights.of(&start).link_share() > 0.5 {
        return;
    }
    let mut here = start;
    loop {
        let children = here.element_children();
        let Some(next) = children.iter().copied().max_by_key(|child| weights.good(child)) else { return };
        if (weights.good(&next) as f64) < weights.good(&here) as f64 * 0.8 || weights.good(&next) == 0 {
            break;
        }
        for child in children.iter().filter(|child| child.id != next.id) {
            if !is_worthy(child, weights) {
                child.remove_from_parent();
            }
        }
        here = next;
    }
    drop_link_lists(start, weights);
    drop_cards(start);
}

/// Removes teasers of other pages: small parts with a picture or a heading that is a link, three or more
/// side by side, unless they are most of the page.
fn drop_cards(start: NodeRef<'_>) {
    let weights = weigh(&start);
    let mut cards = Vec::new();
    for node in start.descendants().into_iter().filter(|node| node.is_element()) {
        let found: Vec<_> = node.element_children().into_iter().filter(|child| is_card(child, &weights)).collect();
        if found.len() >= 3 {
            cards.extend(found);
        }
    }
    if cards.iter().map(|card| weights.good(card)).sum::<usize>() * 2 < weights.good(&start) {
        cards.iter().for_each(NodeRef::remove_from_parent);
    }
}

fn is_card(node: &NodeRef<'_>, weights: &Weights) -> bool {
    let weight = weights.of(node);
    let named = matches!(&*node.node_name().unwrap_or_default(), "div" | "article" | "li" | "section" | "a");
    named && weight.text < 400 && weight.linked > 10 && node.descendants_it().any(|below| is_linked_head(&below))
}

/// A picture or a whole heading that leads to another page.
fn is_linked_head(node: &NodeRef<'_>) -> bool {
    let name = node.node_name().unwrap_or_default();
    let away = |link: &NodeRef<'_>| link.has_name("a") && link.attr("href").is_some_and(|href| !href.contains('#'));
    match &*name {
        "img" => node.ancestors_it(Some(3)).any(|above| away(&above)),
        "h2" | "h3" | "h4" | "h5" => {
            node.ancestors_it(Some(3)).any(|above| away(&above)) || node.descendants_it().any(|below| away(&below) && below.text().trim() == node.text().trim())
        }
        _ => false,
    }
}

/// Whether there is program text: signatures in references are made of links, and are no list of links.
fn has_code(node: &NodeRef<'_>) -> bool {
    node.descendants_it().any(|below| below.has_name("code") || below.has_name("pre") || below.class().is_some_and(|class| class.contains("code")))
}

fn has_title(node: &NodeRef<'_>) -> bool {
    node.has_name("h1") || node.descendants_it().any(|below| below.has_name("h1"))
}

fn is_worthy(node: &NodeRef<'_>, weights: &Weights) -> bool {
    let weight = weights.of(node);
    let told = |node: &NodeRef<'_>| matches!(&*node.node_name().unwrap_or_default(), "h2" | "h3" | "h4" | "p" | "pre" | "blockquote" | "dl" | "table" | "figure");
    let kept = told(node) || weight.good > 0 || node.descendants_it().any(|below| told(&below));
    has_title(node) || (kept && weight.link_share() < 0.5)
}

fn drop_link_lists(start: NodeRef<'_>, weights: &Weights) {
    for node in start.descendants() {
        if matches!(&*node.node_name().unwrap_or_default(), "ul" | "ol" | "div" | "section" | "table") {
            let weight = weights.of(&node);
            if weight.link_share() > 0.7 && weight.good == 0 && !has_code(&node) && node.descendants_it().filter(|below| below.has_name("a")).count() > 2 {
                node.remove_from_parent();
            }
        }
    }
}
