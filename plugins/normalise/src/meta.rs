//! What a page says about itself.
//!
//! The readability library reads JSON-LD, Open Graph, Dublin Core and the title; this adds the canonical
//! address, dates and authors that only the markup names, and the language, which is guessed from the
//! text when the page does not say it. Pages lie and contradict each other; the first answer in the order
//! above wins.

use dom_query::Document;
use dom_smoothie::{Metadata, Readability};
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
    /// When it was published, as the page writes it.
    pub published: String,
    /// The address that the page gives for itself, absolute.
    pub canonical_url: String,
    /// Where it was taken from.
    pub source: String,
}

/// Reads the metadata of a page that nothing was removed from yet, and gives the page back.
pub(crate) fn read(document: Document, base: Option<&Url>) -> (Meta, Document) {
    let Ok(page) = Readability::with_document(document.clone(), None, None) else {
        return (Meta::default(), document);
    };
    let found = page.get_article_metadata(page.parse_json_ld());
    let meta = from(found, &page.doc, base);
    (meta, page.doc)
}

fn from(found: Metadata, page: &Document, base: Option<&Url>) -> Meta {
    let first = |names: &str, attribute: &str| {
        let node = page.select(names).nodes().iter().find_map(|node| node.attr(attribute).map(|value| value.trim().to_owned()));
        node.unwrap_or_default()
    };
    let canonical = [first("link[rel=canonical]", "href"), first("meta[property='og:url']", "content"), found.url.unwrap_or_default()];
    let canonical = canonical.iter().filter(|href| !href.is_empty()).find_map(|href| absolute(href, base));
    Meta {
        title: one_line(&found.title),
        byline: found.byline.map(|byline| one_line(&byline)).filter(|byline| !byline.starts_with("http")).unwrap_or_default(),
        site: one_line(&found.site_name.unwrap_or_default()),
        language: tag(&[first("html", "lang"), first("html", "xml:lang"), first("meta[http-equiv=content-language]", "content")].concat()),
        published: found.published_time.map_or_else(|| first("time[datetime][pubdate], article time[datetime]", "datetime"), |time| one_line(&time)),
        canonical_url: canonical.unwrap_or_default(),
        source: String::new(),
    }
}

fn absolute(href: &str, base: Option<&Url>) -> Option<String> {
    let url = base.map_or_else(|| Url::parse(href), |base| base.join(href)).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The language tag, if the text is one.
fn tag(text: &str) -> String {
    let text = text.trim().replace('_', "-");
    let fits = text.split('-').next().is_some_and(|first| (2..=3).contains(&first.len()) && first.chars().all(|letter| letter.is_ascii_alphabetic()));
    if fits && text.len() <= 35 { text } else { String::new() }
}

/// The language that a text is written in, when that is clear; empty otherwise.
pub(crate) fn language_of(text: &str) -> String {
    let sample: String = text.chars().filter(|letter| letter.is_alphabetic() || letter.is_whitespace()).take(4000).collect();
    let found = whatlang::detect(&sample).filter(whatlang::Info::is_reliable);
    found.map(|found| short(found.lang().code()).to_owned()).unwrap_or_default()
}

/// The two-letter code of the languages that have one and are common; others keep three letters.
fn short(code: &str) -> &str {
    const CODES: &str = "ara ar,bel be,ben bn,bul bg,cat ca,ces cs,cmn zh,dan da,deu de,ell el,eng en,epo eo,est et,fin fi,fra fr,heb he,hin hi,hrv hr,hun hu,ind id,ita it,jpn ja,kat ka,kor ko,lav lv,lit lt,mkd mk,nld nl,nob nb,pes fa,pol pl,por pt,ron ro,rus ru,slk sk,slv sl,spa es,srp sr,swe sv,tam ta,tha th,tur tr,ukr uk,urd ur,vie vi";
    CODES.split(',').find_map(|pair| pair.strip_prefix(code)).map_or(code, str::trim_start)
}
