//! Lists in every form, good and broken: what is good comes in whole, what is broken is refused or accounted for item
//! by item, and no list costs more memory than another.

mod form;

use super::refuse::all;
use crate::support::command::Ran;
use crate::support::project::Project;
use crate::support::serving::Serving;
use fastrand::Rng;
use form::{A, B, Cut, FORMS, Form};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const X: &str = "https://x.example/";

/// A project with a list beside it.
struct Desk {
    project: Project,
    list: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let project = Project::new();
        let list = project.beside().join("list.bin");
        Self { project, list }
    }

    fn start(&self, list: impl AsRef<[u8]>, more: &[&str]) -> Ran {
        fs::write(&self.list, list).unwrap();
        self.project.capstan(&[&["import", "start", self.list.to_str().unwrap(), "--json"], more].concat())
    }

    /// It comes in, with so many items that are none.
    #[track_caller]
    fn comes_in(&self, list: impl AsRef<[u8]>, more: &[&str]) -> Value {
        self.start(list, more).ok().json()
    }

    /// It is refused with these words and a hint, and nothing is changed.
    #[track_caller]
    fn is_refused(&self, list: impl AsRef<[u8]>, more: &[&str], words: &[&str]) {
        let before = all(&self.project);
        let ran = self.start(list, more).exits(2);
        assert!(ran.out.is_empty() && ran.err.starts_with("error: "), "{ran:#?}");
        ran.complains(&[words, &["\nhint: "]].concat());
        assert_eq!(all(&self.project), before);
    }

    /// What is told of the items that are none: where each stands, and why.
    fn invalid(&self, import: &Value, form: &Form) -> Vec<(u64, String)> {
        let errors = self.project.json(&["import", "errors", &import["id"].to_string()]);
        let errors = errors["items"].as_array().unwrap().iter();
        let (place, _) = form.place(1);
        let of = |error: &Value| {
            assert_eq!((&error["class"], &error["job"]), (&json!("invalid"), &json!(null)), "{error:#}");
            (error[place].as_u64().unwrap(), error["message"].as_str().unwrap().to_owned())
        };
        errors.map(of).collect()
    }
}

/// Two good items came in, and one between them did not, for this reason.
#[track_caller]
fn only_the_middle_is_invalid(desk: &Desk, form: &Form, import: &Value, words: &str) {
    let counts = ["total", "invalid", "remaining"].map(|count| import[count].as_u64().unwrap());
    assert_eq!(counts, [3, 1, 2], "{}: {import:#}", form.name);
    let told = desk.invalid(import, form);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, form.place(2).1, "{}: {told:?}", form.name);
    assert!(told[0].1.contains(words), "{}: {told:?}", form.name);
}

#[test]
fn each_form_is_known_and_good_items_come_in() {
    let desk = Desk::new();
    for form in &FORMS {
        let items = [(form.item)(A, "Ann"), (form.item)(B, "Bee")];
        let import = desk.comes_in(form.list(&items), &[]);
        assert_eq!((&import["format"], &import["total"]), (&json!(form.name), &json!(2)), "{import:#}");
        let named = desk.comes_in(form.list(&items), &["--format", form.name]);
        assert_eq!((&named["format"], &named["remaining"]), (&json!(form.name), &json!(2)), "{named:#}");
    }
    desk.project.is_sound();
}

#[test]
fn a_list_that_ends_in_the_middle_is_refused_unless_the_part_before_is_wanted() {
    let desk = Desk::new();
    for form in &FORMS {
        let whole = form.around((form.item)(X, "Xavier"));
        let torn = &whole[..whole.find(X).unwrap() + "https://x.exa".len()];
        match form.cut {
            Cut::Torn => {
                let named = ["--format", form.name];
                desk.is_refused(torn, &named, &["it ends in the middle of ", "(1 items were read)", "--partial"]);
                let import = desk.comes_in(torn, &[&named[..], &["--partial"]].concat());
                assert_eq!((&import["total"], &import["invalid"]), (&json!(1), &json!(0)), "{import:#}");
                assert!(import["unreadable"][0].as_str().unwrap().starts_with("it ends in the middle"), "{import:#}");
            }
            Cut::Shorter => {
                let import = desk.comes_in(torn, &["--format", form.name]);
                assert_eq!((&import["total"], &import["remaining"]), (&json!(2), &json!(2)), "{import:#}");
            }
        }
    }
    desk.project.is_sound();
}

#[test]
fn what_is_in_another_encoding_is_told() {
    let desk = Desk::new();
    for form in &FORMS {
        let named = ["--format", form.name];
        // As Latin-1 has it, where UTF-8 is said.
        let bytes = form.around((form.item)("https://x.example/~", "~")).into_bytes();
        let latin: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'~' { 0xe9 } else { byte }).collect();
        let import = desk.comes_in(&latin, &named);
        only_the_middle_is_invalid(&desk, form, &import, "it is no UTF-8");
        desk.is_refused(&latin, &[&named[..], &["--strict"]].concat(), &["it is no UTF-8", "without --strict"]);

        let text = form.around((form.item)(X, "Xavier"));
        let without_mark: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        desk.is_refused(&without_mark, &named, &["its encoding is UTF-16 or UTF-32 without its mark"]);
        desk.is_refused(&without_mark, &[], &["its form is not known", "name it with --format"]);
        let with_mark: Vec<u8> = [0xff, 0xfe].into_iter().chain(without_mark).collect();
        assert_eq!(desk.comes_in(&with_mark, &[])["remaining"], 3);
    }
    desk.project.is_sound();
}

