//! Taking out what is not content.
//!
//! By element (scripts, navigation, forms), by role, and by the words in `class` and `id`. What holds a
//! large share of the running text of a page stays whatever it is called: sites name things oddly.

use std::collections::{HashMap, HashSet};

use dom_query::{Document, NodeId, NodeRef};

use crate::weigh::{Weights, weigh};

/// Elements without readable content.
const NEVER: &str = "script, style, noscript, template, iframe, object, embed, applet, svg, canvas, button, input, select, textarea, \
     dialog, link, meta, audio, video, map, frame, frameset, rp, wbr, datalist, progress, meter";

/// Roles and states that say that a part is not content.
const ROLES: &[&str] = &["navigation", "contentinfo", "complementary", "dialog", "alertdialog", "menu", "menubar", "toolbar", "tooltip"];

/// Whole names of `class` and `id` that are too common as parts of other names.
const NAMES: &[&str] = &[
    "widget", "widgets", "hidden", "visually-hidden", "visuallyhidden", "sr-only", "screen-reader-text", "screen-reader-only", "d-none", "offscreen", "gutter", "overlay", "search", "search-form", "skip-link",
    "follow", "banner", "author", "authors", "author-bio", "author-box", "author-info", "about-author", "post-author", "entry-meta", "post-meta", "article-meta", "meta", "bio", "cta", "popular-posts", "ad", "alert-banner", "usa-banner", "site-banner", "print-only", "rightside", "hideme", "out-of-band", "copy-button", "test-arrow",
];

/// Elements that say of themselves that they are the content: what holds one is not beside it.
const CONTENT: &str = "main, [role=main], [itemprop=articleBody], h1 + p";

/// Words of `class` and `id` that name something beside the content.
const WORDS: &[&str] = &[
    "nav", "navbar", "navigation", "navbox", "navheader", "navfooter", "menu", "submenu", "breadcrumb", "breadcrumbs", "footer", "masthead", "sidebar",
    "sidenav", "toc", "share", "sharing", "sharebar", "sharedaddy", "social", "socials", "related", "relatedposts", "recommended", "recommendations", "newsletter", "subscribe",
    "subscription", "signup", "cookie", "cookies", "consent", "gdpr", "ads", "adbox", "advert", "adverts", "advertisement", "advertising", "adsense",
    "sponsor", "sponsored", "promo", "promos", "promoted", "promotion", "popup", "modal", "lightbox", "pagination", "pager",
    "tags", "taglist", "login", "tooltip", "toolbar",
    "donate", "paywall", "upsell", "trending", "outbrain", "taboola", "noprint", "editsection", "catlinks", "sphinxsidebar", "headerlink", "permalink",
    "author", "authors", "bio", "popular", "cta", "follow", "search", "banner", "sidebartop", "prefooter", "copyright", "dateline", "byline", "timestamp", "printonly", "copybtn", "linenos", "lineno", "gutter",
];

/// Words of `class` and `id` that name what readers wrote.
const COMMENTS: &[&str] = &["comments", "comment", "commentlist", "disqus", "respond", "replies"];

/// Letters that must remain for comments to be taken for comments, and not for the posts of a forum.
const ARTICLE: usize = 250;

/// Notes inside `aside` that belong to the text.
const NOTES: &[&str] = &["note", "warning", "tip", "caution", "important", "admonition", "callout", "footnote", "footnotes", "quote", "pullquote", "hint", "info", "danger"];

/// A part with at least this share of the running text is kept whatever it is called.
const MAJOR: f64 = 0.4;

/// Removes everything that is not content, as far as names and roles tell.
pub(crate) fn clean(document: &Document) {
    document.select(NEVER).remove();
    let Some(body) = document.body() else { return };
    let holders: HashSet<NodeId> = document.select(CONTENT).nodes().iter().flat_map(|node| node.ancestors_it(None).map(|above| above.id)).collect();
    let beside = |node: &NodeRef<'_>, sign: fn(&NodeRef<'_>) -> Option<&'static str>| sign(node).filter(|_| !holders.contains(&node.id));
    let weights = weigh(&body);
    let comments = outermost(&body, &weights, usize::MAX, |node| beside(node, is_comment));
    if comments.iter().map(|found| found.good).sum::<usize>() + ARTICLE <= weights.good(&body) {
        comments.iter().for_each(|found| found.node.remove_from_parent());
    }
    let weights = weigh(&body);
    let major = (weights.good(&body) as f64 * MAJOR) as usize;
    let found = outermost(&body, &weights, major, |node| beside(node, sign));
    let mut held: HashMap<&str, usize> = HashMap::new();
    for found in &found {
        *held.entry(found.sign).or_default() += found.good;
    }
    for found in found.iter().filter(|found| held.get(found.sign).is_some_and(|held| *held <= major)) {
        if std::env::var("DBG").is_ok() { eprintln!("REMOVE {} good={} {:?} cls={:?} id={:?}", found.sign, found.good, found.node.node_name(), found.node.class(), found.node.id_attr()); }
        found.node.remove_from_parent();
    }
}

