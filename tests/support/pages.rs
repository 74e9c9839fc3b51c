//! Folders of pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small page with something to read on it.
pub(crate) fn page(number: usize) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Harbour log {number}</title></head>\n\
         <body><nav><a href=\"/\">Home</a> <a href=\"/logs\">Logs</a></nav>\n\
         <main><article><h1>Harbour log {number}</h1>\n\
         <p>On day {number} the harbour master wrote down every ship that came in, and how long its crew stood \
         at the capstan until the anchor was up.</p>\n\
         <h2>What was hauled</h2>\n\
         <ul><li>{number} barrels of salted herring</li><li>two coils of rope</li></ul>\n\
         <p>Nobody slipped back a single step: the pawls held, as they had held on every day before day {number}.</p>\n\
         </article></main>\n<footer>Printed by the harbour office</footer></body></html>\n"
    )
}

/// Make a folder with so many pages, some of them in folders below it.
pub(crate) fn folder(at: &Path, pages: usize) -> PathBuf {
    fs::create_dir(at).unwrap();
    for number in 1..=pages {
        let below = at.join(format!("part-{}", number % 3));
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join(format!("day-{number:03}.html")), page(number)).unwrap();
    }
    at.to_owned()
}

/// Real pages: a part of the documentation that rustup installed, where it did.
pub(crate) fn installed_docs(part: &str) -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let docs = Path::new(sysroot.trim()).join("share/doc/rust/html").join(part);
    docs.join("index.html").is_file().then_some(docs)
}
