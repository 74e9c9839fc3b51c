//! The extractors that are compared, each as a function from page to plain text.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// An extractor: a page and its address in, the text it keeps out; empty when it gives up.
pub struct Candidate {
    /// How the tables call it.
    pub name: &'static str,
    /// The extractor.
    pub extract: fn(&str, &str) -> String,
}

/// All candidates, ours first.
pub const ALL: [Candidate; 5] = [
    Candidate { name: "normalise", extract: normalise },
    Candidate { name: "without alt", extract: without_alt },
    Candidate { name: "dom_smoothie", extract: dom_smoothie },
    Candidate { name: "rs-trafilatura", extract: rs_trafilatura },
    Candidate { name: "legible", extract: legible },
];

fn normalise(html: &str, url: &str) -> String {
    plain(&capstan_normalise::page(html, url).markdown, Alt::Counts)
}

fn without_alt(html: &str, url: &str) -> String {
    plain(&capstan_normalise::page(html, url).markdown, Alt::Dropped)
}

fn dom_smoothie(html: &str, url: &str) -> String {
    let config = dom_smoothie::Config { text_mode: dom_smoothie::TextMode::Formatted, ..Default::default() };
    let article = dom_smoothie::Readability::new(html, address(url), Some(config)).and_then(|mut page| page.parse());
    article.map(|article| article.text_content.to_string()).unwrap_or_default()
}

fn rs_trafilatura(html: &str, url: &str) -> String {
    let options = rs_trafilatura::Options { url: address(url).map(str::to_owned), ..Default::default() };
    rs_trafilatura::extract_with_options(html, &options).map(|found| found.content_text).unwrap_or_default()
}

fn legible(html: &str, url: &str) -> String {
    legible::parse(html, address(url), None).map(|found| found.text_content).unwrap_or_default()
}

fn address(url: &str) -> Option<&str> {
    (!url.is_empty()).then_some(url)
}

/// What becomes of the alternative text of images.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alt {
    /// It is text.
    Counts,
    /// It is left out, as where the image is shown.
    Dropped,
}

/// The text that a reader of rendered Markdown sees: no marks, no link targets.
#[must_use]
pub fn plain(markdown: &str, alt: Alt) -> String {
    let mut text = String::new();
    let mut images = 0;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Image { .. }) => images += 1,
            Event::End(TagEnd::Image) => images -= 1,
            Event::Text(_) | Event::Code(_) if images > 0 && alt == Alt::Dropped => {}
            Event::Text(part) | Event::Code(part) | Event::InlineHtml(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push('\n'),
            Event::End(tag) if !is_inline(tag) => text.push('\n'),
            Event::Start(Tag::List(_)) => text.push('\n'),
            _ => {}
        }
    }
    text
}

fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link)
}
