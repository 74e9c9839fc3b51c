//! `capstan handler`

use super::table::{bytes, table, time};
use super::{Common, Done};
use crate::host::handler::change::{
    HandlerAdd, HandlerDisable, HandlerEnable, HandlerPlaced, HandlerRemove, HandlerRemoved, HandlerRollback,
    HandlerSwap,
};
use crate::host::handler::file::{HandlerExamine, HandlerFile};
use crate::host::handler::{Description, HandlerDetail, HandlerInspect, HandlerList, HandlerSummary};
use crate::host::job::Page;
use crate::host::refusal::Refusal;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// The components that do the work
#[derive(Debug, Subcommand)]
pub(super) enum Handler {
    /// List handlers
    List,
    /// Show what a handler is, asks for, takes and makes; also of a file that was not added
    #[command(
        after_help = "Examples:\n  capstan handler inspect normalise\n  capstan handler inspect ./word_count.wasm"
    )]
    Inspect {
        /// Its name, the beginning of its digest, or a file (with a `/` in its path or the ending .wasm)
        handler: String,
        /// The manifest of a program in a file; by default FILE.json beside FILE.wasm
        #[arg(long, value_name = "JSON")]
        manifest: Option<PathBuf>,
    },
    /// Add a component; from then on it does its kinds, which nothing did before
    #[command(after_help = "Example:\n  capstan handler add target/wasm32-wasip2/release/word_count.wasm --agree")]
    Add {
        /// The component (.wasm)
        file: PathBuf,
        /// The manifest of a program (wasi:cli/command); by default FILE.json beside FILE.wasm
        #[arg(long, value_name = "JSON")]
        manifest: Option<PathBuf>,
        /// Grant what it asks for: an entry is added to capstan.toml
        #[arg(long)]
        agree: bool,
    },
    /// Let a component take over from the handler of its name, while jobs flow
    #[command(after_help = "Example:\n  capstan handler swap target/wasm32-wasip2/release/word_count.wasm")]
    Swap {
        /// The component (.wasm)
        file: PathBuf,
        /// The manifest of a program (wasi:cli/command); by default FILE.json beside FILE.wasm
        #[arg(long, value_name = "JSON")]
        manifest: Option<PathBuf>,
        /// Grant what it asks for beyond what was granted before: an entry is added to capstan.toml
        #[arg(long)]
        agree: bool,
    },
    /// Give kinds back to the version that did them before
    #[command(after_help = "Example:\n  capstan handler rollback word-count")]
    Rollback {
        /// A handler's name (all of its kinds), a kind, or the beginning of a digest
        target: String,
    },
    /// Let nobody use a handler: jobs of its kinds stay queued
    #[command(after_help = "Example:\n  capstan handler disable word-count")]
    Disable {
        /// Its name, or the beginning of its digest
        handler: String,
    },
    /// Let a handler be used again
    #[command(after_help = "Example:\n  capstan handler enable word-count")]
    Enable {
        /// Its name, or the beginning of its digest
        handler: String,
    },
    /// Forget a handler that nothing uses, and delete its files; its attempts stay on record
    #[command(after_help = "Example:\n  capstan handler remove 3fd1a2b4c5d6")]
    Remove {
        /// Its name, or the beginning of its digest
        handler: String,
    },
}

