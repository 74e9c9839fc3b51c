//! The layers of the host, held by reading its sources.
//!
//! What this cannot see: a path that a macro makes, and whether a layer that may
//! be used is used for what it is there for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A layer, what it may use besides itself, and why nothing else.
type Layer = (&'static str, &'static [&'static str], &'static str);

/// What may be used by every layer but `rules`.
const LEAVES: [&str; 5] = ["config", "project", "clock", "crash", "rules"];

const LAYERS: [Layer; 15] = [
    ("rules", &[], "rules are pure: they know nothing of disks, clocks and databases"),
    ("crash", &[], "a point where a test may kill the process needs nothing"),
    ("clock", &["rules"], "clock is a leaf"),
    ("config", &["rules"], "config is a leaf: whoever needs a setting is given it"),
    ("project", &["rules"], "project is a leaf: it knows where things lie, not what they are"),
    ("store", &[], "store knows rows and rules; service joins it with what handler and artifact know"),
    ("artifact", &[], "artifact knows files; service joins it with the store"),
    ("capability", &[], "capability grants and opens; it knows nothing of the queue"),
    ("sandbox", &["capability"], "sandbox runs one attempt; it knows nothing of the store and the queue"),
    ("handler", &["sandbox", "capability"], "handler and store do not know each other; service joins them"),
    ("service", &["handler", "sandbox", "capability", "artifact", "store"], "service is below the facade"),
    (
        "host",
        &["service", "handler", "sandbox", "capability", "artifact", "store"],
        "host is the facade: who speaks for it comes above it",
    ),
    ("http", &["host"], "http says only what the facade can, so that it cannot disagree with cli"),
    ("cli", &["host", "http"], "cli says only what the facade can, so that it cannot disagree with http"),
    ("main", &["cli"], "the binary is thin"),
];

/// A crate, the layers that may name it, and why.
type Owned = (&'static str, &'static [&'static str], &'static str);

const CRATES: [Owned; 9] = [
    ("wasmtime", &["sandbox"], "one place configures and runs guests"),
    ("wasmtime_wasi", &["sandbox"], "one place configures and runs guests"),
    ("sqlx", &["store"], "all SQL is in the store"),
    ("cap_std", &["capability", "sandbox", "artifact", "project"], "only they open folders that guests can reach"),
    ("axum", &["http"], "one layer speaks HTTP"),
    ("hyper", &["http", "sandbox"], "the API and the requests of guests are the two places that speak HTTP"),
    ("clap", &["cli"], "one layer speaks to terminals"),
    ("indicatif", &["cli"], "one layer speaks to terminals"),
    ("comfy_table", &["cli"], "one layer speaks to terminals"),
];

/// What a rule must not touch, since it is to be replayed exactly.
const IMPURE: [&str; 8] =
    ["std::fs", "std::env", "std::process", "Instant::now", "SystemTime", "tokio", "fastrand", "async "];

/// Lines of a file at most.
const LONGEST: usize = 400;

/// A source file: its layer and its lines without comments, tests left out.
struct Source {
    path: String,
    layer: String,
    length: usize,
    raw: Vec<String>,
    code: Vec<String>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let layer = path.split('/').next().unwrap_or(path).trim_end_matches(".rs").to_owned();
        let raw: Vec<String> = text.lines().map(str::to_owned).collect();
        let is_inline_tests =
            |at: usize| raw[at].trim() == "#[cfg(test)]" && raw.get(at + 1).is_some_and(|next| next.ends_with('{'));
        let end = (0..raw.len()).find(|at| is_inline_tests(*at)).unwrap_or(raw.len());
        let code = raw[..end].iter().map(|line| without_comment(line).to_owned()).collect();
        Self { path: path.to_owned(), layer, length: raw.len(), raw, code }
    }

    /// The files that this one includes for its tests only.
    fn test_modules(&self) -> impl Iterator<Item = &str> {
        let pairs = self.raw.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]");
        pairs.filter_map(|pair| pair[1].trim().strip_prefix("mod ")?.strip_suffix(';'))
    }
}

fn without_comment(line: &str) -> &str {
    match line.find("//") {
        // A URL in a text is no comment.
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    }
}

