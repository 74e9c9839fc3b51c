//! A page to a document.
//!
//! Two readings of the cleaned page compete. `capstan-extract` keeps all that is not known to stand beside
//! the content, the readability algorithm only what reads like an article, without its title. The second
//! is better for prose and loses parts of references, so it is taken for pages without code and tables,
//! unless it lost much.

use capstan_extract::is;
use dom_smoothie::{Config, Readability};
use url::Url;

use crate::meta::{self, Meta};
use crate::{Document, shape};

/// The share of the words that the stricter reading must keep, where the page marks its content and where
/// it does not: there the other reading has taken in the whole page.
const ENOUGH: (f64, f64) = (0.6, 0.15);

/// Takes the content and the metadata out of a page. `source` is its address and the base of its links;
/// with one that is not an absolute URL relative links stay as they are.
#[must_use]
pub fn page(html: &str, source: &str) -> Document {
    let tree = dom_query::Document::from(html);
    let given = Url::parse(source).ok();
    let href = tree.base_uri().unwrap_or_default();
    let base = given.as_ref().map_or_else(|| Url::parse(&href), |url| url.join(&href)).ok().or(given);
    let mut meta = meta::read(&tree, base.as_ref());
    source.clone_into(&mut meta.source);
    capstan_extract::clean(&tree);
    let article = article(&tree, &meta, base.as_ref());
    let content = capstan_extract::content(&tree);
    let enough = if content.is_some_and(|content| is(&content, "body")) { ENOUGH.1 } else { ENOUGH.0 };
    let content = content.map(|content| shape::markdown(&content, base.as_ref()));
    let whole = Document { meta, markdown: content.unwrap_or_default() };
    let structured = whole.markdown.contains("```") || whole.markdown.contains("| -");
    let enough = whole.words() as f64 * enough;
    let prose = article.filter(|article| !structured && article.words() as f64 > enough);
    let mut document = prose.unwrap_or(whole);
    if document.meta.language.is_empty() {
        document.meta.language = meta::language_of(&document.markdown);
    }
    document
}

/// What the readability algorithm takes for the article.
fn article(page: &dom_query::Document, meta: &Meta, base: Option<&Url>) -> Option<Document> {
    let config = Config { keep_classes: true, ..Config::default() };
    let article = Readability::with_document(page.clone(), None, Some(config)).ok()?.parse().ok()?;
    let tree = dom_query::Document::from(article.content);
    let body = tree.body()?;
    capstan_extract::tidy(&body);
    Some(Document { meta: meta.clone(), markdown: shape::markdown(&body, base) })
}
