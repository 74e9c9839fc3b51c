//! Things done to files, permitted and not.

use std::fs::{self, File};
use std::io::Write;

use capstan_sdk::{Failure, Job, OrFail};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Odd;

/// What to do to which files, by the field `do`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Touch {
    /// Answer the text of a file of the import.
    ReadImport {
        /// Relative to the import.
        path: String,
    },
    /// Answer the text of a file of a generation; `null` when there is no generation.
    ReadInput {
        /// Whose generation.
        kind: String,
        /// Relative to the generation.
        path: String,
    },
    /// Answer the text of any file.
    Read {
        /// Absolute.
        path: String,
    },
    /// Answer the names in any folder, sorted.
    List {
        /// Absolute.
        path: String,
    },
    /// Write a text to any file.
    WriteTo {
        /// Absolute.
        path: String,
        /// The text.
        text: String,
    },
    /// Make a folder and those above it.
    MakeFolder {
        /// Absolute.
        path: String,
    },
    /// Remove a file.
    Remove {
        /// Absolute.
        path: String,
    },
    /// Write one file of `bytes` bytes.
    WriteBytes {
        /// How many.
        bytes: u64,
    },
    /// Write `files` empty files.
    WriteFiles {
        /// How many.
        files: u32,
    },
    /// Make folders `depth` deep.
    Nest {
        /// How deep.
        depth: u32,
    },
    /// Make a file with a name of `bytes` letters.
    LongName {
        /// How long.
        bytes: usize,
    },
    /// Make a file of `bytes` bytes without writing them.
    Sparse {
        /// How many.
        bytes: u64,
    },
    /// Open a file `times` times and keep every one open.
    OpenMany {
        /// How often.
        times: u32,
    },
    /// Make a symbolic link.
    Symlink {
        /// Where it points; relative is as to the link.
        target: String,
        /// Absolute; where it is.
        path: String,
    },
    /// Make a second name for a file.
    Hardlink {
        /// Absolute.
        from: String,
        /// Absolute.
        to: String,
    },
    /// Move a file.
    Rename {
        /// Absolute.
        from: String,
        /// Absolute.
        to: String,
    },
}

pub(crate) fn touch(job: &Job<Odd>, touch: &Touch) -> Result<Value, Failure> {
    match touch {
        Touch::ReadImport { path } => return Ok(job.imports()?.read_to_string(path)?.into()),
        Touch::ReadInput { kind, path } => {
            return Ok(job.input(kind).map(|input| input.read_to_string(path)).transpose()?.into());
        }
        Touch::Read { path } => return Ok(fs::read_to_string(path).permanent(path)?.into()),
        Touch::List { path } => return list(path),
        Touch::WriteTo { path, text } => fs::write(path, text).permanent(path)?,
        Touch::MakeFolder { path } => fs::create_dir_all(path).permanent(path)?,
        Touch::Remove { path } => fs::remove_file(path).permanent(path)?,
        Touch::WriteBytes { bytes } => write_bytes(*bytes)?,
        Touch::WriteFiles { files } => {
            for file in 0..*files {
                File::create(format!("/output/{file}")).permanent(format_args!("file {file}"))?;
            }
        }
        Touch::Nest { depth } => nest(*depth)?,
        Touch::LongName { bytes } => drop(File::create(format!("/output/{}", "n".repeat(*bytes)))?),
        Touch::Sparse { bytes } => File::create("/output/sparse")?.set_len(*bytes).permanent("set_len")?,
        Touch::OpenMany { times } => return open_many(*times),
        Touch::Symlink { target, path } => symlink(target, path).permanent(path)?,
        Touch::Hardlink { from, to } => fs::hard_link(from, to).permanent(to)?,
        Touch::Rename { from, to } => fs::rename(from, to).permanent(to)?,
    }
    Ok(Value::Null)
}

fn list(path: &str) -> Result<Value, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).permanent(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(json!(names))
}

fn write_bytes(bytes: u64) -> Result<(), Failure> {
    let mut file = File::create("/output/bytes")?;
    let block = [b'x'; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(block.len()).min(block.len());
        file.write_all(&block[..part]).permanent(format_args!("{left} bytes left"))?;
        left -= part as u64;
    }
    Ok(())
}

fn nest(depth: u32) -> Result<(), Failure> {
    let mut path = "/output".to_owned();
    for level in 0..depth {
        path.push_str("/d");
        fs::create_dir(&path).permanent(format_args!("level {level}"))?;
    }
    Ok(())
}

fn open_many(times: u32) -> Result<Value, Failure> {
    File::create("/output/open")?;
    let mut open = Vec::new();
    for time in 0..times {
        open.push(File::open("/output/open").permanent(format_args!("open number {time}"))?);
    }
    Ok(open.len().into())
}

#[allow(deprecated)] // the only stable name on this target
fn symlink(target: &str, path: &str) -> std::io::Result<()> {
    fs::soft_link(target, path)
}
