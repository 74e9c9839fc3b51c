//! What is on the disk before what: every fsync on the way of an import.
//!
//! SIGKILL leaves the page cache as it is, so a missing fsync shows only when
//! the power fails. These tests load a library into the binary that writes down
//! each fsync and each rename, and keeps a copy of the write-ahead log as it was
//! at each of its own: a row is on the disk from the first copy that holds it.

use super::library::artifacts;
use crate::support::command::{about, capstan, run};
use crate::support::pages::folder;
use crate::support::project::Project;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One call, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// A file or a folder, and the names in the folder.
    Sync {
        path: PathBuf,
        names: Vec<String>,
    },
    /// The write-ahead log, and what it held.
    Commit {
        log: Vec<u8>,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
}

/// Where calls are written down.
struct Recorder {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Recorder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("fsync.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/shims/fsync.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        let made = cc.args(["-ldl", "-lpthread"]).output();
        let made = made.unwrap_or_else(|error| panic!("this test needs a C compiler, `cc`: {error}"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder, library }
    }

    /// What a command that works does.
    fn calls(&self, mut command: Command) -> Vec<Call> {
        let log = tempfile::Builder::new().tempdir_in(self.folder.path()).unwrap().keep().join("log");
        run({
            command.env("LD_PRELOAD", &self.library).env("SYNC_LOG", &log);
            command
        })
        .ok();
        let text = std::fs::read_to_string(&log).unwrap();
        let calls: Vec<Call> = text.lines().map(|line| call(line, &log)).collect();
        assert!(calls.iter().any(|call| matches!(call, Call::Commit { .. })), "nothing was committed: {text}");
        calls
    }
}

fn call(line: &str, log: &Path) -> Call {
    let parts: Vec<&str> = line.split('\t').collect();
    let [what, first, second] = parts[..] else { panic!("{line}") };
    match what {
        "rename" => Call::Rename { from: first.into(), to: second.into() },
        "sync" if first.ends_with("-wal") => Call::Commit { log: std::fs::read(log.with_extension(second)).unwrap() },
        "sync" => {
            let names = second.split_terminator('|').map(str::to_owned).collect();
            Call::Sync { path: first.into(), names }
        }
        _ => panic!("{line}"),
    }
}

/// The calls of one command, to be asked in order.
struct Calls(Vec<Call>);

impl Calls {
    /// The first call from this one on that fits.
    #[track_caller]
    fn find(&self, from: usize, what: &str, fits: impl Fn(&Call) -> bool) -> usize {
        let found = self.0.iter().skip(from).position(fits);
        from + found.unwrap_or_else(|| panic!("{what} is not there from call {from} on: {:#?}", self.shown()))
    }

    #[track_caller]
    fn sync(&self, from: usize, path: &Path) -> usize {
        self.find(from, &format!("sync of {}", path.display()), |call| is_sync(call, path, None))
    }

    /// A sync of a folder when this name was in it.
    #[track_caller]
    fn sync_with(&self, from: usize, path: &Path) -> usize {
        let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
        self.find(from, &format!("sync of {} with {name}", folder.display()), |call| is_sync(call, folder, Some(name)))
    }

