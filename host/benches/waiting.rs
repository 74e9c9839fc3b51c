//! What an attempt costs that waits for a slow server, a thousand of them at once, and whether the host still answers.
//!
//! `cargo bench -p capstan --bench waiting`; `CAPSTAN_BENCH_WAITING` sets the number of attempts (default 1,000). The
//! host is the real binary in a process of its own, so that the server, which is in this one, is not counted. Memory is
//! the proportional set size (Pss) of `/proc/PID/smaps_rollup`: all instances of a component map the pages of one
//! memory image, which the resident set size (Rss) counts once for each of them, although they are there once; Pss
//! divides a page by the number of those who map it. Idle is the host after one attempt has been made, so that
//! code and tables that are there once are no part of what an attempt costs.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use capstan::host::handler::change::HandlerAdd;
use capstan::host::job::{JobAdd, JobWait};
use capstan::host::pulse::PulseWait;
use capstan::host::stats::StatsShow;
use capstan::host::{Host, Verb};
use capstan::http::client::say;
use capstan::project::Project;
use capstan::rules::job::State;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// KiB above idle that an attempt may cost.
const MOST_KIB: f64 = 120.0;
/// How long the host may take to answer, in ms.
const LONGEST_MS: f64 = 50.0;

fn main() {
    let attempts = std::env::var("CAPSTAN_BENCH_WAITING").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    // Each connection is a file here and there.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        measure(attempts, "ingest").await;
        measure(attempts, "outside").await;
    });
}

/// Let attempts of a kind wait, look at the host, and let them end.
async fn measure(attempts: usize, kind: &str) {
    let server = Server::start().await;
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).unwrap();
    let project = project(folder.path(), kind, server.port).await;
    let host = Served::start(&project);
    let socket = project.socket();
    until_it_answers(&socket).await;
    let first = add(&socket, kind, &server.url("now")).await;
    say(&socket, &JobWait { id: first, hold: None }).await.unwrap();
    let idle = Memory::of(&host);

    let began = Instant::now();
    for number in 0..attempts {
        add(&socket, kind, &server.url(&format!("later/{number}"))).await;
    }
    server.waits_for(attempts).await;
    let all_there = began.elapsed();
    let waiting = Memory::of(&host);
    let each = |before: f64, after: f64| (after - before) / number(attempts);
    println!(
        "{attempts} attempts of `{kind}` wait, all of them {:.2} s after the first was added",
        all_there.as_secs_f64()
    );
    println!(
        "  resident (Pss)      {:>8.1} KiB each above idle   (bound {MOST_KIB:.0}; idle {:.0}, then {:.0} KiB; by Rss {:.0} each)",
        each(idle.pss, waiting.pss),
        idle.pss,
        waiting.pss,
        each(idle.rss, waiting.rss),
    );
    let (middle, longest) = answers(&socket, attempts).await;
    println!(
        "  `stats` over the socket   p50 {middle:>6.2} ms   max {longest:>6.2} ms   (bound {LONGEST_MS:.0}; 200 times)"
    );
    let began = Instant::now();
    server.let_go();
    drained(&socket).await;
    let stats = say(&socket, &StatsShow {}).await.unwrap();
    assert_eq!(stats.jobs.get(&State::Completed), Some(&i64::try_from(attempts + 1).unwrap()), "{stats:?}");
    println!("  the server lets go: all completed after {:.2} s", began.elapsed().as_secs_f64());
    host.stop();
}

fn number(count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let number = count as f64;
    number
}

/// A project whose handler of this kind may reach the server.
async fn project(folder: &Path, kind: &str, port: u16) -> Project {
    let (project, _) = Host::create(&folder.join("library")).await.unwrap();
    let text = std::fs::read_to_string(project.config()).unwrap();
    let text = text.replace("ingest = [\"normalise\"]", "");
    let text = text.replace("[\"GET,HEAD *://*:*\"]", &format!("[\"GET http://127.0.0.1:{port}\"]"));
    let mut text = format!("{text}\n[kind.ingest]\nkey = \"none\"\n\n[kind.ingest.config]\ntimeout_s = 600\n");
    if kind == "outside" {
        let host = Host::open(project.clone()).await.unwrap();
        let file = folder.join("outside.wasm");
        std::fs::write(&file, capstan_test_guests::outside()).unwrap();
        let added = HandlerAdd { file, manifest: None, agree: false }.call(&host).await.unwrap();
        host.stop().await.unwrap();
        let granted = added.handler.grant.unwrap().replace("* *://*:*", &format!("GET http://127.0.0.1:{port}"));
        text.push_str(&format!(
            "\n{granted}\n[secret.harbour]\nheader = \"x-harbour: {{}}\"\nto = []\nenv = \"HARBOUR\"\n"
        ));
    }
    std::fs::write(project.config(), text).unwrap();
    project
}

async fn add(socket: &Path, kind: &str, url: &str) -> i64 {
    let payload: Value = match kind {
        "ingest" => json!({ "url": url }),
        _ => json!({ "strict": true, "send": [{ "url": url, "within_ms": 600_000 }] }),
    };
    say(socket, &JobAdd::new(kind, payload)).await.unwrap().job.id
}

/// The median and the longest of two hundred answers, in ms; all attempts run meanwhile.
async fn answers(socket: &Path, attempts: usize) -> (f64, f64) {
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let stats = say(socket, &StatsShow {}).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(stats.jobs.get(&State::Running), Some(&i64::try_from(attempts).unwrap()), "{stats:?}");
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

/// Wait until the host has nothing left to do.
async fn drained(socket: &Path) {
    let mut after = None;
    loop {
        let beat = say(socket, &PulseWait { after }).await.unwrap();
        if beat.is_idle() {
            return;
        }
        after = Some(beat.pulse.commits);
    }
}

async fn until_it_answers(socket: &PathBuf) {
    while tokio::net::UnixStream::connect(socket).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The host in a process of its own.
struct Served(Child);

impl Served {
    fn start(project: &Project) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capstan"));
        // All go to one host name, of which there are four at once otherwise.
        command
            .arg("-C")
            .arg(project.root())
            .args(["serve", "--set", "key.limit=10000"])
            .env("HARBOUR", "not-needed")
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

/// What a process occupies, in KiB.
struct Memory {
    pss: f64,
    rss: f64,
}

impl Memory {
    fn of(host: &Served) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", host.0.id())).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { pss: field("Pss:"), rss: field("Rss:") }
    }
}

/// A server that answers `/now` at once and all else when it is let go.
struct Server {
    port: u16,
    waiting: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            waiting: watch::channel(0).0,
            open: watch::channel(false).0,
        };
        let (waiting, open) = (server.waiting.clone(), server.open.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, waiting.clone(), open.clone()));
            }
        });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    async fn waits_for(&self, attempts: usize) {
        self.waiting.subscribe().wait_for(|waiting| *waiting == attempts).await.unwrap();
    }

    fn let_go(&self) {
        self.open.send_replace(true);
    }
}

async fn answer(mut stream: TcpStream, waiting: watch::Sender<usize>, mut open: watch::Receiver<bool>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
    }
    if !head.starts_with(b"GET /now ") {
        waiting.send_modify(|waiting| *waiting += 1);
        open.wait_for(|open| *open).await.unwrap();
    }
    let body = "<p>at last";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
}
