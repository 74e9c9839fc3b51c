//! Taking single lines and sections out of the content that are not part of it.
//!
//! What names and roles did not tell is told by the words: "Read more", "Related articles", a line with
//! nothing but the date and the author, a paragraph that stands there twice, one picture shown in three
//! sizes. The phrases are those of six languages; pages in others keep such lines.

use std::collections::HashSet;

use dom_query::{NodeId, NodeRef};

use crate::meta::Meta;
use crate::weigh::{is_inline, weigh};

/// Lines that say nothing about the subject.
const LINES: &[&str] = &[
    "read more", "learn more", "more", "share", "share this", "share this article", "share this post", "advertisement", "ad", "close", "print", "email", "follow",
    "table of contents", "contents", "on this page", "in this article", "jump to recipe", "skip to content", "skip to main content", "back to top", "top", "subscribe", "sign up", "get started", "book now", "contact us", "buy now", "loading",
    "previous", "next", "previous next", "home", "comments", "leave a comment", "no comments", "reply", "log in", "continue reading", "see also", "source", "image", "photo", "caption", "share on facebook", "share on twitter", "copy link", "button",
    "mehr lesen", "weiterlesen", "anzeige", "teilen", "artikel teilen", "kommentare", "nach oben", "inhaltsverzeichnis", "lire la suite", "partager", "publicité", "commentaires", "sommaire",
    "leer más", "compartir", "publicidad", "comentarios", "leggi tutto", "condividi", "pubblicità", "читать далее", "поделиться", "реклама", "комментарии", "続きを読む", "シェアする", "広告", "اقرأ المزيد", "شارك",
];

/// Pairs of phrases that make a line the text of a cookie banner.
const COOKIES: &[(&str, &str)] = &[
    ("we use cookies", "experience"), ("uses cookies", "site"), ("use cookies", "accept"), ("use cookies", "consent"), ("cookies", "privacy policy"), ("verwenden cookies", "website"), ("verwendet cookies", "website"),
    ("utilisons des cookies", "site"), ("utilizamos cookies", "web"), ("utilizza cookie", "sito"), ("файлы cookie", "сайт"), ("cookie", "同意"),
];

/// Headings of sections that are not part of an article.
const SECTIONS: &[&str] = &[
    "related", "related articles", "related posts", "related stories", "related content", "related topics", "related reading", "related links", "related news", "you may also like", "you might also like", "you may also enjoy", "more stories", "more from", "read next",
    "recommended", "recommended for you", "recommended reading", "most read", "most popular", "popular posts", "recent posts", "latest posts", "latest news", "latest articles", "trending", "trending now", "top stories", "more news", "about the author", "about the authors", "about author", "author",
    "share this", "share this article", "share this post", "share", "comments", "leave a comment", "leave a reply", "join the conversation", "subscribe", "newsletter", "sign up for our newsletter", "subscribe to our newsletter", "follow us", "categories", "tags", "archives", "advertisement", "table of contents", "contents", "on this page", "in this article", "keep reading", "contact us",
    "das könnte sie auch interessieren", "mehr zum thema", "ähnliche artikel", "verwandte artikel", "kommentare", "à lire aussi", "articles similaires", "sur le même sujet", "commentaires", "artículos relacionados", "te puede interesar", "comentarios",
    "leggi anche", "articoli correlati", "commenti", "читайте также", "похожие статьи", "комментарии", "関連記事", "コメント", "مقالات ذات صلة", "التعليقات",
];

/// Words of lines that give only date, author and time to read.
const DATES: &[&str] = &[
    "by", "von", "par", "por", "di", "published", "updated", "posted", "last", "modified", "reviewed", "written", "edited", "on", "at", "in", "and", "the", "of", "ago", "min", "mins", "minute", "minutes", "hour", "hours", "day", "days", "read", "am", "pm", "a", "m", "p", "et", "est", "edt", "pt", "pst", "pdt", "gmt", "utc", "cet", "uhr", "th", "st", "nd", "rd",
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "comments", "comment", "staff", "writer", "author", "reading", "time", "date", "created",
];

