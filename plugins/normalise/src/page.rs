//! A page to a document.

use url::Url;

use crate::meta::{self, Meta};
use crate::{Document, clean, root, shape, tidy};

/// Elements may be nested this deep; what lies deeper keeps its text and loses its structure.
pub(crate) const DEPTH: usize = 256;

/// Takes the content and the metadata out of a page. `source` is its address and the base of its links;
/// anything that is not an absolute URL leaves relative links as they are.
#[must_use]
pub fn page(html: &str, source: &str) -> Document {
    let tree = dom_query::Document::from(html);
    let given = Url::parse(source).ok();
    let base = tree.base_uri().and_then(|href| given.as_ref().map_or_else(|| Url::parse(&href), |url| url.join(&href)).ok()).or(given);
    let (mut meta, tree) = meta::read(tree, base.as_ref());
    clean::clean(&tree);
    let markdown = root::root(&tree).map(|content| {
        tidy::tidy(&content, &meta);
        shape::markdown(&content, base.as_ref())
    });
    let markdown = markdown.unwrap_or_default();
    if meta.language.is_empty() {
        meta.language = meta::language_of(&markdown);
    }
    meta = Meta { source: source.to_owned(), ..meta };
    Document { meta, markdown }
}
