//! The marked pages on disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// One page and what a person marked in it.
pub struct Page {
    /// The folder it lies in.
    pub genre: String,
    /// Its file name without extension.
    pub name: String,
    /// Where it came from, or empty.
    pub url: String,
    /// The page; bytes that are not UTF-8 are replaced.
    pub html: String,
    /// The text that should be kept.
    pub marked: String,
}

/// Reads `FOLDER/genre/page.{html,txt,url}`, in the order of their names.
///
/// # Errors
///
/// When a folder or a page cannot be read. A page without marked text is left out.
pub fn read(folder: &Path) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for genre in names(folder)? {
        for file in names(&folder.join(&genre))? {
            let path = folder.join(&genre).join(&file);
            let Some(name) = file.strip_suffix(".html") else {
                continue;
            };
            let Ok(marked) = fs::read_to_string(path.with_extension("txt")) else {
                continue;
            };
            let html = fs::read(&path).with_context(|| path.display().to_string())?;
            pages.push(Page {
                genre: genre.clone(),
                name: name.to_owned(),
                url: fs::read_to_string(path.with_extension("url")).unwrap_or_default().trim().to_owned(),
                html: String::from_utf8_lossy(&html).into_owned(),
                marked,
            });
        }
    }
    Ok(pages)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}
