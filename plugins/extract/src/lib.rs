//! Finds the part of a page that is its content, and takes out of it what is not.
//!
//! Three steps on the tree of the page, which is changed in place: [`clean()`] drops what names and roles
//! place beside the content, [`content`] finds the part that holds the running text, [`tidy()`] drops lines and sections that only the words give away. The lists of words are data, in `words/`.
//!
//! What it cannot promise: it knows names, shares of text and shares of links, not meaning. A page that
//! calls its text `sidebar` in small pieces loses some of it, and an advertisement written like a
//! paragraph stays. `docs/extraction.md` says how often, and how that was measured.

mod clean;
mod root;
mod tidy;
mod weigh;
mod words;

use dom_query::{Document, NodeRef};

pub use clean::clean;
pub use tidy::tidy;
pub use weigh::is;
pub use words::is_unspaced;

/// The content of a cleaned page, tidied, or `None` for a page without body.
#[must_use]
pub fn content(page: &Document) -> Option<NodeRef<'_>> {
    let content = root::root(page)?;
    tidy(&content);
    Some(content)
}
