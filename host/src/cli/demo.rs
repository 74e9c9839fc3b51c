//! `capstan demo`

use super::reach::Reach;
use super::{Common, Done, Failure, artifact, run, search};
use crate::host::Host;
use crate::host::artifact::{ArtifactFilter, ArtifactList, ArtifactRow};
use crate::host::import::ImportStart;
use crate::host::job::Page;
use crate::host::refusal::Refusal;
use crate::host::search::{Results, SearchFind};
use crate::host::stats::StatsShow;
use clap::Args;
use include_dir::{Dir, include_dir};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The pages that the program brings along.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/pages");
/// Pages that a demo takes at most.
const MOST: u64 = 200;
/// Rows of the table at the end.
const ROWS: u32 = 6;
/// Documents that the search at the end shows.
const FOUND: u32 = 3;
/// What is asked of the documentation of Rust, and of the pages that come with the program.
const QUESTION: &str = "when is a value dropped";

/// Show it all on real pages, in a temporary project that is kept
///
/// Without a folder it takes the documentation that rustup installed, else the
/// pages that the program brings along; 200 pages at most.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  capstan demo\n  capstan demo ~/pages")]
pub(super) struct Demo {
    /// A folder with pages
    folder: Option<PathBuf>,
}

/// What is left of a demo, as data.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    page: Page<ArtifactRow>,
    #[serde(rename = "search")]
    results: Results,
}

impl Demo {
    pub(super) async fn run(self, common: &Common) -> Done {
        let is_own = self.folder.is_some();
        let pages = match self.folder {
            Some(named) => Some(existing(&named)?),
            None => installed_docs(),
        };
        let project = folder()?;
        let pages = match pages {
            Some(pages) => pages,
            None => bring_along(&project)?,
        };
        let library = project.join("library");
        eprintln!("making a project in {}", library.display());
        let (made, _) = Host::create(&library).await?;
        let reach = Reach::find(made.clone(), common.overrides()?).await?;
        let start = ImportStart { sample: Some(MOST), ..ImportStart::of(pages) };
        let started = reach.say(start).await?;
        eprintln!("importing {} pages of {}", started.import.total, started.import.source);
        let summary = run::work(reach).await?;
        let reach = Reach::find(made, common.overrides()?).await?;
        let filter = ArtifactFilter { kind: Some("normalise".to_owned()), limit: ROWS, ..ArtifactFilter::default() };
        let page = reach.say(ArtifactList { filter }).await?;
        let title = page.items.first().map(|first| first.title.clone()).filter(|title| is_own && !title.is_empty());
        let words = title.unwrap_or_else(|| QUESTION.to_owned());
        let stats = reach.say(StatsShow {}).await?;
        let results = reach.ask(SearchFind { words: words.clone(), limit: FOUND, ..SearchFind::default() }).await?;
        let shown = Shown { page, results };
        common.print(&shown, |Shown { page, results }| {
            format!(
                "{}\n\n{}\n… {} files in all ({}), about {} documents\n\n$ capstan search {words:?}\n{}\n\nlook around: cd {}\n  capstan artifact list\n  capstan job list\n  capstan doctor",
                summary.text(),
                artifact::titles(&page.items),
                stats.artifacts,
                super::table::bytes(stats.artifact_bytes),
                stats.subjects,
                search::shown(results),
                library.display(),
            )
        })
    }
}

/// A folder that was named, before anything is made for it.
fn existing(named: &Path) -> Result<PathBuf, Failure> {
    let refuse = |error| Refusal::usage(format!("folder {}: {error}", named.display()));
    Ok(named.canonicalize().map_err(refuse)?)
}

/// A fresh folder for the demo.
fn folder() -> Result<PathBuf, Failure> {
    let base = std::env::temp_dir();
    for _ in 0..16 {
        let folder = base.join(format!("capstan-demo-{:06x}", fastrand::u32(0..1 << 24)));
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            done => {
                done?;
                return Ok(folder);
            }
        }
    }
    Err(anyhow::anyhow!("no free name for a demo in {}", base.display()).into())
}

/// The documentation that rustup installed for its toolchain.
fn installed_docs() -> Option<PathBuf> {
    let output = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let docs = Path::new(sysroot.trim()).join("share/doc/rust/html");
    docs.join("index.html").is_file().then_some(docs)
}

fn bring_along(project: &Path) -> Result<PathBuf, Failure> {
    let folder = project.join("pages");
    std::fs::create_dir_all(&folder)?;
    PAGES.extract(&folder)?;
    eprintln!("rustup's documentation is not installed: taking the pages that capstan brings along");
    Ok(folder)
}
