//! `capstan handler`

use super::table::{bytes, table};
use super::{Common, Done};
use crate::host::handler::{HandlerAdd, HandlerDetail, HandlerInspect, HandlerList};
use crate::rules::enqueue::Subjects;
use clap::Subcommand;
use std::path::PathBuf;

/// The components that do the work
#[derive(Debug, Subcommand)]
pub(super) enum Handler {
    /// List handlers
    List,
    /// Show what a handler is, asks for, takes and makes
    #[command(after_help = "Example:\n  capstan handler inspect normalise")]
    Inspect {
        /// Its name, or the beginning of its digest
        handler: String,
    },
    /// Add a component; from then on it does its kinds
    #[command(after_help = "Example:\n  capstan handler add target/wasm32-wasip2/release/word_count.wasm")]
    Add {
        /// The component (.wasm)
        file: PathBuf,
    },
}

impl Handler {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::List => {
                let page = common.reach().await?.ask(HandlerList {}).await?;
                common.print(&page, |page| {
                    let mut rows = table(&["name", "version", "kinds", "origin", "state", "size", "digest"]);
                    for h in &page.items {
                        let kinds = h.kinds.join(" ");
                        let digest = h.digest.get(..12).unwrap_or(&h.digest);
                        rows.add_row([&h.name, &h.version, &kinds, &h.origin, &h.state, &bytes(h.bytes), digest]);
                    }
                    rows.to_string()
                })
            }
            Self::Inspect { handler } => {
                let detail = common.reach().await?.ask(HandlerInspect { handler }).await?;
                common.print(&detail, inspect)
            }
            Self::Add { file } => {
                let file = std::path::absolute(file)?;
                let detail = common.reach().await?.ask(HandlerAdd { file }).await?;
                common.print(&detail, inspect)
            }
        }
    }
}

fn inspect(detail: &HandlerDetail) -> String {
    let (summary, description) = (&detail.summary, &detail.description);
    let mut text = format!("{} {} ({})", summary.name, summary.version, summary.origin);
    text.push_str(&format!("\n{}\n\ndigest  sha256:{}\nsize    ", description.about, summary.digest));
    text.push_str(&bytes(summary.bytes));
    let kinds = if summary.kinds.is_empty() {
        "nothing now: another handler does its kinds".to_owned()
    } else {
        summary.kinds.join(", ")
    };
    text.push_str(&format!("\ndoes    {kinds}\nasks    {}", asks(description)));
    if let Some(refused) = &detail.refused {
        text.push_str(&format!("\n\nit may not run: {refused}"));
    } else if let Some(grant) = &detail.grant {
        text.push_str(&format!(
            "\n\ngranted by (or by the entry of an earlier version):\n  {}",
            grant.replace('\n', "\n  ")
        ));
    }
    for kind in &description.kinds {
        text.push_str(&format!("\n\nkind {}", kind.kind));
        for (name, schema) in [("payload", &kind.payload), ("config", &kind.config), ("result", &kind.result)] {
            let schema = format!("{schema:#}").replace('\n', "\n  ");
            text.push_str(&format!("\n  {name:<8} {schema}"));
        }
        for artifact in &kind.artifacts {
            text.push_str(&format!("\n  makes    {} ({}): {}", artifact.path, artifact.media_type, artifact.about));
        }
    }
    text
}

/// What a handler asks for, in words.
fn asks(description: &crate::host::handler::Description) -> String {
    let mut words = Vec::new();
    if description.asks.imports {
        words.push("to read the folder of the job's import".to_owned());
    }
    words.extend(description.asks.artifacts.iter().map(|kind| format!("to read what {kind} made about the subject")));
    if description.asks.models {
        words.push("to read the project's model files".to_owned());
    }
    words.extend(description.asks.http.iter().map(|pattern| format!("to send requests: {pattern}")));
    words.extend(description.asks.secrets.iter().map(|name| format!("to have the secret {name} in its requests")));
    words.extend(description.asks.enqueue.iter().map(|entry| match entry.subjects {
        Subjects::Own => format!("to queue jobs of {} about the subject", entry.kind),
        Subjects::Any => format!("to queue jobs of {} about any subject", entry.kind),
    }));
    if words.is_empty() { "for nothing".to_owned() } else { words.join("; ") }
}
