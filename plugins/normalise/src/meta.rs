//! What a page says about itself.
//!
//! The readability library reads JSON-LD, Open Graph, Dublin Core and the title; this adds the canonical
//! address, a date that only the markup names, and the language, which is guessed from the text when the
//! page does not say it. Pages lie and contradict each other; the first answer in that order wins.

use dom_query::Document;
use dom_smoothie::Readability;
use url::Url;

/// What is known about a document. A field that is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// The title, without the name of the site.
    pub title: String,
    /// Who wrote it.
    pub byline: String,
    /// The name of the site.
    pub site: String,
    /// A BCP 47 tag, for example `de` or `pt-BR`.
    pub language: String,
    /// `detected` when the language is a guess from the text.
    pub language_from: String,
    /// When it was published, as the page writes it.
    pub published: String,
    /// The address that the page gives for itself, absolute.
    pub canonical_url: String,
}

/// Reads the metadata of a page that nothing was removed from yet.
pub(crate) fn read(page: &Document, base: Option<&Url>) -> Meta {
    let reader = Readability::with_document(page.clone(), None, None).ok();
    let found = reader.map(|reader| reader.get_article_metadata(reader.parse_json_ld())).unwrap_or_default();
    let first = |names: &str, attribute: &str| page.select(names).attr(attribute).unwrap_or_default().to_string();
    let canonical = [first("link[rel=canonical]", "href"), first("meta[property='og:url']", "content")];
    let canonical = canonical.iter().chain(&found.url).filter(|href| !href.is_empty()).find_map(|href| {
        let url = base.map_or_else(|| Url::parse(href), |base| base.join(href)).ok()?;
        matches!(url.scheme(), "http" | "https").then(|| url.to_string())
    });
    let language = ["lang", "xml:lang"].map(|name| first("html", name)).concat();
    let published = found.published_time.unwrap_or_else(|| first("article time[datetime]", "datetime"));
    let byline = found.byline.filter(|byline| !byline.contains("://")).unwrap_or_default();
    Meta {
        title: one_line(&found.title),
        byline: one_line(&byline),
        site: one_line(&found.site_name.unwrap_or_default()),
        language: language.trim().replace('_', "-"),
        language_from: String::new(),
        published: one_line(&published),
        canonical_url: canonical.unwrap_or_default(),
    }
}

pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
