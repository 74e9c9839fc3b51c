//! What lies in a folder.

use std::path::Path;

/// What lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Files to import, relative to the folder, in order.
    pub files: Vec<String>,
    /// Files whose name no handler could open, because it is not UTF-8.
    pub unnameable: u64,
    /// Files with other endings.
    pub other: u64,
    /// Folders and files that could not be read, with the reason.
    pub unreadable: Vec<String>,
}

/// Look through a folder. Hidden files and symbolic links are left out and
/// counted as other.
pub fn look(folder: &Path, extensions: &[String]) -> Found {
    let mut found = Found::default();
    let hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !hidden(entry) || !entry.file_type().is_dir()) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if !entry.file_type().is_file() || hidden(&entry) || !has_ending(entry.path(), extensions) => {
                found.other += 1;
            }
            Ok(entry) => match entry.path().strip_prefix(folder).ok().and_then(Path::to_str) {
                Some(path) => found.files.push(path.to_owned()),
                None => found.unnameable += 1,
            },
            Err(error) => found.unreadable.push(error.to_string()),
        }
    }
    found
}

fn has_ending(path: &Path, extensions: &[String]) -> bool {
    let Some(ending) = path.extension() else { return false };
    extensions.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted))
}
