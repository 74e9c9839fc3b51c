//! Asking trafilatura's algorithm which text of the content is the article.
//!
//! It answers with text, and the structure is needed: so every text of the content gets a sign of two letters
//! from a private range of Unicode, and what comes back with its sign is what it kept. The rest is taken out,
//! and so are the pictures that stand alone then.
//!
//! What it cannot promise: where the algorithm takes an advertisement for text, it stays.

use std::collections::HashSet;

use dom_query::NodeRef;
use rs_trafilatura::{Options, page_type::PageType};

use crate::find::{is, sentence};

/// The share of the running text that an article holds at least, with less the algorithm went astray: where the
/// page marks its content and where all of it was taken.
const ENOUGH: (f64, f64) = (0.5, 0.15);

/// How many levels above a picture there must be text of the article for it to belong to it.
const NEAR: usize = 3;

/// The letters for signs: the first half for the first letter of a sign, the second half for the second.
const SIGNS: std::ops::RangeInclusive<char> = '\u{E000}'..='\u{E7FF}';

/// What a text is known by.
type Sign = [char; 2];

/// Removes what is no part of the article.
pub(crate) fn article(root: &NodeRef<'_>) {
    // The library drops every `aside`; those that are left are notes.
    root.descendants().iter().filter(|node| is(node, "aside")).for_each(|node| node.rename("div"));
    let texts = root.descendants_it().filter(|node| node.is_text() && !node.text().trim().is_empty());
    let texts: Vec<(NodeRef<'_>, Sign)> = texts.zip((0..).map_while(sign)).collect();
    for (text, sign) in &texts {
        let content = text.text();
        let letters = content.chars().filter(|letter| !SIGNS.contains(letter));
        text.set_text(sign.iter().copied().chain(letters).collect::<String>());
    }
    // Told that the page is an article, the library needs no classifier. Content that it finds short it would
    // look for in other ways; it counts words at spaces, so all Japanese would be short.
    let (page_type, max_extracted_len) = (Some(PageType::Article), usize::MAX);
    let (min_extracted_len, min_output_size) = (0, 0);
    let options = Options { page_type, max_extracted_len, min_extracted_len, min_output_size, ..Options::default() };
    let found = rs_trafilatura::extract_with_options(&root.html(), &options).map(|found| found.content_text);
    let letters: Vec<char> = found.unwrap_or_default().chars().collect();
    let pairs = letters.array_windows::<2>().filter(|pair| SIGNS.contains(&pair[0]));
    let signs: HashSet<Sign> = pairs.copied().collect();
    texts.iter().for_each(|(text, _)| text.set_text(text.text().trim_start_matches(|letter| SIGNS.contains(&letter))));
    let (kept, lost): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(_, sign)| signs.contains(sign));
    let running = |texts: &[(NodeRef<'_>, Sign)]| texts.iter().map(|(text, _)| sentence(text)).sum::<usize>() as f64;
    let enough = if is(root, "body") { ENOUGH.1 } else { ENOUGH.0 };
    if running(&kept) >= (running(&kept) + running(&lost)) * enough {
        lost.iter().for_each(|(text, _)| text.remove_from_parent());
        let alone = |node: &&NodeRef<'_>| node.ancestors_it(Some(NEAR)).all(|above| above.text().trim().is_empty());
        let pictures = root.descendants();
        pictures.iter().filter(|node| is(node, "img")).filter(alone).for_each(NodeRef::remove_from_parent);
    }
}

/// A letter of three bytes comes first: the library cuts off three bytes where it looks for authors, and stops
/// the program when a letter goes on there.
fn sign(number: u32) -> Option<Sign> {
    Some([char::from_u32(0xE000 + number / 0x400)?, char::from_u32(0xE400 + number % 0x400)?])
}
