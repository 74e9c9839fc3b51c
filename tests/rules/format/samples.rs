//! A list of each form, made by hand after what the programs write.

use super::{all, slowly};
use capstan::rules::format::{Entry, Format, HEAD, Place, detect};

const SAMPLES: [(Format, &str, &[u8]); 15] = [
    (Format::Netscape, "chrome.html", include_bytes!("../../data/lists/chrome.html")),
    (Format::Netscape, "firefox.html", include_bytes!("../../data/lists/firefox.html")),
    (Format::Netscape, "safari.html", include_bytes!("../../data/lists/safari.html")),
    (Format::Netscape, "edge.html", include_bytes!("../../data/lists/edge.html")),
    (Format::Karakeep, "karakeep.json", include_bytes!("../../data/lists/karakeep.json")),
    (Format::Linkwarden, "linkwarden.json", include_bytes!("../../data/lists/linkwarden.json")),
    (Format::Omnivore, "omnivore.json", include_bytes!("../../data/lists/omnivore.json")),
    (Format::Pocket, "pocket.csv", include_bytes!("../../data/lists/pocket.csv")),
    (Format::Instapaper, "instapaper.csv", include_bytes!("../../data/lists/instapaper.csv")),
    (Format::Readwise, "readwise.csv", include_bytes!("../../data/lists/readwise.csv")),
    (Format::OneTab, "onetab.txt", include_bytes!("../../data/lists/onetab.txt")),
    (Format::Opml, "feeds.opml", include_bytes!("../../data/lists/feeds.opml")),
    (Format::Urls, "urls.txt", include_bytes!("../../data/lists/urls.txt")),
    (Format::Json, "bookmarks.json", include_bytes!("../../data/lists/bookmarks.json")),
    (Format::Csv, "any.csv", include_bytes!("../../data/lists/any.csv")),
];

fn sample(name: &str) -> (Format, &'static [u8]) {
    let (format, _, list) = SAMPLES.iter().find(|(_, sample, _)| *sample == name).unwrap();
    (*format, list)
}

fn told(name: &str) -> (Vec<Entry>, Vec<String>) {
    let (format, list) = sample(name);
    let outcome = all(format, list);
    assert_eq!(outcome.unreadable, None);
    let said = outcome.said();
    (outcome.entries, said)
}

fn entry(place: Place, url: &str, title: &str, tags: &[&str], added: impl Into<Option<i64>>, note: &str) -> Entry {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let (added_at, lost) = (added.into(), Vec::new());
    Entry { url: url.into(), title: title.into(), tags, added_at, note: note.into(), place, lost }
}

use Place::{Item, Line};

#[test]
fn each_is_known_by_its_beginning_whatever_its_name_is() {
    for (format, name, list) in SAMPLES {
        assert_eq!(detect(&list[..list.len().min(HEAD)], "download.bin"), Some(format), "{name}");
    }
}

#[test]
fn it_does_not_matter_in_which_pieces_a_list_comes() {
    for (format, name, list) in SAMPLES {
        let whole = all(format, list);
        for step in [1, 2, 7, 64] {
            assert_eq!(slowly(format, list, step), whole, "{name} in steps of {step}");
        }
    }
}

#[test]
fn line_ends_of_other_systems_change_nothing() {
    for (format, name, list) in SAMPLES {
        let text = std::str::from_utf8(list).unwrap().replace("\r\n", "\n");
        let (here, there) = (all(format, &text), all(format, text.replace('\n', "\r\n")));
        // A note of two lines keeps its line ends in CSV.
        assert_eq!((here.urls(), here.said()), (there.urls(), there.said()), "{name}");
        assert_eq!(
            here.entries.iter().map(|entry| entry.place).collect::<Vec<_>>(),
            there.entries.iter().map(|entry| entry.place).collect::<Vec<_>>()
        );
    }
}

#[test]
fn chrome() {
    let (entries, said) = told("chrome.html");
    assert_eq!(
        entries,
        [
            entry(Line(11), "https://tides.example/table?day=1&month=2", "Tides & times", &[], 1_700_000_100_000, ""),
            entry(Line(14), "https://boats.example/", "Boats", &["Boats"], 1_700_000_201_000, ""),
            entry(Line(17), "http://sails.example/jib", "Jib", &["Boats", "Sails"], None, ""),
            entry(Line(26), "https://last.example/", "Last", &[], 1_700_000_403_000, ""),
        ]
    );
    assert_eq!(
        said,
        [
            "line 20: \"javascript:alert(1)\" is no address of the web: scheme javascript is not fetched",
            "line 24: \"chrome://settings/\" is no address of the web: scheme chrome is not fetched",
            "line 25: \"file:///home/me/notes.html\" is no address of the web: scheme file is not fetched",
        ]
    );
}

#[test]
fn firefox() {
    let (entries, said) = told("firefox.html");
    let note = "Wheels < 3 m, says\n the miller";
    assert_eq!(
        entries,
        [
            entry(Line(13), "https://mill.example/", "The mill", &["tide", "mill house"], 1_600_000_001_000, note),
            entry(Line(19), "https://wind.example/", "Wind", &["Weather"], 1_600_000_005_000, ""),
            entry(Line(23), "https://unfiled.example/", "Unfiled", &[], 1_600_000_008_000, ""),
        ]
    );
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("line 12: \"place:sort=8&maxResults=10\""), "{said:?}");
}

