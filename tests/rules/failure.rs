//! What failures have in common, and what tells them apart.

use super::cases;
use capstan::rules::attempt::Class;
use capstan::rules::failure::{
    FINGERPRINT, FRAME, LONGEST, PREFIX, Resolution, Traits, fingerprint, is_prefix, normalise, top_frame,
};
use proptest::prelude::*;

/// Messages, and what they have in common with those like them.
const TABLE: [(&str, &str); 34] = [
    ("https://example.org/a?b=1 answered 404 Not Found", "<url> answered <n> Not Found"),
    ("(see http://[::1]:8080/x.) again", "(see <url>.) again"),
    ("file:///tmp/a%20b, gone", "<url>, gone"),
    ("no field `title` in \"page 7\"", "no field <text> in <text>"),
    ("it's the guest's 3rd try", "it's the guest's <n>rd try"),
    ("key 'a b' and ‘c’ and «d» and “e”", "key <text> and <text> and <text> and <text>"),
    ("an open \"quote", "an open \"quote"),
    ("panicked at src/lib.rs:3:9: no such page", "panicked at <path>: no such page"),
    ("cannot read /imports/part-2/day-002.html: No such file", "cannot read <path>: No such file"),
    ("./x ../y ~/z C:\\dir\\f.txt \\\\host\\share", "<path> <path> <path> <path> <path>"),
    ("part-1/page.html is gone", "<path> is gone"),
    ("wanted text/html and/or input/output", "wanted text/html and/or input/output"),
    ("/ alone, 3/4 and 10/min", "/ alone, <n>/<n> and <n>/min"),
    ("at 2026-01-31T08:00:00Z", "at <time>"),
    ("at 2026-01-31 08:00:00.123+01:00.", "at <time>."),
    ("on 2026-01-31, at 8:05", "on <time>, at <time>"),
    ("on 31.01.2026", "on <time>"),
    ("version 1.2.3 of 4", "version <n> of <n>"),
    ("1,000 or 1_000 or -5 or +5 or 5-6", "<n> or <n> or <n> or <n> or <n>-<n>"),
    ("30s, 10.5ms, 64KiB, x86_64", "<n>s, <n>ms, <n>KiB, x<n>"),
    ("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha<n>:<n>"),
    ("job 550e8400-e29b-41d4-a716-446655440000 is lost", "job <n> is lost"),
    ("at 0x1F, in e3b0c44 but not in facade or deadbeef", "at <n>, in <n> but not in facade or deadbeef"),
    ("a1b2", "a<n>b<n>"),
    ("  two\n\nlines\tand \u{7}bell  ", "two lines and bell"),
    ("limits.cpu = 30s", "limits.cpu = <n>s"),
    ("[1, 2,3]", "[<n>, <n>]"),
    ("{\"a\": 'b'}", "{<text>: <text>}"),
    ("", ""),
    ("Füße und 寿司", "Füße und 寿司"),
    ("٣ and ½", "<n> and <n>"),
    ("a=/tmp/x|b", "a=<path>|b"),
    ("GET https://x.example/y: refused (os error 111)", "GET <url>: refused (os error <n>)"),
    ("attempt 4 of 5 dies", "attempt <n> of <n> dies"),
];

#[test]
fn what_differs_from_job_to_job_is_left_out() {
    for (message, pattern) in TABLE {
        assert_eq!(normalise(message), pattern, "{message:?}");
        assert_eq!(normalise(pattern), pattern, "{message:?}");
    }
}

fn mark(message: &str) -> String {
    fingerprint(&Traits { kind: "k", class: Class::Trap, message, frame: None, digest: None })
}

#[test]
fn a_fingerprint_is_what_the_documentation_says() {
    let traits = Traits { kind: "odd", class: Class::Trap, message: "at 5", frame: Some("f"), digest: Some("d1") };
    let mut bytes = Vec::new();
    for part in ["odd", "trap", "at <n>", "f", "d1"] {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(fingerprint(&traits), hex[..FINGERPRINT]);
}

#[test]
fn each_trait_tells_failures_apart_and_none_can_be_shifted_into_another() {
    let base = Traits { kind: "k", class: Class::Trap, message: "m", frame: Some("f"), digest: Some("d") };
    let others = [
        Traits { kind: "km", message: "", ..base },
        Traits { kind: "l", ..base },
        Traits { class: Class::Timeout, ..base },
        Traits { message: "n", ..base },
        Traits { frame: Some("g"), ..base },
        Traits { frame: None, ..base },
        Traits { frame: Some("fd"), digest: None, ..base },
        Traits { digest: Some("e"), ..base },
    ];
    let mut all: Vec<String> = others.iter().chain([&base]).map(fingerprint).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), others.len() + 1);
}

