//! Giving the content the shape that Markdown can carry, and writing it.
//!
//! Links and images get absolute addresses, code blocks the name of their language, tables rows of equal
//! length; blocks that Markdown has no word for become paragraphs. Cells that span rows or columns are
//! followed by empty ones, and a table inside a table comes apart into paragraphs.

use dom_query::NodeRef;
use url::Url;

/// Blocks without a counterpart in Markdown.
const BLOCKS: &[&str] = &[
    "dt", "dd", "figcaption", "summary", "caption", "legend", "address", "details", "main", "header", "footer", "aside", "figure", "form",
    "fieldset", "hgroup", "center", "body",
];

/// Writes the content as Markdown.
pub(crate) fn markdown(content: &NodeRef<'_>, base: Option<&Url>) -> String {
    for node in content.descendants() {
        let Some(name) = node.node_name() else { continue };
        match &*name {
            "a" => link(&node, base),
            "img" => image(&node, base),
            "pre" => code(&node),
            "table" => table(&node),
            name if BLOCKS.contains(&name) => node.rename("div"),
            _ => {}
        }
    }
    content.md(None).trim().to_owned()
}

fn link(node: &NodeRef<'_>, base: Option<&Url>) {
    let Some(href) = node.attr("href") else { return };
    let text = node.text();
    let mark = matches!(text.trim(), "" | "¶" | "#" | "§" | "🔗" | "^") && href.contains('#');
    if mark && !node.descendants_it().any(|below| below.has_name("img")) {
        node.remove_from_parent();
    } else if let Some(url) = absolute(&href, base) {
        node.set_attr("href", &url);
    } else if href.trim_start().to_ascii_lowercase().starts_with("javascript:") {
        node.remove_attr("href");
    }
}

fn image(node: &NodeRef<'_>, base: Option<&Url>) {
    let named = ["data-src", "data-original", "data-lazy-src", "src"].into_iter().filter_map(|name| node.attr(name));
    let Some(source) = named.into_iter().find(|source| !source.is_empty() && !source.starts_with("data:")) else {
        return node.remove_from_parent();
    };
    node.set_attr("src", &absolute(&source, base).unwrap_or_else(|| source.to_string()));
    node.remove_attr("title");
}

fn absolute(href: &str, base: Option<&Url>) -> Option<String> {
    base.map_or_else(|| Url::parse(href), |base| base.join(href.trim())).ok().map(|url| url.to_string())
}

/// Names the language of a code block and keeps its lines apart.
fn code(node: &NodeRef<'_>) {
    for line_break in node.descendants().iter().filter(|below| below.has_name("br")) {
        line_break.replace_with_html("\n");
    }
    let inside = node.descendants_it().filter(|below| below.has_name("code"));
    let around = node.ancestors_it(Some(2)).filter(|above| above.has_name("div") || above.has_name("figure"));
    let language = std::iter::once(*node).chain(inside).chain(around).find_map(|named| language(&named.class()?));
    if let Some(language) = language {
        node.set_attr("data-lang", &language);
    }
}

fn language(classes: &str) -> Option<String> {
    const PREFIXES: &[&str] = &["language-", "lang-", "highlight-source-", "highlight-", "brush:"];
    const NAMES: &[&str] = &["rust", "python", "javascript", "js", "typescript", "java", "c", "cpp", "go", "ruby", "php", "bash", "sh", "shell", "sql", "json", "yaml", "toml", "xml", "html", "css", "console"];
    let mut named = classes.split_whitespace().filter_map(|class| PREFIXES.iter().find_map(|prefix| class.strip_prefix(prefix)));
    let found = named.find(|name| !name.is_empty()).or_else(|| classes.split_whitespace().find(|class| NAMES.contains(class)))?;
    (!matches!(found, "default" | "none" | "text" | "plaintext" | "notranslate")).then(|| found.to_ascii_lowercase())
}

/// Makes the rows of a table equally long, and takes tables apart that only lay out a page.
fn table(node: &NodeRef<'_>) {
    let rows: Vec<_> = node.descendants().into_iter().filter(|below| below.has_name("tr")).collect();
    let nested = node.descendants_it().any(|below| below.has_name("table"));
    let longest = rows.iter().map(|row| row.element_children().iter().map(span).sum::<usize>()).max().unwrap_or(0);
    if nested || longest < 2 {
        for part in node.descendants().iter().filter(|part| ["tbody", "thead", "tfoot", "tr", "td", "th"].iter().any(|name| part.has_name(name))) {
            part.rename("div");
        }
        return node.rename("div");
    }
    for row in &rows {
        for cell in row.element_children() {
            (1..span(&cell)).for_each(|_| cell.after_html("<td></td>"));
        }
        (row.element_children().len()..longest).for_each(|_| row.append_html("<td></td>"));
    }
}

fn span(cell: &NodeRef<'_>) -> usize {
    cell.attr("colspan").and_then(|span| span.parse().ok()).unwrap_or(1).clamp(1, 20)
}