    #[track_caller]
    fn rename_to(&self, path: &Path) -> (usize, PathBuf) {
        let at = self.find(
            0,
            &format!("rename to {}", path.display()),
            |c| matches!(c, Call::Rename { to, .. } if to == path),
        );
        match &self.0[at] {
            Call::Rename { from, .. } => (at, from.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The commit from which on this text is in the database.
    #[track_caller]
    fn commit_of(&self, text: &str) -> usize {
        let holds = |log: &[u8]| log.windows(text.len()).any(|window| window == text.as_bytes());
        self.find(0, &format!("commit of {text}"), |call| matches!(call, Call::Commit { log } if holds(log)))
    }

    fn shown(&self) -> Vec<String> {
        let shown = |call: &Call| match call {
            Call::Sync { path, names } => format!("sync {} {names:?}", path.display()),
            Call::Commit { log } => format!("commit, {} bytes", log.len()),
            Call::Rename { from, to } => format!("rename {} to {}", from.display(), to.display()),
        };
        self.0.iter().map(shown).collect()
    }
}

fn is_sync(call: &Call, wanted: &Path, name: Option<&str>) -> bool {
    match call {
        Call::Sync { path, names } => path == wanted && name.is_none_or(|name| names.iter().any(|n| n == name)),
        _ => false,
    }
}

/// file… → folder of the scratch → rename → kind → subject → shard (→ artifacts/) → commit
#[track_caller]
fn is_published_in_order(calls: &Calls, root: &Path, location: &str, files: &[&str]) {
    let target = root.join(location);
    let (renamed, scratch) = calls.rename_to(&target);
    assert!(scratch.starts_with(root.join("state/scratch")), "{}", scratch.display());
    let written = files.iter().map(|file| calls.sync(0, &scratch.join(file))).max().unwrap();
    let listed = calls.sync(written, &scratch);
    assert!(listed < renamed, "{location} was renamed before its files were on the disk: {:#?}", calls.shown());
    let mut last = renamed;
    let (kind, subject, shard) = {
        let mut above = target.ancestors().skip(1).map(Path::to_owned);
        (above.next().unwrap(), above.next().unwrap(), above.next().unwrap())
    };
    for path in [&target, &kind, &subject] {
        last = calls.sync_with(last, path);
    }
    let shelf = calls.sync_with(0, &shard);
    let committed = calls.commit_of(location);
    assert!(last.max(shelf) < committed, "{location} was committed before it was on the disk: {:#?}", calls.shown());
}

fn import_of(pages: usize) {
    let recorder = Recorder::new();
    let project = Project::new();
    let root = project.root().to_owned();
    let pages = folder(&project.beside().join("pages"), pages);
    let import = Calls(recorder.calls(about(&root, &["import", "start", pages.to_str().unwrap()])));
    let (named, draft) = import.rename_to(&root.join("imports/job_1.json"));
    assert!(import.sync(0, &draft) < named);
    let listed = import.sync_with(named, &root.join("imports/job_1.json"));
    assert!(listed < import.commit_of("imports/job_1.json"), "{:#?}", import.shown());

    let calls = Calls(recorder.calls(about(&root, &["run"])));
    let artifacts = artifacts(&project);
    let rows: Vec<(&str, &str)> = artifacts.iter().map(location).collect();
    let generations = rows.chunk_by(|a, b| a.0 == b.0);
    let mut published = 0;
    for files in generations {
        let names: Vec<&str> = files.iter().map(|(_, file)| *file).collect();
        is_published_in_order(&calls, &root, files[0].0, &names);
        published += 1;
    }
    let renames =
        calls.0.iter().filter(|call| matches!(call, Call::Rename { to, .. } if to.starts_with(root.join("artifacts"))));
    assert_eq!(renames.count(), published);
    assert_eq!(published, project.sql("SELECT lease FROM generation").len());
    project.is_sound();
}

/// The folder of the generation that an artifact lies in, and its name there.
fn location(artifact: &Value) -> (&str, &str) {
    let path = artifact["path"].as_str().unwrap();
    let mark = format!("/g{}/", artifact["generation"]);
    let at = path.find(&mark).unwrap() + mark.len() - 1;
    (&path[..at], &path[at + 1..])
}

#[test]
fn one_page_is_on_the_disk_before_it_is_on_record() {
    import_of(1);
}

#[test]
fn five_pages_are_on_the_disk_before_they_are_on_record() {
    import_of(5);
}

#[test]
fn a_handler_is_on_the_disk_before_it_is_on_record() {
    let recorder = Recorder::new();
    let project = Project::new();
    let file = project.beside().join("noop.wasm");
    std::fs::write(&file, capstan_test_guests::noop()).unwrap();
    let calls = Calls(recorder.calls(about(project.root(), &["handler", "add", file.to_str().unwrap()])));
    let detail = project.json(&["handler", "inspect", "noop"]);
    let digest = detail["digest"].as_str().unwrap();
    let kept = project.root().join(format!("handlers/{digest}.wasm"));
    let (named, draft) = calls.rename_to(&kept);
    assert!(calls.sync(0, &draft) < named);
    assert!(calls.sync_with(named, &kept) < calls.commit_of(digest), "{:#?}", calls.shown());
}

#[test]
fn a_new_project_is_on_the_disk_with_all_its_folders() {
    let recorder = Recorder::new();
    let around = tempfile::tempdir().unwrap();
    let root = around.path().canonicalize().unwrap().join("library");
    let calls = Calls(recorder.calls({
        let mut init = capstan();
        init.arg("init").arg(&root);
        init
    }));
    let (named, draft) = calls.rename_to(&root.join("capstan.toml"));
    assert!(calls.sync(0, &draft) < named);
    for name in ["capstan.toml", "imports", "artifacts", "handlers", "models", "state"] {
        calls.sync_with(named, &root.join(name));
    }
    calls.sync_with(named, &root);
}