#[test]
fn the_frame_is_the_first_that_says_something() {
    for (backtrace, frame) in [
        ("app::parse\napp::run", Some("app::parse")),
        ("core::panicking::panic_fmt\ncore::option::unwrap_failed\napp::title\nmain", Some("app::title")),
        ("__rustc::__rust_abort\nstd::process::abort\nabort\nabort_import\nmain", Some("abort_import")),
        ("std::sys::abort_internal", Some("std::sys::abort_internal")),
        ("app::parse::h0123456789abcdef\nx", Some("app::parse")),
        ("parse+0x1f\nx", Some("parse")),
        ("parse @ 0x1f\nx", Some("parse")),
        ("parse (0x1f)\nx", Some("parse")),
        ("app::hash::hello", Some("app::hash::hello")),
        ("\n  \napp::late\n", Some("app::late")),
        ("function 17\nfunction 3", Some("function 17")),
        ("", None),
    ] {
        assert_eq!(top_frame(backtrace).as_deref(), frame, "{backtrace:?}");
    }
    assert_eq!(top_frame(&"é".repeat(FRAME + 1)).map(|name| name.chars().count()), Some(FRAME));
}

#[test]
fn groups_are_named_by_four_hex_digits_or_more() {
    let yes = ["0a9f", "0a9f0a9f0a9f"];
    let no = ["", "0a9", "0a9f0a9f0a9f0", "0A9F", "0a9g", "0a9é"];
    assert!(yes.into_iter().all(is_prefix) && !no.into_iter().any(is_prefix));
    assert_eq!((PREFIX, FINGERPRINT), (4, 12));
}

#[test]
fn resolutions_have_stable_names() {
    for resolution in Resolution::ALL {
        assert_eq!(serde_json::to_value(resolution).unwrap(), resolution.name());
        assert_eq!(
            (Resolution::parse(resolution.name()), resolution.to_string()),
            (Some(resolution), resolution.name().into())
        );
    }
    assert_eq!(Resolution::parse("open"), None);
}

#[test]
fn a_message_that_is_made_to_be_slow_is_read_in_part() {
    for evil in
        ["'a ".repeat(100_000), "\"".repeat(99_999), "a'".repeat(100_000), "1".repeat(100_000), "/a".repeat(50_000)]
    {
        assert!(normalise(&evil).chars().count() <= LONGEST);
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn normalising_is_bounded_and_leaves_what_it_made(message in any::<String>()) {
        let once = normalise(&message);
        prop_assert!(once.chars().count() <= LONGEST);
        prop_assert_eq!(normalise(&once), once);
    }

    /// Of what the scanner looks for, in every mixture.
    #[test]
    fn mixtures_are_left_as_they_were_made(message in "[a-f0-9:./\\\\'\"`<>()\\-T ,_=‘’é]{0,60}") {
        let once = normalise(&message);
        prop_assert_eq!(normalise(&once), once.clone(), "{:?}", once);
        prop_assert!(!once.contains(|c: char| c.is_ascii_digit()), "{:?}", once);
    }

    #[test]
    fn messages_that_differ_only_in_what_varies_are_one_group(
        number in (any::<u64>(), any::<u64>()),
        digest in ("[0-9a-f]{32}", "[0-9a-f]{64}"),
        uuid in ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        text in ("[^\"]{0,40}", "[^\"]{0,40}"),
        url in ("https?://[a-z]{1,9}\\.[a-z]{2,3}(:[0-9]{2,4})?(/[a-zA-Z0-9_%=&?~-]{0,9}){0,4}", "ftp://[a-z]{1,9}/[a-z0-9]{0,9}"),
        path in ("(/[a-zA-Z0-9_-]{1,9}){1,5}(\\.[a-z]{1,4})?", "(/[a-z0-9]{1,5}){2,5}"),
        time in ((0_i64..4_000_000_000), (0_i64..4_000_000_000)),
        frame in proptest::option::of("[a-z:]{1,12}"),
    ) {
        // A digest without a digit or without a letter may be anything.
        let is_mixed = |d: &String| d.contains(|c: char| c.is_ascii_digit()) && d.contains(|c: char| c.is_ascii_alphabetic());
        prop_assume!(is_mixed(&digest.0) && is_mixed(&digest.1));
        let at = |ms: i64| capstan::rules::time::Timestamp(ms * 1_000).rfc3339();
        let say = |n: u64, digest: &str, uuid: &str, text: &str, url: &str, path: &str, time: i64| {
            let message = format!("{n} of {digest} ({uuid}) said \"{text}\" of {url} in {path}: at {}", at(time));
            fingerprint(&Traits { kind: "k", class: Class::Trap, message: &message, frame: frame.as_deref(), digest: None })
        };
        let one = say(number.0, &digest.0, &uuid.0, &text.0, &url.0, &path.0, time.0);
        let other = say(number.1, &digest.1, &uuid.1, &text.1, &url.1, &path.1, time.1);
        prop_assert!(is_prefix(&one));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn words_tell_messages_apart(one in "[g-z]{1,8}( [g-z]{1,8}){0,5}", other in "[g-z]{1,8}( [g-z]{1,8}){0,5}") {
        prop_assert_eq!(mark(&one) == mark(&other), one == other);
    }

    #[test]
    fn frames_are_short_and_of_one_line(backtrace in any::<String>()) {
        let frame = top_frame(&backtrace);
        prop_assert!(frame.is_none_or(|frame| !frame.is_empty() && !frame.contains('\n') && frame.chars().count() <= FRAME));
    }
}
