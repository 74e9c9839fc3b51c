//! A page to a document.
//!
//! The content is looked for by names first, which keeps all of it and a little more. Prose, a page without
//! any code, is then read by trafilatura's algorithm, which knows better what belongs to an article and would
//! lose parts of a reference.

use url::Url;

use crate::article::article;
use crate::find::{clean, is, root, tidy};
use crate::{Document, meta, shape};

/// How deep a page of prose nests at most: the library calls itself for every level.
const DEPTH: usize = 400;

/// Takes the content and the metadata out of a page. `source` is its address and the base of its links;
/// with one that is not an absolute URL relative links stay as they are.
#[must_use]
pub fn page(html: &str, source: &str) -> Document {
    let tree = dom_query::Document::from(html);
    let given = Url::parse(source).ok();
    let href = tree.base_uri().unwrap_or_default();
    let base = given.as_ref().map_or_else(|| Url::parse(&href), |url| url.join(&href)).ok().or(given);
    let meta = meta::read(&tree, base.as_ref());
    clean(&tree);
    let markdown = root(&tree).map(|root| {
        if !root.descendants_it().any(|node| is(&node, "pre code") || node.ancestors_it(None).nth(DEPTH).is_some()) {
            article(&root);
        }
        tidy(&root);
        shape::markdown(&root, base.as_ref())
    });
    Document { meta, markdown: markdown.unwrap_or_default() }
}
