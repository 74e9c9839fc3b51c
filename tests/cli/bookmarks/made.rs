//! Bookmarks as a browser exports them, and the web that they are of: many hosts, with the faults of real ones.

use crate::support::web::{Page, Request, Web, answer, html};
use fastrand::Rng;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Hosts; the first of them are the busy ones.
pub(super) const HOSTS: usize = 42;
/// Hosts that refuse every [`REFUSED`]th request with 429 and want a second's rest.
pub(super) const BUSY: usize = 2;
const REFUSED: usize = 8;

/// What a page does until its server heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It is not there.
    Gone,
    /// It answers 500 so often.
    Heals(u32),
    /// It answers nothing.
    Hangs,
}

/// A bookmark of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bookmark {
    /// Its line in the file.
    pub(super) line: u64,
    pub(super) url: String,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) added_at: i64,
    pub(super) fault: Fault,
}

/// A file of bookmarks.
pub(super) struct File {
    pub(super) text: String,
    /// The pages, each once, in order.
    pub(super) pages: Vec<Bookmark>,
    /// Bookmarks of pages that are in it before.
    pub(super) duplicate: usize,
    /// The lines of what is no page.
    pub(super) invalid: Vec<u64>,
}

/// The web that answers.
pub(super) struct Site {
    pub(super) web: Web,
    pub(super) state: Arc<State>,
}

/// What the web remembers beside its requests.
#[derive(Default)]
pub(super) struct State {
    faults: Mutex<HashMap<String, Fault>>,
    /// How often the pages that heal were asked for.
    asked: Mutex<HashMap<String, u32>>,
    /// Requests that the busy hosts saw.
    asked_busy: [AtomicUsize; BUSY],
    /// How often they did not.
    pub(super) refused: [AtomicUsize; BUSY],
    /// Whether all is well.
    pub(super) is_well: AtomicBool,
}

/// The address of a host, by its number.
pub(super) fn host(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(number).unwrap())
}

impl Site {
    pub(super) fn new() -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        Self { web: Web::everywhere(move |request| shared.answer(request)), state }
    }

    /// What a handler that may get all of its pages, and those of one host more, is granted: each host by its address.
    pub(super) fn grants(&self) -> String {
        let hosts: Vec<String> =
            (0..=HOSTS).map(|n| format!("\"GET http://{}:{}\"", host(n), self.web.port())).collect();
        hosts.join(", ")
    }

    /// So many bookmarks of its pages: of a hundred one is there twice, and of two hundred one is no page.
    pub(super) fn bookmarks(&self, number: usize, random: &mut Rng) -> File {
        let (duplicate, invalid) = (number / 100, number / 200);
        let pages = number - duplicate - invalid;
        let mut kinds: Vec<Option<Fault>> = faults(pages).into_iter().map(Some).chain(vec![None; invalid]).collect();
        random.shuffle(&mut kinds);
        let mut writer = Writer::new(self.web.port());
        for kind in kinds {
            writer.wander(random);
            match kind {
                Some(fault) => writer.page(fault, random),
                None => writer.other(random),
            }
        }
        for _ in 0..duplicate {
            writer.again(random);
        }
        let file = writer.finish(duplicate);
        *self.state.faults.lock().unwrap() = file.pages.iter().map(|page| (place(&page.url), page.fault)).collect();
        file
    }
}

/// What becomes of so many pages: 5 % are gone, 2 % heal, 1 % hang.
fn faults(pages: usize) -> Vec<Fault> {
    let (gone, heal, hang) = (pages * 5 / 100, pages * 2 / 100, pages / 100);
    let mut faults = vec![Fault::None; pages - gone - heal - hang];
    faults.extend(vec![Fault::Gone; gone]);
    faults.extend((0..heal).map(|n| if n % 2 == 0 { Fault::Heals(1) } else { Fault::Heals(2) }));
    faults.extend(vec![Fault::Hangs; hang]);
    faults
}

/// The path of an address, which is of one page alone.
fn place(url: &str) -> String {
    url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap()
}

impl State {
    fn answer(&self, request: &Request) -> Page {
        let (host, path) = (request.host(), request.path());
        if let Some(busy) = (0..BUSY).find(|number| host == self::host(*number).to_string())
            && !self.has_time(busy)
        {
            self.refused[busy].fetch_add(1, Ordering::SeqCst);
            return Page::Raw(answer("429 Too Many Requests", &["retry-after: 1"], b""));
        }
        let fault = self.faults.lock().unwrap().get(path).copied();
        let good =
            || Page::Raw(html(&format!("<title>Page {path}</title><p>This page is called {path}, of {host}.</p>")));
        match fault {
            _ if self.is_well.load(Ordering::SeqCst) => good(),
            Some(Fault::Heals(times)) if self.count(path) <= times => {
                Page::Raw(answer("500 Internal Server Error", &[], b"not yet"))
            }
            Some(Fault::None | Fault::Heals(_)) => good(),
            Some(Fault::Hangs) => Page::Silent,
            Some(Fault::Gone) | None => Page::Raw(answer("404 Not Found", &[], b"no such page")),
        }
    }

