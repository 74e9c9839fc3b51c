//! What is kept and what is dropped, on small pages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use capstan_normalise::page;

const TEXT: &str = "<p>The pond fills at flood and drains through the wheel at ebb, twice a day, every day.</p>";

fn text(body: &str) -> String {
    page(&format!("<html><body>{body}</body></html>"), "").markdown
}

fn kept(body: &str, part: &str) {
    let text = text(body);
    assert!(text.contains(part), "lost {part:?}: {text}");
}

fn dropped(beside: &str) {
    let text = text(&format!("<div>{TEXT}{TEXT}{beside}</div>"));
    assert!(text.contains("pond fills"), "lost the text");
    assert!(!text.contains("XX"), "kept {beside}: {text}");
}

#[test]
fn what_stands_beside_the_content_goes() {
    for beside in [
        "<nav>XX</nav>",
        "<div role=navigation>XX</div>",
        "<div class='main-menu'>XX</div>",
        "<div id=cookieConsent>XX</div>",
        "<div class='cookie-banner'><p>We use cookies for XX.</p></div>",
        "<div class='related-posts'><h3>Related articles</h3><p>XX</p></div>",
        "<div class='post-share'>XX</div>",
        "<aside>XX</aside>",
        "<div style='display: none'>XX</div>",
        "<div hidden>XX</div>",
        "<footer>XX</footer>",
        "<form>XX</form>",
        "<script>XX</script>",
        "<ul><li><a href=1>XX one</a><li><a href=2>XX two</a><li><a href=3>XX three</a></ul>",
        "<div class=comment><p>A reader thought XX of it, at some length, and wrote it down here.</p></div>",
    ] {
        dropped(beside);
    }
}

#[test]
fn what_is_oddly_named_but_is_the_text_stays() {
    kept(&format!("<div class=sidebar>{TEXT}{TEXT}</div>"), "pond fills");
    let widgets = format!("<div class=widget>{TEXT}</div>").repeat(5);
    kept(&widgets, "pond fills");
    kept(&format!("<form>{TEXT}{TEXT}</form>"), "pond fills");
}

#[test]
fn a_thread_of_comments_stays_whole_when_it_is_the_page() {
    let thread = format!(
        "<h1>Heat</h1><div class=comment>{TEXT}</div><div class=comment>{TEXT}</div><div class=comment><p>Ah!</p></div>"
    );
    kept(&thread, "Ah!");
}

#[test]
fn parts_of_the_text_stay() {
    for part in [
        "<pre><span class=comment>// XX</span></pre>",
        "<aside class=note>XX</aside>",
        "<dl><dt>XX</dt><dd>y</dd></dl>",
        "<table><tr><td>XX</td></tr></table>",
        "<h2>XX</h2><p>Short.</p>",
        "<div class='md:overflow-hidden xl:sidebar'>XX</div>",
        "<div><h3><code><a href=1>A</a>::<a href=2>B</a>(<a href=3>XX</a>)</code></h3></div>",
    ] {
        kept(&format!("<main>{TEXT}{TEXT}{part}{TEXT}</main>"), "XX");
    }
}

#[test]
fn the_article_with_the_title_wins_over_teasers() {
    let teasers = format!("<article>{TEXT}</article>").repeat(6);
    let page = format!("<main><article><h1>Mill</h1>{TEXT}{TEXT}{TEXT}</article>{teasers}</main>");
    let text = text(&page);
    assert_eq!(text.matches("pond fills").count(), 3, "{text}");
}

#[test]
fn an_index_keeps_its_links() {
    kept(
        "<main><h1>Index</h1><ul><li><a href=1>one</a><li><a href=2>two</a><li><a href=3>three</a></ul></main>",
        "three",
    );
}

#[test]
fn a_picture_is_kept_once() {
    let picture = "<img src=a.jpg alt='a wheel'>";
    let text = text(&format!("<main>{TEXT}{picture}{TEXT}{picture}</main>"));
    assert_eq!(text.matches("![a wheel]").count(), 1, "{text}");
}

#[test]
fn an_empty_page_has_no_text() {
    assert_eq!(text("").trim(), "");
    assert_eq!(text("<nav>only</nav>").trim(), "");
}
