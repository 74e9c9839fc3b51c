//! `capstan doctor`

use super::{Common, Done, Failure, table};
use crate::host::doctor::{Diagnosis, DoctorRun};
use clap::Args;

/// Check that every job is in one place, counts equal rows, and files are there
///
/// Exit code 4 when something is wrong.
#[derive(Debug, Args)]
pub(super) struct Doctor {}

impl Doctor {
    pub(super) async fn run(self, common: &Common) -> Done {
        let diagnosis = common.reach().await?.ask(DoctorRun {}).await?;
        common.print(&diagnosis, text)?;
        if diagnosis.findings.is_empty() { Ok(()) } else { Err(Failure::Shown(4)) }
    }
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut lines: Vec<String> = Vec::new();
    for check in &diagnosis.checks {
        let found: Vec<_> = diagnosis.findings.iter().filter(|finding| finding.check == *check).collect();
        lines.push(format!("{} {check}", if found.is_empty() { "ok   " } else { "WRONG" }));
        lines.extend(found.iter().map(|finding| format!("        {}", finding.what)));
    }
    lines.extend(diagnosis.notes.iter().map(|note| format!("note  {note}")));
    let size = |bytes: u64| table::bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
    let disk = format!("disk {} free of {}", size(diagnosis.disk_free), size(diagnosis.disk_size));
    lines.push(format!("\n{}\n{disk}", diagnosis.versions.join(", ")));
    lines.join("\n")
}
