//! A model behind an OpenAI-compatible API, well and badly, through the real binary.

use super::research::{brief, library};
use crate::support::openai::{Echo, Model, Turn};
use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const QUESTION: &str = r#"{"question": "How is an anchor hauled?"}"#;
pub(super) const KEY: &str = "s3cret-of-the-sage";

/// What the model says well: a finding about the first passage.
fn finding() -> Turn {
    Turn::Says(json!({"findings": [{"text": "By a capstan.", "cites": [1]}], "open": ["By whom?"]}).to_string())
}

/// A library whose questions go to this model, with what the handler is granted beside the default.
fn asking(model: &Model, grant: &str) -> Project {
    let project = library();
    project.paste(&format!("{}\ntimeout_s = 1", model.endpoint("research")));
    project.set("kind.research.retry", "base = \"10ms\"\nmax_attempts = 2");
    let digest = project.json(&["handler", "inspect", "research"])["digest"].as_str().unwrap().to_owned();
    if !grant.is_empty() {
        project.paste(&format!("[[grants]]\nhandler = \"research\"\ndigest = \"sha256:{digest}\"\n{grant}"));
    }
    project
}

fn granted(model: &Model) -> Project {
    asking(model, &format!("http = [\"{}\"]", model.pattern()))
}

/// Ask, work, and see what became of it.
fn asked(project: &Project) -> Value {
    let id = project.add("research", QUESTION);
    project.capstan(&["run"]);
    project.job(id)
}

pub(super) fn outcomes(job: &Value) -> Vec<&str> {
    job["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_model_writes_findings_about_passages_that_it_is_given() {
    let model = Model::new(8, &[finding()]);
    let project = granted(&model);
    let job = asked(&project);
    assert_eq!((outcomes(&job), &job["result"]["method"]), (vec!["done"], &json!("abstractive")), "{job:#}");
    let brief = brief(&project, job["id"].as_i64().unwrap());
    assert_eq!(brief["findings"][0]["text"], "By a capstan.");
    assert!(brief["open"].to_string().contains("By whom?"), "{brief}");
    let sent = &model.asked()[0];
    assert_eq!((&sent.body["stream"], &sent.body["model"]), (&json!(false), &json!("sage")));
    assert!(sent.body.to_string().contains("hauled by a capstan"), "{}", sent.body);
    assert!(job["attempts"][0]["usage"]["tokens"].as_u64().unwrap() > 0, "{job:#}");
    assert!(job["attempts"][0]["usage"]["requests"].as_u64() == Some(1), "{job:#}");
}

#[test]
fn each_bad_answer_ends_in_its_class_and_says_what_it_was() {
    let nowhere =
        Turn::Says(json!({"findings": [{"text": "Out of thin air.", "cites": [99]}], "open": []}).to_string());
    let cases = [
        (vec![Turn::Busy("1"), finding()], vec!["deferred", "done"], ""),
        (vec![Turn::Refuses("500 Internal Server Error"), finding()], vec!["transient", "done"], ""),
        (vec![Turn::Hangs, finding()], vec!["transient", "done"], ""),
        (vec![Turn::Stalls, finding()], vec!["transient", "done"], ""),
        (vec![Turn::Refuses("401 Unauthorized")], vec!["permanent"], "secret"),
        (vec![Turn::Refuses("404 Not Found")], vec!["permanent"], "sage"),
        (vec![Turn::Garbage], vec!["bad-output"], "The model is thinking, come back later."),
        (vec![nowhere], vec!["bad-output"], "Out of thin air."),
    ];
    for (script, ends, says) in cases {
        let model = Model::new(8, &script);
        let project = granted(&model);
        project.set("retry.class.bad-output", "max_attempts = 1");
        let job = asked(&project);
        assert_eq!(outcomes(&job), ends, "{script:?}: {job:#}");
        // Words of the refusal, or the raw answer in the log.
        let id = job["id"].as_i64().unwrap().to_string();
        let logs = project.capstan(&["job", "logs", &id]).ok().out;
        let told = job["error"].to_string() + &logs;
        assert!(told.contains(says), "{script:?}: {told}");
    }
}

#[test]
fn a_model_that_is_not_granted_is_denied_with_the_line_that_would_allow_it() {
    let model = Model::new(8, &[finding()]);
    let job = asked(&asking(&model, ""));
    assert_eq!(job["error"]["class"], "denied", "{job:#}");
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.contains(&format!("http = [\"{}\"]", model.pattern())), "{said}");
    assert_eq!(model.asked(), []);
}

/// Every file below a folder that holds these bytes.
pub(super) fn holding(root: &Path, bytes: &[u8]) -> Vec<String> {
    let files = walkdir::WalkDir::new(root).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let holds = |path: &Path| fs::read(path).unwrap().windows(bytes.len()).any(|part| part == bytes);
    files.filter(|entry| holds(entry.path())).map(|entry| entry.path().display().to_string()).collect()
}

#[test]
fn the_key_reaches_the_model_and_nothing_else_however_it_echoes() {
    for echo in [Echo::Answer, Echo::Garbage, Echo::Refusal] {
        let model = Model::new(8, &[Turn::Echo(echo)]);
        let grant = format!("http = [\"{}\"]\nsecrets = [\"chat\"]", model.pattern());
        let project = asking(&model, &grant);
        project.paste(&format!(
            "[secret.chat]\nheader = \"authorization: Bearer {{}}\"\nto = [\"{}\"]\nenv = \"SAGE_KEY\"",
            model.pattern()
        ));
        project.set("retry.class.bad-output", "max_attempts = 1");
        let id = project.add("research", QUESTION).to_string();
        project.capstan_with("SAGE_KEY", KEY, &["run"]).exits(1);
        let sent = &model.asked()[0].headers;
        assert!(sent.iter().any(|header| header.contains(KEY)), "{sent:?}");
        let logs = project.capstan(&["job", "logs", &id]).ok().out;
        assert!(logs.contains(&"*".repeat(KEY.len())) || echo == Echo::Refusal, "{logs}");
        let told = project.capstan(&["job", "show", &id, "--json"]).ok().out + &logs;
        assert!(!told.contains(KEY), "{echo:?}: {told}");
        assert_eq!(holding(project.root(), KEY.as_bytes()), Vec::<String>::new(), "{echo:?}");
    }
}
