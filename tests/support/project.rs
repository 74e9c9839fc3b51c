//! Projects in temporary folders.
//!
//! `init` compiles the bundled handlers, which takes seconds; it is done once
//! for each build of the binary, and every test gets a copy.

use super::command::{self, Ran, about, capstan};
use super::serving::Serving;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;
use tempfile::TempDir;

/// A project of its own, gone at the end of the test.
pub(crate) struct Project {
    folder: TempDir,
    root: PathBuf,
}

impl Project {
    /// A project as `init` made it, with a short pipeline: documents are ingested and normalised.
    pub(crate) fn new() -> Self {
        Self::copied(&template("plain", |_| {}))
    }

    /// A project as `init` made it.
    pub(crate) fn whole() -> Self {
        let project = Self::new();
        project.pipeline(WHOLE);
        project
    }

    /// What follows `normalise` from now on, as TOML.
    pub(crate) fn pipeline(&self, followers: &str) {
        follow(&self.root, followers);
    }

    /// A project that also has the handler `odd`, with all that it asks for.
    pub(crate) fn with_odd() -> Self {
        Self::copied(&template("odd", |root| {
            let added = add(root, "odd", capstan_test_guests::odd()).ok().json();
            grant(root, &added);
        }))
    }

    /// A project that also has the handlers `clerk`, with all that it asks for, and `noop`.
    pub(crate) fn with_clerk() -> Self {
        Self::copied(&template("clerk", |root| {
            let added = add(root, "clerk", capstan_test_guests::clerk()).ok().json();
            grant(root, &added);
            add(root, "noop", capstan_test_guests::noop()).ok();
        }))
    }

    /// A project that also has the handler `witness`, with all that it asks for.
    pub(crate) fn with_witness() -> Self {
        Self::copied(&template("witness", |root| {
            let added = add(root, "witness", capstan_test_guests::witness()).ok().json();
            grant(root, &added);
        }))
    }

    /// A copy of a project that no host works on, as it lies there.
    pub(crate) fn copy(&self) -> Self {
        Self::copied(&self.root)
    }

    /// A copy of what is on record, with the same files as artifacts and nothing that was compiled: quick to make,
    /// and good for a look.
    pub(crate) fn record(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("library");
        fs::create_dir(&root).unwrap();
        for name in ["capstan.toml", "imports", "handlers", "models", "artifacts"] {
            link(&self.root.join(name), &root.join(name));
        }
        for name in ["state", "state/compiled", "state/scratch"] {
            fs::create_dir(root.join(name)).unwrap();
            fs::set_permissions(root.join(name), fs::metadata(self.root.join(name)).unwrap().permissions()).unwrap();
        }
        for name in ["capstan.db", "capstan.db-wal", "lock"] {
            if self.root.join("state").join(name).exists() {
                fs::copy(self.root.join("state").join(name), root.join("state").join(name)).unwrap();
            }
        }
        Self { folder, root }
    }

    fn copied(template: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Paths in answers are canonical.
        let root = folder.path().canonicalize().unwrap().join("library");
        copy(template, &root);
        Self { folder, root }
    }

    /// The project folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder around the project, for whatever else a test needs.
    pub(crate) fn beside(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Run a command about the project.
    #[track_caller]
    pub(crate) fn capstan(&self, args: &[&str]) -> Ran {
        command::run(about(&self.root, args))
    }

    /// Run a command with this in the environment.
    #[track_caller]
    pub(crate) fn capstan_with(&self, variable: &str, value: &str, args: &[&str]) -> Ran {
        let mut command = about(&self.root, args);
        command.env(variable, value);
        command::run(command)
    }

    /// The data of a command that works.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.capstan(&[args, &["--json"]].concat()).ok().json()
    }

    /// Add a job; its number.
    #[track_caller]
    pub(crate) fn add(&self, kind: &str, payload: &str) -> i64 {
        self.json(&["job", "add", kind, payload])["id"].as_i64().unwrap()
    }

    /// Everything about a job.
    #[track_caller]
    pub(crate) fn job(&self, id: i64) -> Value {
        self.json(&["job", "show", &id.to_string()])
    }

    /// Start the import of a folder.
    #[track_caller]
    pub(crate) fn import(&self, folder: &Path) -> Value {
        self.json(&["import", "start", folder.to_str().unwrap()])
    }

    /// Add a component as a handler.
    #[track_caller]
    pub(crate) fn handler(&self, name: &str, wasm: &[u8]) -> Ran {
        add(&self.root, name, wasm)
    }

    /// Grant a handler that was just added what it asks for.
    pub(crate) fn grant(&self, added: &Value) {
        grant(&self.root, added);
    }

    /// Add lines to the end of `capstan.toml`, as an operator pastes them.
    pub(crate) fn paste(&self, lines: &str) {
        paste(&self.root, lines);
    }