#[test]
fn what_lies_100_000_deep_costs_itself_alone() {
    let desk = Desk::new();
    for form in &FORMS {
        let import = desk.comes_in(form.around((form.deep)(X, 100_000)), &["--format", form.name]);
        let words = match form.cut {
            // What has no depth is long.
            Cut::Shorter => "it is larger than 65536 bytes",
            Cut::Torn => "it is nested deeper than 256",
        };
        only_the_middle_is_invalid(&desk, form, &import, words);
    }
    desk.project.is_sound();
}

#[test]
fn what_is_no_address_of_the_web_is_counted_with_its_place() {
    let desk = Desk::new();
    for form in &FORMS {
        let items = ["javascript:alert(1)", A, "file:///etc/passwd", B].map(|url| (form.item)(url, "T"));
        let import = desk.comes_in(form.list(&items), &["--format", form.name]);
        let counts = ["total", "invalid", "remaining"].map(|count| import[count].as_u64().unwrap());
        assert_eq!(counts, [4, 2, 2], "{}: {import:#}", form.name);
        let told = desk.invalid(&import, form);
        for (at, scheme, (place, message)) in [(1, "javascript", &told[0]), (3, "file", &told[1])] {
            assert_eq!(*place, form.place(at).1, "{}: {message}", form.name);
            assert!(message.ends_with(&format!("scheme {scheme} is not fetched")), "{}: {message}", form.name);
        }
        desk.is_refused(form.list(&items), &["--format", form.name, "--strict"], &["scheme javascript is not fetched"]);
    }
    desk.project.is_sound();
}

#[test]
fn what_is_empty_and_what_is_no_text_is_refused() {
    let desk = Desk::new();
    let mut random = Rng::with_seed(7);
    let binary: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(64 << 10).collect();
    for form in &FORMS {
        let named = ["--format", form.name];
        desk.is_refused("", &named, &["error: list "]);
        desk.is_refused(&binary, &named, &["error: list "]);
        desk.is_refused([0; 4_096], &named, &["its encoding is UTF-16 or UTF-32 without its mark, or it is no text"]);
    }
    desk.is_refused("", &[], &["its form is not known"]);
    desk.is_refused(&binary, &[], &["its form is not known"]);
    desk.is_refused(
        "<html><body><a href='https://a.example/'>A</a></body></html>",
        &[],
        &["its form is not known", "to import a page, name the folder"],
    );
    desk.project.is_sound();
}

/// The most memory that a process ever had, in bytes. What it says can be less than what it said before: the kernel counts
/// pages on each processor, sums them up only for who reads, and keeps a rough figure as the most.
fn peak(host: &Serving) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    1_024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

/// A list of two good items and one between them, which has 100 MB in one line.
fn write_long(form: &Form, to: &Path) {
    let whole = form.around((form.item)("https://x.example/~", "~"));
    // In the title where there is one, for that is what may be long; or else in the address.
    let (before, behind) = whole.rsplit_once('~').unwrap();
    let mut out = BufWriter::new(fs::File::create(to).unwrap());
    out.write_all(before.replace('~', "").as_bytes()).unwrap();
    for _ in 0..100_000 {
        out.write_all(&[b'x'; 1_000]).unwrap();
    }
    out.write_all(behind.replace('~', "").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
fn a_line_of_100_mb_costs_no_more_memory_than_a_short_one() {
    const ROOM: u64 = 64 << 20;
    let desk = Desk::new();
    desk.project.capstan(&["queue", "pause", "ingest"]).ok();
    let host = desk.project.serve();
    desk.comes_in(FORMS[0].around((FORMS[0].item)(X, "")), &[]);
    let idle = peak(&host);
    for form in &FORMS {
        write_long(form, &desk.list);
        let began = std::time::Instant::now();
        let list = desk.list.to_str().unwrap();
        let import = desk.project.json(&["import", "start", list, "--format", form.name]);
        let above = peak(&host).saturating_sub(idle);
        eprintln!("{}: {:.1?}, {} KiB above idle", form.name, began.elapsed(), above >> 10);
        if import["shortened"] == 1 {
            assert_eq!(import["remaining"], 3, "{import:#}");
        } else {
            only_the_middle_is_invalid(&desk, form, &import, "it is larger than 65536 bytes");
        }
        assert!(above <= ROOM, "{}: {above} bytes above {idle}", form.name);
    }
    host.stop().ok();
    desk.project.is_sound();
}
