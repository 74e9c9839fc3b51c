//! Doctor: is everything where it must be?

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::artifact::generation;
use crate::sandbox::Engine;
use crate::store::{doctor, sqlite};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

/// Recount everything that is kept as a count and look at the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoctorRun {}

/// What the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What was looked at.
    pub checks: Vec<String>,
    /// What is wrong; nothing when all is well.
    pub findings: Vec<Finding>,
    /// Not wrong, but worth knowing.
    pub notes: Vec<String>,
    /// Versions: capstan, engine, schema.
    pub versions: Vec<String>,
    /// Bytes of the project's disk that are free for it.
    #[serde(default)]
    pub disk_free: u64,
    /// Bytes of the project's disk.
    #[serde(default)]
    pub disk_size: u64,
}

/// Free bytes of the disk below which the doctor says so: 1 GiB. A full disk stops the host.
const LITTLE: u64 = 1 << 30;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check that found it.
    pub check: String,
    /// What it is.
    pub what: String,
}

impl Verb for DoctorRun {
    const ROUTE: &'static str = "doctor/run";
    type Reply = Diagnosis;

    async fn call(self, host: &Host) -> Result<Diagnosis, Refusal> {
        let mut diagnosis = Diagnosis {
            checks: doctor::checks().map(str::to_owned).collect(),
            versions: vec![
                format!("capstan {}", env!("CARGO_PKG_VERSION")),
                Engine::version().to_owned(),
                format!("schema {}", sqlite::newest()),
            ],
            ..Diagnosis::default()
        };
        for finding in host.store.check().await? {
            diagnosis.findings.push(Finding { check: finding.check.to_owned(), what: finding.what });
        }
        instances(host, &mut diagnosis).await?;
        generations(host, &mut diagnosis).await?;
        permissions(host, &mut diagnosis);
        disk(host, &mut diagnosis);
        configuration(host, &mut diagnosis);
        Ok(diagnosis)
    }
}

/// Each running row has a live instance.
async fn instances(host: &Host, diagnosis: &mut Diagnosis) -> Result<(), Refusal> {
    let check = "running jobs have a live instance".to_owned();
    for facts in host.store.orphans().await? {
        let id = facts.running.id;
        let is_live = || host.runtime.get().is_some_and(|runtime| runtime.running.stopper(id).is_some());
        // A row may be a moment behind its instance, either way: look twice.
        if !is_live() && host.store.job(id).await?.is_some_and(|job| job.state == crate::rules::job::State::Running) {
            diagnosis.findings.push(Finding { check: check.clone(), what: format!("job {id} has none") });
        }
    }
    diagnosis.checks.push(check);
    Ok(())
}

/// Each known generation lies on the disk; what nobody knows is noted.
async fn generations(host: &Host, diagnosis: &mut Diagnosis) -> Result<(), Refusal> {
    let check = "known generations lie on the disk".to_owned();
    let known = host.store.generations().await?;
    let root = host.project.root().to_owned();
    let mut leases = BTreeSet::new();
    for (lease, location) in known {
        leases.insert(lease);
        if !root.join(&location).is_dir() {
            diagnosis.findings.push(Finding { check: check.clone(), what: format!("{location} is missing") });
        }
    }
    diagnosis.checks.push(check);
    let on_disk = generation::list(host.project.root()).map_err(|error| Refusal::failed(error.to_string()))?;
    let orphans = on_disk.iter().filter(|name| !leases.contains(&name.lease())).count();
    if orphans > 0 {
        diagnosis.notes.push(format!(
            "{orphans} folders below artifacts/ belong to no known generation: a crash left them, nothing reads them"
        ));
    }
    Ok(())
}

/// The disk has room.
fn disk(host: &Host, diagnosis: &mut Diagnosis) {
    match host.project.disk() {
        Ok((free, size)) => {
            (diagnosis.disk_free, diagnosis.disk_size) = (free, size);
            if free < LITTLE {
                let mib = free >> 20;
                diagnosis
                    .notes
                    .push(format!("the disk has {mib} MiB left: when it is full the host stops, and loses nothing"));
            }
        }
        Err(error) => {
            let what = format!("{}: {error}", host.project.root().display());
            diagnosis.findings.push(Finding { check: "the disk can be looked at".to_owned(), what });
        }
    }
    diagnosis.checks.push("the disk can be looked at".to_owned());
}

/// The file on the disk is what holds.
fn configuration(host: &Host, diagnosis: &mut Diagnosis) {
    let check = "capstan.toml is in order".to_owned();
    if let Some(what) = host.config.trouble() {
        let what = format!("what held before it was changed goes on: {what}");
        diagnosis.findings.push(Finding { check: check.clone(), what });
    }
    diagnosis.checks.push(check);
}

fn permissions(host: &Host, diagnosis: &mut Diagnosis) {
    let check = "state/ is the host's alone".to_owned();
    for folder in [host.project.state(), host.project.compiled(), host.project.scratch()] {
        match std::fs::metadata(&folder).map(|meta| meta.mode() & 0o777) {
            Ok(0o700) => {}
            Ok(mode) => diagnosis.findings.push(Finding {
                check: check.clone(),
                what: format!("{} has mode {mode:o}: `chmod 700` it", folder.display()),
            }),
            Err(error) => diagnosis
                .findings
                .push(Finding { check: check.clone(), what: format!("{}: {error}", folder.display()) }),
        }
    }
    diagnosis.checks.push(check);
}