/// An element that something says of that it is not content.
struct Found<'a> {
    node: NodeRef<'a>,
    sign: &'static str,
    good: usize,
}

/// The outermost elements that bear a sign and hold no more than `most` letters of running text.
fn outermost<'a>(body: &NodeRef<'a>, weights: &Weights, most: usize, sign: impl Fn(&NodeRef<'a>) -> Option<&'static str>) -> Vec<Found<'a>> {
    let mut inside: HashSet<NodeId> = HashSet::new();
    let mut found = Vec::new();
    for node in body.descendants_it().filter(NodeRef::is_element) {
        let good = weights.good(&node);
        if node.parent().is_some_and(|parent| inside.contains(&parent.id)) {
            inside.insert(node.id);
        } else if node.has_name("pre") || node.has_name("code") {
            // Highlighters name what they colour: a comment there is part of a program.
            inside.insert(node.id);
        } else if good <= most && let Some(sign) = sign(&node) {
            inside.insert(node.id);
            found.push(Found { node, sign, good });
        }
    }
    found
}

fn is_comment(node: &NodeRef<'_>) -> Option<&'static str> {
    let is_content = node.has_name("main") || node.has_name("article");
    (!is_content && words(node).iter().any(|word| COMMENTS.contains(&word.as_str()))).then_some("comment")
}

/// What says that an element stands beside the content, if anything does.
fn sign(node: &NodeRef<'_>) -> Option<&'static str> {
    let words = words(node);
    let name = node.node_name().unwrap_or_default();
    match &*name {
        "aside" => return (!words.iter().any(|word| NOTES.contains(&word.as_str()))).then_some("aside"),
        "footer" => return (!node.ancestors_it(Some(3)).any(|above| above.has_name("blockquote"))).then_some("footer"),
        "header" => return (!inside_article(node)).then_some("header"),
        "nav" | "menu" | "form" => return Some("navigation"),
        _ if node.attr("role").is_some_and(|role| ROLES.contains(&&*role)) => return Some("role"),
        _ if is_concealed(node) => return Some("concealed"),
        "h1" | "h2" | "h3" | "p" | "pre" | "code" | "main" | "article" => return None,
        _ => {}
    }
    let names = [node.attr("class"), node.attr("id")].into_iter().flatten();
    let whole = names.flat_map(|names| names.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>());
    let whole = whole.into_iter().find_map(|name| NAMES.iter().copied().find(|known| *known == name));
    whole.or_else(|| WORDS.iter().copied().find(|word| words.iter().any(|found| found == word)))
}

fn is_concealed(node: &NodeRef<'_>) -> bool {
    let style = node.attr("style").map(|style| style.replace(' ', "").to_ascii_lowercase()).unwrap_or_default();
    node.has_attr("hidden") || style.contains("display:none") || style.contains("visibility:hidden")
}

fn inside_article(node: &NodeRef<'_>) -> bool {
    node.ancestors_it(None).any(|above| above.has_name("article") || above.has_name("main"))
}

/// The words of `class` and `id`, split at marks and at changes of case.
fn words(node: &NodeRef<'_>) -> Vec<String> {
    // A long id is a heading's text turned into an anchor, not a name.
    let id = node.attr("id").filter(|id| !node.has_name("section") && id.split(['-', '_']).count() <= 3);
    let names: Vec<_> = [node.attr("class"), id].into_iter().flatten().collect();
    let mut words = Vec::new();
    for name in names.iter().flat_map(|names| names.split_whitespace()).filter(|name| !name.contains(':')) {
        let mut word = String::new();
        let mut small = false;
        for letter in name.chars() {
            if !letter.is_alphanumeric() || (letter.is_uppercase() && small) {
                words.push(std::mem::take(&mut word));
            }
            if letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
            }
            small = letter.is_lowercase();
        }
        words.push(word);
    }
    words
}