#[test]
fn safari_and_edge() {
    let (entries, said) = told("safari.html");
    assert_eq!(
        entries,
        [
            entry(Line(8), "https://harbour.example/", "Harbour", &[], None, ""),
            entry(Line(12), "https://bread.example/", "Bread", &["Recipes"], None, ""),
            entry(Line(16), "https://later.example/", "Later", &["Reading List"], None, ""),
        ]
    );
    assert_eq!(said, [""; 0]);
    let (entries, said) = told("edge.html");
    assert_eq!(entries, [entry(Line(11), "https://edge.example/", "Edge", &[], 1_650_000_002_000, "")]);
    assert_eq!(said.len(), 1);
}

#[test]
fn karakeep() {
    let (entries, said) = told("karakeep.json");
    let tags = &["marsh", "plants"];
    assert_eq!(
        entries,
        [
            entry(Item(1), "https://marsh.example/salt", "Salt marshes", tags, 1_720_000_000_000, "for the walk"),
            entry(Item(2), "https://bare.example/", "", &[], 1_720_000_001_000, ""),
        ]
    );
    assert_eq!(said, ["item 3: it has no URL", "item 4: it has no URL"]);
}

#[test]
fn linkwarden() {
    let (entries, said) = told("linkwarden.json");
    assert_eq!(
        entries,
        [
            entry(Item(1), "https://locks.example/", "Locks", &["canal"], 1_714_557_600_500, "how locks work"),
            entry(Item(2), "https://charts.example/", "Charts", &["Maps"], 1_580_702_706_000, ""),
        ]
    );
    assert_eq!(said, ["item 3: it has no URL"]);
}

#[test]
fn omnivore() {
    let (entries, said) = told("omnivore.json");
    assert_eq!(entries, [entry(Item(1), "https://fog.example/1", "Fog", &["weather", "sea"], 1_709_528_767_089, "")]);
    assert_eq!(said, ["item 2: it has no URL"]);
}

#[test]
fn the_tables() {
    assert_eq!(
        told("pocket.csv").0,
        [
            entry(Line(2), "https://rowing.example/", "Rowing, slowly", &["sport", "water"], 1_500_000_000_000, ""),
            entry(Line(3), "https://untitled.example/", "https://untitled.example/", &[], 1_500_000_001_000, ""),
        ]
    );
    let note = "He said \"pull\"\nand we did";
    assert_eq!(
        told("instapaper.csv").0,
        [
            entry(Line(2), "https://oars.example/", "Oars", &["wood", "work"], 1_400_000_000_000, note),
            entry(Line(4), "https://knots.example/", "Knots", &["Ropes"], 1_400_000_001_000, ""),
        ]
    );
    assert_eq!(
        told("readwise.csv").0,
        [
            entry(Line(2), "https://moorings.example/", "Moorings", &["quay", "skipper's"], 1_667_709_230_000, ""),
            entry(Line(3), "https://anchors.example/", "Anchors", &[], 1_671_565_620_442, ""),
        ]
    );
    let (entries, said) = told("any.csv");
    let tags = &["work", "sea", "a", "b"];
    assert_eq!(entries, [entry(Line(2), "https://pilot.example/", "Pilot", tags, 1_588_741_689_000, "in; out")]);
    assert_eq!(said, ["line 4: it has no URL"]);
}

#[test]
fn onetab() {
    let (entries, said) = told("onetab.txt");
    assert_eq!(
        entries,
        [
            entry(Line(1), "https://one.example/", "One | and a half", &[], None, ""),
            entry(Line(2), "https://two.example/", "Two", &[], None, ""),
            entry(Line(5), "https://three.example/", "", &[], None, ""),
        ]
    );
    assert_eq!(said, ["line 4: \"about:blank\" is no address of the web: scheme about is not fetched"]);
}

#[test]
fn outlines() {
    let (entries, said) = told("feeds.opml");
    let tags = &["News", "Local", "coast/parish", "village"];
    assert_eq!(
        entries,
        [
            entry(Line(6), "https://gazette.example/", "The Gazette", &["News"], None, ""),
            entry(Line(8), "https://parish.example/rss", "Parish", tags, 1_141_042_188_000, ""),
            entry(Line(11), "http://spec.example/", "Spec", &[], None, "read <it>"),
        ]
    );
    assert_eq!(said, ["line 13: it has no URL"]);
}

#[test]
fn urls_and_json() {
    let (entries, said) = told("urls.txt");
    assert_eq!(
        entries,
        [
            entry(Line(2), "https://example.org/a", "", &[], None, ""),
            entry(Line(4), "http://example.org/b", "", &[], None, ""),
        ]
    );
    assert_eq!(said[1], "line 6: \"not a url\" is no URL: relative URL without a base");
    assert_eq!(said[2], "line 7: an address of example.org holds a user or a password");
    let (entries, said) = told("bookmarks.json");
    assert_eq!(
        entries,
        [
            entry(Item(1), "https://a.example/", "", &[], None, ""),
            entry(Item(2), "https://b.example/x", "B", &["t", "u"], 1_609_545_600_000, "n"),
            entry(Item(5), "https://d.example/", "", &["one", "two"], 1_609_556_645_000, ""),
        ]
    );
    assert_eq!(said, ["item 3: it has no URL", "item 4: it has no URL"]);
}
