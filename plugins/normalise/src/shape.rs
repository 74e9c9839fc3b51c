//! Giving the content the shape that Markdown can carry, and writing it.
//!
//! Links and images get absolute addresses, code blocks the name of their language, tables rows of equal
//! length; blocks that Markdown has no word for become paragraphs. A cell that spans rows or columns is
//! written once, and a table that holds a table comes apart into paragraphs.

use crate::find::is;
use dom_query::NodeRef;
use url::Url;

/// Names of languages that stand alone in the class of a code block, one a line.
const PROGRAMS: &str = include_str!("../words/programs.txt");

/// Blocks without a counterpart in Markdown.
const BLOCKS: &str = "dt dd figcaption summary caption legend address details main header footer aside \
    figure form fieldset hgroup center body";

/// What the writer follows by calling itself, and how deep it may.
const NESTED: &str = "ul ol blockquote table a b i em strong";
const DEPTH: usize = 100;

/// Writes the content as Markdown.
pub(crate) fn markdown(content: &NodeRef<'_>, base: Option<&Url>) -> String {
    for node in content.descendants().iter().filter(|node| node.is_element()) {
        match node.node_name().as_deref().unwrap_or_default() {
            "a" => link(node, base),
            "img" => image(node, base),
            "pre" => code(node),
            "table" => table(node),
            name if BLOCKS.split(' ').any(|block| block == name) => node.rename("div"),
            _ => {}
        }
        if is(node, NESTED) && node.ancestors_it(None).filter(|above| is(above, NESTED)).count() > DEPTH {
            node.rename("span");
        }
    }
    content.md(None).trim().to_owned()
}

fn link(node: &NodeRef<'_>, base: Option<&Url>) {
    let href = node.attr_or("href", "");
    let mark = matches!(node.text().trim(), "" | "¶" | "#" | "§" | "🔗") && href.contains('#');
    if mark && !node.descendants_it().any(|below| is(&below, "img")) {
        node.remove_from_parent();
    } else if href.to_lowercase().contains("javascript:") {
        node.remove_attr("href");
    } else if node.has_attr("href") {
        node.set_attr("href", &absolute(&href, base));
    }
}

fn image(node: &NodeRef<'_>, base: Option<&Url>) {
    let named = ["data-src", "data-original", "data-lazy-src", "src"].map(|name| node.attr_or(name, ""));
    match named.iter().find(|source| !source.is_empty() && !source.starts_with("data:")) {
        Some(source) => node.set_attr("src", &absolute(source, base)),
        None => node.remove_from_parent(),
    }
}

fn absolute(href: &str, base: Option<&Url>) -> String {
    base.and_then(|base| base.join(href.trim()).ok()).map_or_else(|| href.to_owned(), String::from)
}

/// Names the language of a code block and keeps its lines apart.
fn code(node: &NodeRef<'_>) {
    let below = node.descendants();
    below.iter().filter(|below| is(below, "br")).for_each(|line| line.replace_with_html("\n"));
    let named = below.iter().filter(|below| is(below, "code")).copied().chain(node.ancestors_it(Some(2)));
    let mut classes = std::iter::once(*node).chain(named).filter_map(|named| named.class());
    let found = classes.find_map(|classes| language(&classes));
    drop(classes); // it borrows the tree
    if let Some(language) = found {
        node.set_attr("data-lang", &language);
    }
}

fn language(classes: &str) -> Option<String> {
    let prefixes = ["language-", "lang-", "highlight-source-", "highlight-", "brush:"];
    let bare = |class: &str| prefixes.iter().find_map(|prefix| class.strip_prefix(prefix).map(str::to_lowercase));
    let known = classes.split_whitespace().find(|class| PROGRAMS.lines().any(|name| name == *class)).map(str::to_owned);
    let named = classes.split_whitespace().find_map(bare).or(known)?;
    (!matches!(&*named, "" | "default" | "none" | "text" | "plaintext" | "notranslate")).then_some(named)
}

/// Makes the rows of a table equally long, and takes tables apart that only lay out a page.
fn table(node: &NodeRef<'_>) {
    let below = node.descendants();
    let rows: Vec<_> = below.iter().filter(|below| is(below, "tr")).collect();
    let longest = rows.iter().map(|row| row.element_children().len()).max().unwrap_or(0);
    if longest < 2 || below.iter().any(|below| is(below, "table")) {
        let parts = below.iter().filter(|part| is(part, "tbody thead tfoot tr td th"));
        parts.chain([node]).for_each(|part| part.rename("div"));
    } else {
        let short = |row: &&NodeRef<'_>| longest - row.element_children().len();
        rows.iter().for_each(|row| row.append_html("<td></td>".repeat(short(row))));
    }
}