    /// Put a line below the head of a table of `capstan.toml`, which is added when it is not there.
    pub(crate) fn set(&self, table: &str, line: &str) {
        let path = self.root.join("capstan.toml");
        let text = fs::read_to_string(&path).unwrap();
        let head = format!("[{table}]\n");
        let text = match text.find(&format!("\n{head}")) {
            Some(at) => {
                let (before, after) = text.split_at(at + 1 + head.len());
                format!("{before}{line}\n{after}")
            }
            None => format!("{text}\n{head}{line}\n"),
        };
        fs::write(path, text).unwrap();
    }

    /// Let another process be the host.
    pub(crate) fn serve(&self) -> Serving {
        Serving::start(&self.root, &["serve"])
    }

    /// The first column of what a query finds, read from the database as it lies there.
    pub(crate) fn sql(&self, query: &'static str) -> Vec<i64> {
        let rows = self.query("ro", query);
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The same of a text.
    pub(crate) fn texts(&self, query: &'static str) -> Vec<String> {
        self.query("ro", query).iter().map(|row| row.get(0)).collect()
    }

    /// Every row of every table, as it lies there.
    pub(crate) fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let select = "SELECT tables.name || '|SELECT ' ||
                group_concat('quote(' || columns.name || ')', ' || '','' || ' ORDER BY columns.cid) ||
                ' FROM ' || tables.name || ' ORDER BY 1'
            FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
            WHERE tables.type = 'table' GROUP BY tables.name";
        let rows = |select: String| {
            let (name, query) = select.split_once('|').unwrap();
            let rows = self.query("ro", sqlx::AssertSqlSafe(query.to_owned()));
            (name.to_owned(), rows.iter().map(|row| row.get(0)).collect())
        };
        self.texts(select).into_iter().map(rows).collect()
    }

    /// Change the database behind capstan's back.
    pub(crate) fn execute(&self, statement: &'static str) {
        self.query("rw", statement);
    }

    fn query(&self, mode: &str, text: impl sqlx::SqlSafeStr + Send + Sync + 'static) -> Vec<SqliteRow> {
        let file = format!("sqlite:{}?mode={mode}", self.root.join("state/capstan.db").display());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut conn = sqlx::SqliteConnection::connect(&file).await.unwrap();
            let rows = sqlx::query(text).fetch_all(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            rows
        })
    }

    /// Everything is where it must be, and every file is as it was published.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let diagnosis = self.json(&["doctor"]);
        assert_eq!(diagnosis["findings"], serde_json::json!([]), "{diagnosis}");
        assert_eq!(self.json(&["artifact", "verify"])["broken"], serde_json::json!([]));
    }
}

/// What `init` lets follow `normalise`.
const WHOLE: &str = r#"["summarise", "embed", "analyse", "index"]"#;

fn follow(root: &Path, followers: &str) {
    let path = root.join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("normalise = ")).unwrap();
    fs::write(&path, text.replacen(line, &format!("normalise = {followers}"), 1)).unwrap();
}

/// A made project that is copied; made when there is none of this build of the binary.
fn template(name: &str, finish: fn(&Path)) -> PathBuf {
    // One at a time in this process; another process may make it as well, and the first to name it wins.
    static MAKING: Mutex<()> = Mutex::new(());
    let _alone = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let built = fs::metadata(command::CAPSTAN).unwrap().modified().unwrap();
    let built = built.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = shelf.join(format!("{name}-{built}"));
    if !path.exists() {
        let draft = tempfile::Builder::new().prefix("draft-").tempdir_in(shelf).unwrap();
        let root = draft.path().join("library");
        let mut init = capstan();
        init.arg("init").arg(&root);
        command::run(init).ok();
        follow(&root, "[]");
        finish(&root);
        if fs::rename(&root, &path).is_ok() {
            remove_older(shelf, name, &path);
        }
    }
    path
}

/// Remove what earlier builds of the binary made.
fn remove_older(shelf: &Path, name: &str, newest: &Path) {
    for entry in fs::read_dir(shelf).unwrap() {
        let path = entry.unwrap().path();
        let is_of_name = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}-")));
        if is_of_name && path != newest {
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn add(root: &Path, name: &str, wasm: &[u8]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.wasm"));
    fs::write(&file, wasm).unwrap();
    command::run(about(root, &["handler", "add", file.to_str().unwrap(), "--json"]))
}

fn grant(root: &Path, added: &Value) {
    paste(root, added["grant"].as_str().unwrap());
}

fn paste(root: &Path, lines: &str) {
    let path = root.join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}\n{lines}\n")).unwrap();
}

/// Make a file or a folder whose files are the same ones.
fn link(from: &Path, to: &Path) {
    if !from.is_dir() {
        return fs::hard_link(from, to).unwrap();
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        link(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Copy a folder with its permissions, without the socket that a host left.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if !kind.is_socket() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