/// The names that follow `crate::` in a text, groups in braces included.
fn used_layers(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(names.insert(first_word(rest))),
            Some(group) => {
                let mut depth = 0_i32;
                let mut is_start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => is_start = true,
                        c if is_start && !c.is_whitespace() => {
                            names.insert(first_word(&group[at..]));
                            is_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

/// Everything that is wrong with a file, each with its reason.
fn wrongs(source: &Source) -> Vec<String> {
    let mut wrongs = Vec::new();
    arrows(source, &mut wrongs);
    for (at, line) in source.code.iter().enumerate() {
        let mut wrong = |why: String| wrongs.push(format!("{}:{}: {why}", source.path, at + 1));
        for (name, layers, why) in CRATES {
            if names(line, name) && !layers.contains(&source.layer.as_str()) {
                wrong(format!("names {name}, which belongs to {}: {why}", layers.join(", ")));
            }
        }
        for impure in IMPURE {
            if source.layer == "rules" && line.contains(impure) {
                wrong(format!("says {:?}: rules get time and randomness as parameters", impure.trim()));
            }
        }
        if line.contains(".unwrap()") || line.contains(".expect(") {
            wrong("may panic: return an error that names the thing and the value".to_owned());
        }
        if names(line, "unsafe") && !is_explained(source, at) {
            wrong("is unsafe without a `// SAFETY:` (or `# Safety`) above it".to_owned());
        }
        let is_writing = ["fs::write", "fs::create", "fs::rename", "fs::remove", "File::create"];
        if line.contains("artifacts()") && source.layer != "artifact" && source.layer != "project" {
            for writing in is_writing.iter().filter(|writing| line.contains(*writing)) {
                wrong(format!("{writing} in the artifacts folder: only artifact writes there"));
            }
        }
    }
    if source.length > LONGEST {
        wrongs.push(format!("{}: {} lines, {LONGEST} at most: split it by noun", source.path, source.length));
    }
    wrongs
}

fn arrows(source: &Source, wrongs: &mut Vec<String>) {
    if source.layer == "lib" {
        return;
    }
    let Some((_, allowed, why)) = LAYERS.iter().find(|(name, ..)| *name == source.layer) else {
        wrongs
            .push(format!("{}: layer {} is in no arrow: add it to LAYERS with its reason", source.path, source.layer));
        return;
    };
    let is_leaf = LEAVES.contains(&source.layer.as_str());
    for used in used_layers(&source.code.join("\n")) {
        let is_known = LAYERS.iter().any(|(name, ..)| *name == used);
        let may =
            used == source.layer || allowed.contains(&used.as_str()) || (!is_leaf && LEAVES.contains(&used.as_str()));
        if is_known && !may {
            wrongs.push(format!("{}: uses crate::{used}: {why}", source.path));
        }
    }
    let climbs = if source.path.contains('/') { "super::super::" } else { "super::" };
    if source.code.iter().any(|line| line.contains(climbs)) {
        wrongs.push(format!("{}: {climbs} hides which layer is meant: write crate::…", source.path));
    }
}

/// Whether the lines just above say why something unsafe is sound.
fn is_explained(source: &Source, at: usize) -> bool {
    let above = source.raw[..at].iter().rev();
    above.take(12).any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
}

fn sources(folder: &Path) -> Vec<Source> {
    let mut paths: Vec<PathBuf> = vec![folder.to_owned()];
    let mut sources = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            sources.push(Source::new(name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    let tests: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| {
            let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            source.test_modules().map(move |module| format!("{folder}/{module}.rs"))
        })
        .collect();
    sources.retain(|source| !tests.contains(&source.path));
    sources
}

#[test]
fn every_arrow_points_the_way_it_was_drawn() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 20, "only {} files were read", sources.len());
    let mut wrongs: Vec<String> = sources.iter().flat_map(wrongs).collect();
    wrongs.sort();
    assert!(wrongs.is_empty(), "\n{}\n", wrongs.join("\n"));
}

#[test]
fn a_crossed_arrow_is_found_however_it_is_written() {
    let crossed = [
        ("handler/mod.rs", "use crate::store::Store;"),
        ("store/job.rs", "fn f() -> crate::handler::X { todo() }"),
        ("rules/job.rs", "use crate::{\n    rules::time,\n    clock::now,\n};"),
        ("cli/job.rs", "use crate::{host::{a, b}, store::Store};"),
        ("http/mod.rs", "use crate::sandbox;"),
        ("artifact/publish.rs", "use crate::store::artifact;"),
        ("capability/fs.rs", "use super::super::service;"),
        ("clock.rs", "use super::store;"),
        ("util.rs", "fn f() {}"),
        ("service/worker.rs", "let row = sqlx::query(\"\");"),
        ("handler/cache.rs", "let engine = wasmtime::Engine::default();"),
        ("rules/retry.rs", "let now = std::time::Instant::now();"),
        ("host.rs", "let x = y.unwrap();"),
        ("project.rs", "let x = unsafe { y() };"),
        ("service/import.rs", "std::fs::write(project.artifacts().join(a), b)?;"),
    ];
    for (path, text) in crossed {
        assert_eq!(wrongs(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_let_through() {
    let fine = [
        ("service/worker.rs", "use crate::{store::Store, handler::Registry, clock};"),
        ("store/job.rs", "// crate::handler is what a comment may name\nuse crate::rules::job;"),
        ("cli/run.rs", "use crate::http::client::Client;\nconst A: &str = \"https://crate.example\";"),
        ("sandbox/engine.rs", "// SAFETY: written by us alone.\nlet x = unsafe { y() };"),
        ("store/view.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { x.unwrap(); }\n}"),
        ("rules/job.rs", "/// Asynchronous words and std::fs in a comment.\nfn f() {}"),
    ];
    for (path, text) in fine {
        assert_eq!(wrongs(&Source::new(path, text)), Vec::<String>::new(), "{path}");
    }
}