/// A paragraph with at least this many letters is no set phrase: if it comes twice, one is a copy.
const COPY: usize = 120;

/// Removes lines and sections that are not part of the content.
pub(crate) fn tidy(root: &NodeRef<'_>, meta: &Meta) {
    drop_sections(root);
    let known: HashSet<String> = words(&format!("{} {}", meta.byline, meta.site)).into_iter().collect();
    let mut seen = HashSet::new();
    for node in root.descendants() {
        if node.has_name("img") {
            image(&node, &mut seen);
        } else if node.is_element() && !is_inline(&node) && is_leaf(&node) && is_noise(&node, &known, &mut seen) {
            node.remove_from_parent();
        }
    }
}

fn is_noise(node: &NodeRef<'_>, known: &HashSet<String>, seen: &mut HashSet<String>) -> bool {
    let name = node.node_name().unwrap_or_default();
    if matches!(&*name, "h1" | "pre" | "td" | "th" | "tr" | "code" | "dt" | "dd") || node.descendants_it().any(|below| below.has_name("img")) {
        return false;
    }
    let words = words(&node.text());
    let line = words.join(" ");
    if LINES.contains(&line.as_str()) || COOKIES.iter().any(|(first, second)| line.contains(first) && line.contains(second)) {
        return true;
    }
    if name.starts_with('h') || &*name == "li" {
        return false;
    }
    let dated = words.iter().any(|word| known.contains(word) || word.chars().all(|letter| letter.is_ascii_digit())) || words.first().is_some_and(|word| word == "by");
    let metadata = words.len() <= 16 && dated && words.iter().all(|word| known.contains(word) || DATES.contains(&word.as_str()) || word.chars().all(|letter| letter.is_ascii_digit()));
    metadata && words.len() > 1 || (line.len() >= COPY && !seen.insert(line))
}

/// Drops the second showing of a picture, and the text for it that only repeats its file name.
fn image(node: &NodeRef<'_>, seen: &mut HashSet<String>) {
    let alt = node.attr_or("alt", "").to_string();
    let source = node.attr_or("src", "").to_string();
    let file = source.rsplit('/').next().unwrap_or_default().split(['?', '.']).next().unwrap_or_default();
    let is_name = !alt.contains(' ') && (alt.contains(['_', '.']) || alt.matches('-').count() > 1 || alt.eq_ignore_ascii_case(file));
    if is_name {
        node.set_attr("alt", "");
    }
    if (!alt.is_empty() && !seen.insert(format!("alt {alt}"))) || !seen.insert(format!("src {source}")) {
        node.remove_from_parent();
    }
}

fn drop_sections(root: &NodeRef<'_>) {
    let weights = weigh(root);
    let most = weights.good(root) / 3;
    for heading in root.descendants() {
        let Some(level) = level(&heading) else { continue };
        if level == 1 || heading.parent().is_none() || !SECTIONS.contains(&words(&heading.text()).join(" ").as_str()) {
            continue;
        }
        let mut section = heading;
        while let Some(parent) = section.parent().filter(|parent| parent.id != root.id && starts_with(parent, section.id) && weights.good(parent) <= most) {
            section = parent;
        }
        let mut next = section.next_sibling().filter(|_| section.id == heading.id);
        section.remove_from_parent();
        while let Some(node) = next.filter(|node| !level_of_first(node).is_some_and(|first| first <= level)) {
            next = node.next_sibling();
            if weights.good(&node) <= most {
                node.remove_from_parent();
            }
        }
    }
}

/// Whether nothing readable comes before `child`.
fn starts_with(parent: &NodeRef<'_>, child: NodeId) -> bool {
    parent.children_it(false).take_while(|node| node.id != child).all(|node| node.text().trim().is_empty())
}

fn level_of_first(node: &NodeRef<'_>) -> Option<u8> {
    level(node).or_else(|| node.descendants_it().find_map(|below| level(&below)))
}

fn level(node: &NodeRef<'_>) -> Option<u8> {
    let name = node.node_name()?;
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

fn is_leaf(node: &NodeRef<'_>) -> bool {
    node.descendants_it().all(|below| !below.is_element() || is_inline(&below))
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
