//! Disks that are full or read-only, in a user and mount namespace.
//!
//! Whoever runs as root may write anywhere, whatever the modes say; a small
//! tmpfs and read-only bind mounts hold for root as well. They are seen only by
//! one script and what it starts.

use crate::support::command::{CAPSTAN, Ran};
use crate::support::project::Project;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Shell functions that the steps use.
const HEAD: &str = r#"set -eu
step() { name=$1; shift; code=0; "$@" >"$OUT/$name.out" 2>"$OUT/$name.err" </dev/null || code=$?; echo $code >"$OUT/$name.code"; }
fill() { dd if=/dev/zero of="$DISK/filler" bs=4k 2>/dev/null || true; truncate -s "-$1" "$DISK/filler"; }
free() { rm "$DISK/filler"; }
freeze() { mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; }
thaw() { umount "$1"; }
capstan() { "$CAPSTAN" -C "$LIBRARY" "$@"; }
mount -t tmpfs -o "size=$SIZE" none "$DISK"
cp -a "$TEMPLATE" "$LIBRARY"
"#;

/// A script on a disk of its own: `$DISK`, with a library in `$LIBRARY`.
pub(super) struct Script {
    project: Project,
    text: String,
}

impl Script {
    pub(super) fn new(project: Project) -> Self {
        Self { project, text: HEAD.to_owned() }
    }

    /// Do this; it must work.
    pub(super) fn sh(mut self, line: &str) -> Self {
        writeln!(self.text, "{line}").unwrap();
        self
    }

    /// Run a command about the library, and keep what it says under a name.
    pub(super) fn step(self, name: &str, args: &str) -> Self {
        self.sh(&format!("step {name} capstan {args}"))
    }

    /// What the steps said; nothing where the kernel lets nobody make a namespace.
    pub(super) fn run(self, size: &str) -> Option<Steps> {
        let around = self.project.beside();
        let (disk, out, script) = (around.join("disk"), around.join("out"), around.join("script"));
        fs::create_dir(&disk).unwrap();
        fs::create_dir(&out).unwrap();
        fs::write(&script, &self.text).unwrap();
        if !is_permitted() {
            return None;
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["-Urm", "bash"]).arg(&script).env("SIZE", size).env("CAPSTAN", CAPSTAN);
        unshare.env("DISK", &disk).env("OUT", &out).env("TEMPLATE", self.project.root());
        unshare.env("LIBRARY", disk.join("library")).env_remove("CAPSTAN_LOG");
        let done = unshare.output().unwrap();
        assert!(done.status.success(), "{}\n{}", self.text, String::from_utf8_lossy(&done.stderr));
        Some(Steps { ran: read(&out) })
    }
}

/// What each step said.
pub(super) struct Steps {
    ran: BTreeMap<String, Ran>,
}

impl Steps {
    #[track_caller]
    pub(super) fn of(&self, name: &str) -> Ran {
        self.ran.get(name).unwrap_or_else(|| panic!("there is no step {name}: {:?}", self.ran.keys())).clone()
    }
}

fn read(out: &Path) -> BTreeMap<String, Ran> {
    let text = |name: &str, what: &str| fs::read_to_string(out.join(format!("{name}.{what}"))).unwrap();
    let names = fs::read_dir(out).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".code").map(str::to_owned)
    });
    names
        .map(|name| {
            let code = text(&name, "code").trim().parse().ok();
            let ran = Ran { code, signal: None, out: text(&name, "out"), err: text(&name, "err") };
            (name, ran)
        })
        .collect()
}

/// Whether a namespace can be made. Where tests must not be left out it has to be.
fn is_permitted() -> bool {
    let tried = Command::new("unshare").args(["-Urm", "true"]).output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let text = format!("this test needs user namespaces (`unshare -Urm true`), and there are none: {why}");
    assert!(std::env::var_os("CI").is_none(), "{text}");
    eprintln!("LEFT OUT: {text}");
    false
}
