//! Which addresses are fetched, and when two are the same.

use crate::rules::cases;
use capstan::rules::format::{Why, canonical, page};
use proptest::prelude::*;

#[test]
fn what_leads_to_the_same_page_has_one_canonical_form() {
    for (one, other) in [
        ("HTTP://Example.ORG:80/Path#part", "http://example.org/Path"),
        ("https://example.org.:443", "https://example.org/"),
        ("https://example.org/?utm_source=a&UTM_medium=b&fbclid=c&gclid=d", "https://example.org/"),
        ("https://example.org/a?", "https://example.org/a"),
        ("https://example.org/a?b=1&utm_id=2&c=%20+3", "https://example.org/a?b=1&c=%20+3"),
        ("  https://example.org/ ", "https://example.org/"),
    ] {
        assert_eq!(canonical(one), other);
    }
}

#[test]
fn what_may_lead_elsewhere_stays() {
    for url in [
        "https://example.org/a/",
        "https://example.org/A?b=2&a=1",
        "https://example.org:8443/?utm=1&gclids=2",
        "http://example.org/",
        "https://[::1]/",
    ] {
        assert_eq!(canonical(url), url);
    }
    for none in ["mailto:me#x", "no url", ""] {
        assert_eq!(canonical(none), none);
    }
}

#[test]
fn only_addresses_of_the_web_without_secrets_are_pages() {
    assert_eq!(page(" https://Example.org/a?utm_source=b#c ").unwrap(), "https://example.org/a?utm_source=b");
    assert_eq!(page(" ").unwrap_err(), Why::NoUrl);
    for scheme in ["javascript", "data", "file", "chrome", "about", "ftp", "place"] {
        let said = page(&format!("{scheme}:x")).unwrap_err().to_string();
        assert!(said.ends_with(&format!("scheme {scheme} is not fetched")), "{said}");
    }
    let said = page("https://me:hunter2@example.org/").unwrap_err();
    assert_eq!(said, Why::Login("example.org".into()));
    assert!(!page("https://me:hunter2@exa mple.org/").unwrap_err().to_string().contains("hunter2"));
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn canonical_is_idempotent_and_keeps_the_host(
        scheme in "(?i)https?",
        host in "([a-zA-Z0-9-]{1,6}\\.){0,2}[a-z]{2,6}\\.{0,3}|[0-9]{1,3}\\.[0-9]{1,3}\\.1\\.1\\.?|\\[::[0-9a-f]{1,4}\\]",
        port in "(:(80|443|8080))?",
        rest in "(/[a-zA-Z0-9%./]{0,8})?(\\?(utm_[a-z]{0,3}=1|gclid|a=[b-d&=?]{0,4}|&|FBCLID=x){0,4})?(#\\PC{0,4})?",
    ) {
        let text = format!("{scheme}://{host}{port}{rest}");
        let once = canonical(&text);
        prop_assert_eq!(&canonical(&once), &once);
        if let Ok(before) = url::Url::parse(&text) {
            let after = url::Url::parse(&once).unwrap();
            let bare = |url: &url::Url| url.host_str().unwrap().trim_end_matches('.').to_owned();
            prop_assert_eq!(bare(&before), bare(&after));
            prop_assert_eq!((before.scheme(), before.path(), before.port()), (after.scheme(), after.path(), after.port()));
        }
    }

    #[test]
    fn canonical_takes_every_text(text in any::<String>()) {
        let once = canonical(&text);
        prop_assert_eq!(&canonical(&once), &once);
        if let Ok(url) = page(&text) {
            prop_assert_eq!(page(&url), Ok(url.clone()));
            prop_assert_eq!(canonical(&url), once);
        }
    }
}