impl Handler {
    pub(super) async fn run(self, common: &Common) -> Done {
        let reach = common.reach().await?;
        match self {
            Self::List => common.print(&reach.ask(HandlerList {}).await?, list),
            Self::Inspect { handler, manifest } if is_file(&handler) => {
                let (file, manifest) = (std::path::absolute(handler)?, absolute(manifest)?);
                common.print(&reach.ask(HandlerExamine { file, manifest }).await?, examined)
            }
            Self::Inspect { manifest: Some(_), handler } => {
                let refusal = Refusal::usage(format!("--manifest goes with a file, and {handler:?} is none"));
                Err(refusal.hint("name the component's file, with a `/` in its path or the ending .wasm").into())
            }
            Self::Inspect { handler, manifest: None } => {
                common.print(&reach.ask(HandlerInspect { handler }).await?, inspect)
            }
            Self::Add { file, manifest, agree } => {
                let (file, manifest) = (std::path::absolute(file)?, absolute(manifest)?);
                common.print(&reach.ask(HandlerAdd { file, manifest, agree }).await?, |placed| {
                    format!("{}\n\n{}", this(placed), inspect(&placed.handler))
                })
            }
            Self::Swap { file, manifest, agree } => {
                let (file, manifest) = (std::path::absolute(file)?, absolute(manifest)?);
                common.print(&reach.ask(HandlerSwap { file, manifest, agree }).await?, this)
            }
            Self::Rollback { target } => common.print(&reach.ask(HandlerRollback { target }).await?, |page| {
                page.items.iter().map(this).collect::<Vec<_>>().join("\n")
            }),
            Self::Disable { handler } => common.print(&reach.ask(HandlerDisable { handler }).await?, states),
            Self::Enable { handler } => common.print(&reach.ask(HandlerEnable { handler }).await?, states),
            Self::Remove { handler } => {
                let removed = reach.ask(HandlerRemove { handler }).await?;
                common.print(&removed, |HandlerRemoved { digest }| format!("removed sha256:{digest}"))
            }
        }
    }
}

fn absolute(path: Option<PathBuf>) -> std::io::Result<Option<PathBuf>> {
    path.map(std::path::absolute).transpose()
}

/// Names and digests have neither dots nor slashes.
fn is_file(text: &str) -> bool {
    text.contains('/') || Path::new(text).extension().is_some_and(|ending| ending == "wasm")
}

fn list(page: &Page<HandlerSummary>) -> String {
    let mut rows = table(&["name", "version", "kinds", "origin", "state", "size", "digest"]);
    for h in &page.items {
        let kinds = h.kinds.join(" ");
        rows.add_row([&h.name, &h.version, &kinds, &h.origin, &h.state, &bytes(h.bytes), start(&h.digest)]);
    }
    let mut text = rows.to_string();
    for handler in &page.items {
        if let Some(word) = standing(handler) {
            text.push_str(&format!("\n{word}"));
        }
    }
    text
}

/// What keeps a handler from being used, in one line.
fn standing(handler: &HandlerSummary) -> Option<String> {
    let HandlerSummary { name, version, digest, .. } = handler;
    match (handler.state.as_str(), &handler.why) {
        ("disabled", _) if handler.kinds.is_empty() => None,
        ("disabled", _) => Some(format!(
            "handler {name} is disabled: {} jobs wait for it; `capstan handler enable {name}` lets them go on",
            handler.held
        )),
        ("broken", why) => {
            Some(format!("handler {name} {version} ({}) is broken: {}", start(digest), why.as_deref().unwrap_or("?")))
        }
        _ => None,
    }
}

