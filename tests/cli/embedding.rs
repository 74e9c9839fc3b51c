//! Vectors of a model behind an OpenAI-compatible API, for documents and searches, through the real binary.

use super::model::{KEY, holding, outcomes};
use crate::support::command::{about, run_with};
use crate::support::openai::{Echo, Model, Turn};
use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;

/// Of the fake model's vectors: enough for these pages' words to be apart.
const DIMENSION: usize = 512;

const PAGES: [(&str, &str); 3] = [
    ("anchors", "An anchor is hauled by a capstan. Its pawls keep the chain from slipping back."),
    ("ducks", "Ducks swim on ponds all day. They eat plants and small fish."),
    ("tea", "Tea is made of leaves and hot water. Green tea wants cooler water than black tea does."),
];

/// A project that embeds with this model, with what `embed` is granted beside the default.
fn embedding(model: &Model, grant: &str) -> Project {
    let project = Project::whole();
    project.pipeline(r#"["embed", "index"]"#);
    project.paste(&model.endpoint("embed"));
    project.set("kind.embed.retry", "base = \"10ms\"\nmax_attempts = 2");
    project.set("retry.class.bad-output", "max_attempts = 1");
    let digest = project.json(&["handler", "inspect", "embed"])["digest"].as_str().unwrap().to_owned();
    if !grant.is_empty() {
        project.paste(&format!("[[grants]]\nhandler = \"embed\"\ndigest = \"sha256:{digest}\"\n{grant}"));
    }
    project
}

fn granted(model: &Model) -> Project {
    embedding(model, &format!("http = [\"{}\"]", model.pattern()))
}

/// Start the import of these pages.
fn import(project: &Project, pages: &[(&str, &str)]) {
    let folder = project.beside().join("pages");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in pages {
        let page = format!(
            "<html lang=en><head><title>On {name}</title></head><body><article><h1>On {name}</h1><p>{text}</p></article></body></html>"
        );
        fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
    project.import(&folder);
}

/// The jobs of kind `embed`, the newest first.
fn jobs(project: &Project) -> Vec<Value> {
    let rows = project.json(&["job", "list", "--kind", "embed"])["items"].clone();
    rows.as_array().unwrap().iter().map(|row| project.job(row["id"].as_i64().unwrap())).collect()
}

fn titles(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[test]
fn documents_and_searches_go_to_one_model() {
    let model = Model::new(DIMENSION, &[Turn::Fine]);
    let project = granted(&model);
    import(&project, &PAGES);
    project.capstan(&["run"]).ok();
    for job in jobs(&project) {
        assert_eq!((outcomes(&job), &job["result"]["model"]["name"]), (vec!["done"], &json!("sage")), "{job:#}");
        assert_eq!(job["result"]["dimension"], DIMENSION, "{job:#}");
        let usage = &job["attempts"][0]["usage"];
        assert!(usage["tokens"].as_u64().unwrap() > 0 && usage["requests"] == 1, "{job:#}");
    }
    assert_eq!((jobs(&project).len(), model.asked().len()), (3, 3));
    let sent: Vec<String> = model.asked().iter().map(|asked| asked.body["input"].to_string()).collect();
    assert!(sent.iter().any(|texts| texts.contains("On anchors\\nAn anchor is hauled")), "{sent:?}");
    for (words, title) in
        [("hauled capstan chain", "On anchors"), ("black leaves hot", "On tea"), ("swim ponds", "On ducks")]
    {
        let found = project.json(&["search", "--mode", "vectors", words]);
        assert_eq!((titles(&found)[0], &found["items"][0]["by_meaning"]), (title, &json!(1)), "{found:#}");
        assert_eq!(found["items"][0]["by_words"], Value::Null, "{found:#}");
        let last = model.asked().pop().unwrap();
        assert_eq!((last.path.as_str(), &last.body["input"]), ("/v1/embeddings", &json!([words])));
    }
    project.is_sound();
}

#[test]
fn vectors_of_another_dimension_end_as_bad_output_and_documents_are_found_by_their_words() {
    let model = Model::new(DIMENSION, &[Turn::Dimension(3)]);
    let project = granted(&model);
    project.set("kind.embed.config", &format!("dimension = {DIMENSION}"));
    import(&project, &PAGES[..1]);
    project.capstan(&["run"]).exits(1);
    let job = &jobs(&project)[0];
    assert_eq!((outcomes(job), &job["error"]["class"]), (vec!["bad-output"], &json!("bad-output")), "{job:#}");
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.contains(&format!("has 3 numbers where {DIMENSION} are expected")), "{said}");
    let found = project.json(&["search", "hauled"]);
    assert_eq!(titles(&found), ["On anchors"]);
    let note = found["note"].as_str().unwrap();
    assert!(note.starts_with("by words only: ") && note.contains("has 3 numbers"), "{note}");
    project.capstan(&["search", "--mode", "vectors", "hauled"]).exits(1).complains(&["cannot search by meaning"]);
}

#[test]
fn a_busy_or_broken_server_is_asked_again() {
    let cases = [
        (Turn::Busy("1"), vec!["deferred", "done"]),
        (Turn::Refuses("500 Internal Server Error"), vec!["transient", "done"]),
    ];
    for (first, ends) in cases {
        let model = Model::new(DIMENSION, &[first.clone(), Turn::Fine]);
        let project = granted(&model);
        import(&project, &PAGES[..1]);
        project.capstan(&["run"]).ok();
        let job = &jobs(&project)[0];
        assert_eq!((outcomes(job), model.asked().len()), (ends, 2), "{first:?}: {job:#}");
        assert_eq!(titles(&project.json(&["search", "--mode", "vectors", "capstan"])), ["On anchors"]);
    }
}

#[test]
fn a_server_that_is_not_granted_is_not_asked() {
    let model = Model::new(DIMENSION, &[Turn::Fine]);
    let project = embedding(&model, "");
    import(&project, &PAGES[..1]);
    project.capstan(&["run"]).exits(1);
    let job = &jobs(&project)[0];
    assert_eq!(job["error"]["class"], "denied", "{job:#}");
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.contains(&format!("http = [\"{}\"]", model.pattern())), "{said}");
    let note = project.json(&["search", "hauled"])["note"].as_str().unwrap().to_owned();
    assert!(note.starts_with("by words only: "), "{note}");
    assert_eq!(model.asked(), []);
}

/// What `docs/embedding.md` says about a change of the model.
#[test]
fn documents_of_another_model_are_found_by_meaning_once_they_are_embedded_again() {
    let (old, new) = (Model::new(DIMENSION, &[Turn::Fine]), Model::new(DIMENSION, &[Turn::Fine]));
    let project = granted(&old);
    import(&project, &PAGES[..1]);
    project.capstan(&["run"]).ok();
    let near = || titles(&project.json(&["search", "--mode", "vectors", "capstan"])).len();
    assert_eq!(near(), 1);
    let config = project.root().join("capstan.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&old.url(), &new.url()).replace(&old.pattern(), &new.pattern())).unwrap();
    assert_eq!(near(), 0);
    assert_eq!(titles(&project.json(&["search", "capstan"])), ["On anchors"], "by its words it is still found");
    import(&project, &PAGES[..1]);
    project.capstan(&["run"]).ok();
    assert_eq!((jobs(&project).len(), near()), (1, 0), "an unchanged document is not embedded again by an import");
    let rows = project.json(&["artifact", "list", "--kind", "normalise", "--limit", "10000"])["items"].clone();
    let is_text = |row: &&Value| row["path"].as_str().unwrap().ends_with("/document.md");
    let line = |row: &Value| json!({"kind": "embed", "subject": row["subject"]}).to_string() + "\n";
    let lines: String = rows.as_array().unwrap().iter().filter(is_text).map(line).collect();
    run_with(about(project.root(), &["job", "add", "--from", "-"]), &lines).ok().says(&["1 jobs added"]);
    project.capstan(&["run"]).ok();
    assert_eq!(near(), 1);
    assert_eq!(old.asked().len(), 2, "one document and one search");
}

#[test]
fn the_key_reaches_the_server_and_nothing_else_however_it_echoes() {
    for (echo, code) in [(Echo::Answer, 0), (Echo::Garbage, 1), (Echo::Refusal, 1)] {
        let model = Model::new(DIMENSION, &[Turn::Echo(echo)]);
        let project = embedding(&model, &format!("http = [\"{}\"]\nsecrets = [\"embeddings\"]", model.pattern()));
        project.paste(&format!(
            "[secret.embeddings]\nheader = \"authorization: Bearer {{}}\"\nto = [\"{}\"]\nenv = \"SAGE_KEY\"",
            model.pattern()
        ));
        import(&project, &PAGES[..1]);
        project.capstan_with("SAGE_KEY", KEY, &["run"]).exits(code);
        let found = project.capstan_with("SAGE_KEY", KEY, &["search", "--mode", "vectors", "capstan"]).exits(code);
        let asked = model.asked();
        assert_eq!(asked.len(), 2, "{echo:?}: one document and one search");
        for sent in asked {
            assert!(sent.headers.iter().any(|header| header.contains(KEY)), "{:?}", sent.headers);
        }
        let id = jobs(&project)[0]["id"].to_string();
        let logs = project.capstan(&["job", "logs", &id]).ok().out;
        assert!(logs.contains(&"*".repeat(KEY.len())) || echo != Echo::Garbage, "{logs}");
        let told = project.capstan(&["job", "show", &id, "--json"]).ok().out + &logs + &found.out + &found.err;
        assert!(!told.contains(KEY), "{echo:?}: {told}");
        assert_eq!(holding(project.root(), KEY.as_bytes()), Vec::<String>::new(), "{echo:?}");
    }
}
