//! `capstan subject`

use super::table::{bytes, short, table, time};
use super::{Common, Done};
use crate::host::subject::{Subject as Shown, SubjectRemove, SubjectRemoved, SubjectShow};
use crate::rules::time::Timestamp;
use clap::Subcommand;

/// What the work is about: documents
#[derive(Debug, Subcommand)]
pub(super) enum Subject {
    /// Show what each kind made of one
    #[command(after_help = "Example:\n  capstan subject show https://example.org/page --json")]
    Show {
        /// A subject's id, the beginning of one, or its source (a URL)
        subject: String,
    },
    /// Forget what was published about one and remove its files; it leaves the search index too
    #[command(after_help = "Jobs and their history stay. Jobs that are queued about it still run. An import of the \
same source brings it back.\n\nExample:\n  capstan subject remove cb5282be")]
    Remove {
        /// A subject's id, the beginning of one, or its source (a URL)
        subject: String,
    },
}

impl Subject {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Show { subject } => {
                let shown = common.reach().await?.ask(SubjectShow { subject }).await?;
                common.print(&shown, show)
            }
            Self::Remove { subject } => {
                let by = super::job::who();
                let removed = common.reach().await?.ask(SubjectRemove { subject, by }).await?;
                common.print(&removed, gone)
            }
        }
    }
}

fn show(shown: &Shown) -> String {
    let mut rows = table(&["kind", "generation", "job", "files", "bytes", "handler", "published"]);
    for kind in &shown.kinds {
        rows.add_row([
            kind.kind.clone(),
            kind.generation.to_string(),
            kind.job_id.to_string(),
            kind.files.to_string(),
            bytes(kind.bytes),
            short(&kind.digest, 12),
            time(Timestamp(kind.created_at)),
        ]);
    }
    format!("subject {}\nsource  {}\ntitle   {}\n{rows}", shown.subject, shown.source, shown.title)
}

fn gone(removed: &SubjectRemoved) -> String {
    let mut text = format!("subject {} removed: {} generations", removed.subject, removed.generations);
    for left in &removed.left {
        text.push_str(&format!("\nnot removed: {left}"));
    }
    text
}
