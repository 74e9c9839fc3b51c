//! A web server that does what each test needs, also what no good server does.
//!
//! It answers each connection once, by what the test said about its path, and
//! remembers every request. Streams that never end wait for the client to go. One
//! that listens everywhere is a server for each address of the loopback network,
//! 127.0.0.0/8, which on Linux are all there: so it is many hosts.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What to do about a path.
#[derive(Clone)]
pub(crate) enum Page {
    /// These bytes, head included.
    Raw(Vec<u8>),
    /// The first answer until it was given so often, then the second.
    Heals(usize, Vec<u8>, Vec<u8>),
    /// This head, and then a body of these bytes again and again until the client goes.
    Endless(Vec<u8>),
    /// This head and a byte of the body, and nothing more until the client goes.
    Stalls(Vec<u8>),
    /// Nothing at all until the client goes.
    Silent,
    /// Nothing until the test lets go, then these bytes.
    Held(Vec<u8>),
    /// A 304 for whoever names this etag, and these bytes for others.
    Tagged(&'static str, Vec<u8>),
    /// What this makes of the request; not another one of these.
    Made(Arc<dyn Fn(&Request) -> Page + Send + Sync>),
}

/// A request with everything in it, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The address that was asked for, without the port.
    pub(crate) fn host(&self) -> &str {
        let host = self.headers.iter().find_map(|header| {
            let (name, value) = header.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        host.and_then(|host| host.split(':').next()).unwrap_or_default()
    }

    /// What was asked for there.
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// A request as it came over the wire: the request line and the headers, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: usize,
}

#[derive(Default)]
struct Notes {
    pages: HashMap<String, Page>,
    otherwise: Option<Page>,
    seen: Vec<Seen>,
    let_go: bool,
}

pub(crate) struct Web {
    address: SocketAddr,
    notes: Arc<(Mutex<Notes>, Condvar)>,
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let head: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{head}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A page that is HTML.
pub(crate) fn html(body: &str) -> Vec<u8> {
    answer("200 OK", &["content-type: text/html; charset=utf-8"], body.as_bytes())
}

impl Web {
    pub(crate) fn new(pages: &[(&str, Page)]) -> Self {
        let pages = pages.iter().map(|(path, page)| ((*path).to_owned(), page.clone())).collect();
        Self::listen(Ipv4Addr::LOCALHOST, Notes { pages, ..Notes::default() })
    }

    /// One for every address of this machine, where this makes what each request gets.
    pub(crate) fn everywhere(make: impl Fn(&Request) -> Page + Send + Sync + 'static) -> Self {
        Self::listen(Ipv4Addr::UNSPECIFIED, Notes { otherwise: Some(Page::Made(Arc::new(make))), ..Notes::default() })
    }

    fn listen(at: Ipv4Addr, notes: Notes) -> Self {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::new((Mutex::new(notes), Condvar::new()));
        let shared = Arc::clone(&notes);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let notes = Arc::clone(&shared);
                // A client that goes away in the middle is what some tests want.
                std::thread::spawn(move || drop(serve(&stream, &notes)));
            }
        });
        Self { address, notes }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Put another page there.
    pub(crate) fn put(&self, path: &str, page: Page) {
        self.notes.0.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.notes.0.lock().unwrap().seen.clone()
    }

    /// How many requests there were so far.
    pub(crate) fn requests(&self) -> usize {
        self.notes.0.lock().unwrap().seen.len()
    }

    /// Answer what is held.
    pub(crate) fn let_go(&self) {
        self.notes.0.lock().unwrap().let_go = true;
        self.notes.1.notify_all();
    }

    /// Wait until so many requests have come.
    pub(crate) fn await_requests(&self, wanted: usize) {
        let (notes, more) = &*self.notes;
        let patience = std::time::Duration::from_secs(60);
        let (_seen, waited) =
            more.wait_timeout_while(notes.lock().unwrap(), patience, |notes| notes.seen.len() < wanted).unwrap();
        assert!(!waited.timed_out(), "{wanted} requests did not come");
    }
}

fn serve(mut stream: &TcpStream, notes: &(Mutex<Notes>, Condvar)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        headers.push(header.trim().to_owned());
    }
    let lower: Vec<String> = headers.iter().map(|header| header.to_lowercase()).collect();
    let length = lower.iter().find_map(|header| header.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let page = {
        let mut locked = notes.0.lock().unwrap();
        let seen = Seen { line: line.trim().to_owned(), headers: lower.clone(), body: body.len() };
        locked.seen.push(seen);
        notes.1.notify_all();
        let page = locked.pages.get(&path).or(locked.otherwise.as_ref()).cloned();
        if let Some(Page::Heals(times, ..)) = locked.pages.get_mut(&path) {
            *times = times.saturating_sub(1);
        }
        page
    };
    let page = match page {
        Some(Page::Made(make)) => make(&Request { line: line.trim().to_owned(), headers, body }),
        Some(page) => page,
        None => Page::Raw(answer("404 Not Found", &[], b"no such page")),
    };
    match page {
        Page::Raw(bytes) | Page::Heals(0, _, bytes) | Page::Heals(_, bytes, _) => stream.write_all(&bytes),
        Page::Tagged(tag, bytes) => {
            let same = lower.iter().any(|header| *header == format!("if-none-match: {tag}"));
            let unchanged = answer("304 Not Modified", &[&format!("etag: {tag}")], b"");
            stream.write_all(if same { &unchanged } else { &bytes })
        }
        Page::Endless(head) => {
            stream.write_all(&head)?;
            loop {
                stream.write_all(&[b'x'; 65_536])?;
            }
        }
        Page::Stalls(head) => {
            stream.write_all(&head)?;
            stream.write_all(b"x")?;
            gone(stream)
        }
        Page::Silent => gone(stream),
        Page::Held(bytes) => {
            drop(notes.1.wait_while(notes.0.lock().unwrap(), |notes| !notes.let_go).unwrap());
            stream.write_all(&bytes)
        }
        Page::Made(_) => unreachable!("a page that was made makes none"),
    }
}

/// Wait until the client goes.
fn gone(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest)? > 0 {}
    Ok(())
}
