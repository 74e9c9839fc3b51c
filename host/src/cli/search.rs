//! `capstan search`

use super::table::{short, table};
use super::{Common, Done};
use crate::host::search::{Document, Mode, Rebuilt, Results, SearchFind, SearchRebuild};
use clap::{Args, ValueEnum};

/// Find documents by what they say
#[derive(Debug, Args)]
#[command(after_help = "Words are found in other forms too (run finds running); \"a phrase\" must be there as it is, \
-word must not (write it in quotes of the shell, or behind --). Without either, documents that are near in meaning are found as well, if a handler embeds them.\n\n\
Examples:\n  capstan search who owns a value\n  capstan search '\"borrow checker\" -raw' --tag book --json\n  \
capstan search --rebuild")]
pub(super) struct Search {
    /// What to look for
    #[arg(required_unless_present = "rebuild")]
    words: Vec<String>,
    /// At most so many documents
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Behind so many: the `next` of the page before
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u32,
    /// Which rankings count
    #[arg(long, value_enum, default_value_t)]
    mode: By,
    /// Only documents with this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only documents whose source begins so; may be given several times
    #[arg(long, value_name = "URL")]
    source: Vec<String>,
    /// Only about this subject; may be given several times
    #[arg(long, value_name = "ID")]
    subject: Vec<String>,
    /// Make the index anew from what handlers published
    #[arg(long, conflicts_with = "words")]
    rebuild: bool,
}

/// Which rankings count.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum By {
    /// By words and by meaning
    #[default]
    Hybrid,
    /// By words alone
    Words,
    /// By meaning alone
    Vectors,
}

impl Search {
    pub(super) async fn run(self, common: &Common) -> Done {
        if self.rebuild {
            let rebuilt = common.reach().await?.ask(SearchRebuild {}).await?;
            return common.print(&rebuilt, rebuilt_as);
        }
        let mode = match self.mode {
            By::Hybrid => Mode::Hybrid,
            By::Words => Mode::Words,
            By::Vectors => Mode::Vectors,
        };
        let find = SearchFind {
            words: self.words.join(" "),
            mode,
            subjects: self.subject,
            sources: self.source,
            tags: self.tag,
            after: self.after,
            limit: self.limit,
        };
        let results = common.reach().await?.ask(find).await?;
        common.print(&results, shown)
    }
}

/// Results as people read them.
pub(super) fn shown(results: &Results) -> String {
    let mut text: Vec<String> = results.items.iter().map(document).collect();
    if results.items.is_empty() {
        text.push("nothing was found".to_owned());
    }
    text.extend(results.note.as_ref().map(|note| format!("({note})")));
    text.extend(results.next.map(|next| format!("more: --after {next}")));
    text.join("\n\n")
}

fn document(found: &Document) -> String {
    let title = if found.title.is_empty() { &found.url } else { &found.title };
    let rank = |rank: Option<usize>, by: &str| rank.map(|rank| format!("{by} {rank}"));
    let ranks = [rank(found.by_words, "by words"), rank(found.by_meaning, "by meaning")];
    let ranks: Vec<String> = ranks.into_iter().flatten().collect();
    let heading = if found.heading.is_empty() { String::new() } else { format!("  [{}]", short(&found.heading, 60)) };
    format!(
        "{title}{heading}\n  {}\n  {}\n  subject {}, bytes {}–{}, score {:.4} ({})",
        found.snippet,
        found.url,
        found.subject,
        found.start,
        found.end,
        found.score,
        ranks.join(", ")
    )
}

fn rebuilt_as(rebuilt: &Rebuilt) -> String {
    let mut rows = table(&["documents", "passages", "vectors", "took"]);
    let size = rebuilt.size;
    let took = format!("{} ms", rebuilt.took_ms);
    rows.add_row([size.documents.to_string(), size.passages.to_string(), size.vectors.to_string(), took]);
    rows.to_string()
}
