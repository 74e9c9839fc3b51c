//! `capstan artifact`

use super::table::{bytes, more, short, table, time};
use super::{Common, Done, Failure};
use crate::host::artifact::{
    ArtifactFilter, ArtifactList, ArtifactRow, ArtifactShow, ArtifactVerify, SubjectArtifacts, Verified, after,
};
use crate::rules::time::Timestamp;
use clap::Subcommand;

/// What handlers made
#[derive(Debug, Subcommand)]
pub(super) enum Artifact {
    /// List the files of current generations, oldest first
    #[command(after_help = "Example:\n  capstan artifact list --kind normalise --json")]
    List {
        /// Made by this kind
        #[arg(long)]
        kind: Option<String>,
        /// About this subject
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// Behind this one: the `next` of the page before
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show what there is about one subject
    Show {
        /// A subject's id, the beginning of one, or its source (a URL)
        subject: String,
        /// Only of this kind
        #[arg(long)]
        kind: Option<String>,
    },
    /// Compare every file with its recorded checksum; exit code 4 when one differs
    Verify {
        /// About this subject
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// Made by this kind
        #[arg(long)]
        kind: Option<String>,
    },
}

impl Artifact {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List { kind, subject, after: cursor, limit } => {
                let after = cursor.as_deref().map(after).transpose()?;
                let filter = ArtifactFilter { subject, kind, after, limit };
                let page = common.reach().await?.ask(ArtifactList { filter }).await?;
                common.print(&page, |page| format!("{}{}", list(&page.items), more(page.next.as_deref(), "--after")))
            }
            Self::Show { subject, kind } => {
                let shown = common.reach().await?.ask(ArtifactShow { subject, kind }).await?;
                common.print(&shown, show)
            }
            Self::Verify { subject, kind } => {
                let verified = common.reach().await?.ask(ArtifactVerify { subject, kind }).await?;
                common.print(&verified, verify)?;
                if verified.broken.is_empty() { Ok(()) } else { Err(Failure::Shown(4)) }
            }
        }
    }
}

/// Artifacts as a table.
pub(super) fn list(artifacts: &[ArtifactRow]) -> String {
    let mut rows = table(&["job", "kind", "source", "bytes", "path"]);
    for a in artifacts {
        rows.add_row([a.job_id.to_string(), a.kind.clone(), short(&a.source, 60), bytes(a.bytes), a.path.clone()]);
    }
    rows.to_string()
}

fn show(shown: &SubjectArtifacts) -> String {
    let mut text = format!("subject {}\nsource  {}\ntitle   {}", shown.subject, shown.source, shown.title);
    for a in &shown.artifacts {
        let at = time(Timestamp(a.created_at));
        text.push_str(&format!("\n\n{} by {} (job {}, {at})", a.media_type, a.kind, a.job_id));
        text.push_str(&format!(
            "\n  {}\n  {}, sha256 {}",
            shown.project.join(&a.path).display(),
            bytes(a.bytes),
            a.sha256
        ));
    }
    text
}

fn verify(verified: &Verified) -> String {
    let size = indicatif::HumanBytes(verified.bytes);
    let mut text = format!("{} files ({size}) compared, {} differ", verified.files, verified.broken.len());
    for broken in &verified.broken {
        text.push_str(&format!("\n{}: {}", broken.path, broken.what));
    }
    text
}

/// Artifacts by the titles of their subjects.
pub(super) fn titles(artifacts: &[ArtifactRow]) -> String {
    let mut rows = table(&["title", "bytes", "path"]);
    for a in artifacts {
        let title = if a.title.is_empty() { &a.source } else { &a.title };
        rows.add_row([short(title, 50), bytes(a.bytes), a.path.clone()]);
    }
    rows.to_string()
}