fn states(page: &Page<HandlerSummary>) -> String {
    let line = |h: &HandlerSummary| {
        let fallback = || format!("handler {} {} ({}) is {}", h.name, h.version, start(&h.digest), h.state);
        standing(h).unwrap_or_else(fallback)
    };
    page.items.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What does which kinds now, and instead of what.
fn this(placed: &HandlerPlaced) -> String {
    let summary = &placed.handler.summary;
    let mut text = format!("{} {} does {}", summary.name, summary.version, summary.kinds.join(", "));
    if let Some(replaced) = &placed.replaced {
        text.push_str(&format!(" instead of sha256:{}", start(replaced)));
    }
    if let Some(lines) = &placed.granted {
        text.push_str(&format!("\n\nadded to capstan.toml:\n{}", indent(lines)));
    }
    if let Some(refused) = &placed.handler.refused {
        text.push_str(&format!("\n\nit may not run: {refused}"));
    }
    text
}

fn inspect(detail: &HandlerDetail) -> String {
    let summary = &detail.summary;
    let mut text = format!("{} {} ({})", summary.name, summary.version, summary.origin);
    text.push_str(&format!("\n{}\n\ndigest  sha256:{}\nsize    ", detail.description.about, summary.digest));
    text.push_str(&sizes(summary.bytes, detail.compiled_bytes));
    text.push_str(&format!("\nstate   {}", summary.state));
    if let Some(word) = standing(summary) {
        text.push_str(&format!(": {word}"));
    }
    let kinds = if summary.kinds.is_empty() {
        "nothing now: another handler does its kinds".to_owned()
    } else {
        summary.kinds.join(", ")
    };
    text.push_str(&format!("\ndoes    {kinds}\nasks    {}", asks(&detail.asks)));
    for route in &detail.routes {
        let before = route.previous.as_deref().map(|digest| format!(", before it sha256:{}", start(digest)));
        let since = time(crate::rules::time::Timestamp(route.changed_at));
        text.push_str(&format!("\nsince   {since} ({}{})", route.kind, before.unwrap_or_default()));
    }
    if let Some(refused) = &detail.refused {
        text.push_str(&format!("\n\nit may not run: {refused}"));
    } else if let Some(grant) = &detail.grant {
        text.push_str(&format!("\n\ngranted by (or by the entry of an earlier version):\n{}", indent(grant)));
    }
    text.push_str(&surface(Some(&detail.world), &detail.imports, &detail.exports));
    text + &kinds_of(&detail.description)
}

fn examined(file: &HandlerFile) -> String {
    let size = i64::try_from(file.bytes).unwrap_or(i64::MAX);
    let mut text = format!("{}\n\ndigest  sha256:{}\nsize    ", file.file.display(), file.digest);
    text.push_str(&sizes(size, file.compiled_bytes));
    if let Some(description) = &file.description {
        let kinds: Vec<&str> = description.kinds.iter().map(|kind| kind.kind.as_str()).collect();
        let (name, version, about) = (&description.name, &description.version, &description.about);
        text.push_str(&format!("\nname    {name} {version}: {about}\nkinds   {}", kinds.join(", ")));
        text.push_str(&format!("\nasks    {}", asks(&file.asks)));
        if !file.more.is_empty() {
            text.push_str(&format!("\nnew     {}", file.more.join("; ")));
        }
    }
    if let Some(unfit) = &file.unfit {
        text.push_str(&format!("\n\nit cannot be a handler: {unfit}"));
    }
    if let Some(grant) = &file.grant {
        text.push_str(&format!("\n\nto grant it what it asks:\n{}", indent(grant)));
    }
    text.push_str(&surface(file.world.as_deref(), &file.imports, &file.exports));
    text + &file.description.as_ref().map(kinds_of).unwrap_or_default()
}

fn sizes(size: i64, compiled: Option<u64>) -> String {
    let compiled = compiled.map(|size| format!(", compiled {}", bytes(i64::try_from(size).unwrap_or(i64::MAX))));
    format!("{}{}", bytes(size), compiled.unwrap_or_default())
}

fn surface(world: Option<&str>, imports: &[String], exports: &[String]) -> String {
    let world = world.map(|world| format!("\n\nworld   {world}")).unwrap_or_else(|| "\n".to_owned());
    let named =
        |word: &str, names: &[String]| names.iter().map(|name| format!("\n{word:<8}{name}")).collect::<String>();
    world + &named("imports", imports) + &named("exports", exports)
}

fn kinds_of(description: &Description) -> String {
    let mut text = String::new();
    for kind in &description.kinds {
        text.push_str(&format!("\n\nkind {}", kind.kind));
        for (name, schema) in [("payload", &kind.payload), ("config", &kind.config), ("result", &kind.result)] {
            text.push_str(&format!("\n  {name:<8} {}", format!("{schema:#}").replace('\n', "\n  ")));
        }
        for artifact in &kind.artifacts {
            text.push_str(&format!("\n  makes    {} ({}): {}", artifact.path, artifact.media_type, artifact.about));
        }
    }
    text
}

/// What a handler asks for, in words.
fn asks(words: &[String]) -> String {
    if words.is_empty() { "for nothing".to_owned() } else { words.join("; ") }
}

fn indent(lines: &str) -> String {
    format!("  {}", lines.replace('\n', "\n  "))
}

/// The beginning of a digest, enough to name it.
fn start(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