    fn count(&self, path: &str) -> u32 {
        let mut asked = self.asked.lock().unwrap();
        let times = asked.entry(path.to_owned()).or_default();
        *times += 1;
        *times
    }

    /// Whether a busy host answers this request: all but every [`REFUSED`]th.
    fn has_time(&self, busy: usize) -> bool {
        !(self.asked_busy[busy].fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(REFUSED)
    }
}

const HEAD: &str = "<!DOCTYPE NETSCAPE-Bookmark-file-1>
<!-- This is an automatically generated file.
     It will be read and overwritten.
     DO NOT EDIT! -->
<META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset=UTF-8\">
<TITLE>Bookmarks</TITLE>
<H1>Bookmarks</H1>
<DL><p>
";
const FOLDERS: [&str; 8] = ["Harbour", "Ropes & knots", "Wetter", "Путь", "To read", "Recipes", "Work", "港"];

/// Writes such a file.
struct Writer {
    text: String,
    /// The line that comes next.
    line: u64,
    port: u16,
    folders: Vec<&'static str>,
    pages: Vec<Bookmark>,
    invalid: Vec<u64>,
}

impl Writer {
    fn new(port: u16) -> Self {
        let (pages, invalid) = (Vec::new(), Vec::new());
        let mut writer = Self { text: String::new(), line: 1, port, folders: Vec::new(), pages, invalid };
        HEAD.lines().for_each(|line| writer.put(line));
        writer
    }

    /// Write a line.
    fn put(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.line += 1;
    }

    /// Write a line as deep as the folders are.
    fn within(&mut self, line: &str) {
        self.put(&format!("{}{line}", "    ".repeat(1 + self.folders.len())));
    }

    /// Open a folder or leave one, now and then.
    fn wander(&mut self, random: &mut Rng) {
        match random.u8(0..40) {
            0 | 1 if self.folders.len() < 5 => {
                let name = FOLDERS[random.usize(0..FOLDERS.len())];
                let shown = name.replace('&', "&amp;");
                self.within(&format!("<DT><H3 ADD_DATE=\"1600000000\" LAST_MODIFIED=\"0\">{shown}</H3>"));
                self.within("<DL><p>");
                self.folders.push(name);
            }
            2 | 3 if !self.folders.is_empty() => self.leave(),
            _ => {}
        }
    }

    fn leave(&mut self) {
        self.folders.pop();
        self.within("</DL><p>");
    }

    fn page(&mut self, fault: Fault, random: &mut Rng) {
        let number = self.pages.len() + 1;
        let host = host(random.usize(0..HOSTS));
        let url = format!("http://{host}:{}/{}/{number}.html?a=1&b={number}", self.port, random.alphabetic());
        let (line, added) = (self.line, 1_600_000_000 + i64::try_from(number).unwrap());
        let own = &["tide", "mill house"][..random.usize(0..3)];
        let (href, tags) = (url.replace('&', "&amp;"), own.join(","));
        self.within(&format!(
            "<DT><A HREF=\"{href}\" ADD_DATE=\"{added}\" TAGS=\"{tags}\">The {number}th &lt;page&gt;</A>"
        ));
        let mut tags: Vec<String> = Vec::new();
        for tag in self.folders.iter().chain(own) {
            if !tags.iter().any(|known| known == tag) {
                tags.push((*tag).to_owned());
            }
        }
        let title = format!("The {number}th <page>");
        self.pages.push(Bookmark { line, url, title, tags, added_at: added * 1_000, fault });
    }

    /// Something that browsers keep and that is no page of the web.
    fn other(&mut self, random: &mut Rng) {
        let urls = ["javascript:alert(1)", "file:///home/me/notes.html", "chrome://settings/", "place:sort=8"];
        self.invalid.push(self.line);
        let url = urls[random.usize(0..urls.len())];
        self.within(&format!("<DT><A HREF=\"{url}\" ADD_DATE=\"1600000000\">Not a page</A>"));
    }

    /// A page that is in the file already.
    fn again(&mut self, random: &mut Rng) {
        let url = self.pages[random.usize(0..self.pages.len())].url.replace('&', "&amp;");
        let more = ["#part", "&amp;utm_source=mail", "&amp;fbclid=xyz"][random.usize(0..3)];
        self.within(&format!("<DT><A HREF=\"{url}{more}\" ADD_DATE=\"1600000001\">Once more</A>"));
    }

    fn finish(mut self, duplicate: usize) -> File {
        while !self.folders.is_empty() {
            self.leave();
        }
        self.put("</DL><p>");
        File { text: self.text, pages: self.pages, duplicate, invalid: self.invalid }
    }
}

impl File {
    /// Its pages by their addresses.
    pub(super) fn by_url(&self) -> BTreeMap<&str, &Bookmark> {
        self.pages.iter().map(|page| (page.url.as_str(), page)).collect()
    }

    /// How many of its pages have a fault for good.
    pub(super) fn failing(&self) -> usize {
        self.pages.iter().filter(|page| matches!(page.fault, Fault::Gone | Fault::Hangs)).count()
    }
}
