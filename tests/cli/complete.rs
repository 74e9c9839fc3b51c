//! Completions and man pages.

use crate::support::command::{capstan, run};
use std::fs;

#[test]
fn each_shell_gets_a_script_that_knows_the_nouns() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut command = capstan();
        command.args(["completions", shell]);
        run(command).ok().says(&["import", "handler", "rollback", "project"]);
    }
    let mut command = capstan();
    command.args(["completions", "cmd"]);
    run(command).exits(2).complains(&["invalid value 'cmd'"]);
}

#[test]
fn bash_takes_its_script() {
    let mut command = capstan();
    command.args(["completions", "bash"]);
    let script = run(command).ok().out;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capstan.bash");
    fs::write(&file, script).unwrap();
    let mut bash = std::process::Command::new("bash");
    let line = format!(
        "source {}; COMP_WORDS=(capstan handler roll); COMP_CWORD=2; _capstan capstan roll handler; echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    bash.args(["--norc", "-c", &line]);
    assert_eq!(run(bash).ok().out.trim(), "rollback");
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let mut command = capstan();
    command.arg("man");
    run(command).ok().says(&[".TH capstan 1", "capstan\\-import(1)", "Exit codes"]);
    let folder = tempfile::tempdir().unwrap();
    let mut command = capstan();
    command.arg("man").arg(folder.path());
    run(command).ok();
    let page = fs::read_to_string(folder.path().join("capstan-handler-swap.1")).unwrap();
    assert!(page.contains("Let a component take over") && page.contains("\\-\\-agree"), "{page}");
    let mut command = capstan();
    command.args(["man", "/no/such"]);
    run(command).exits(2).complains(&["error: /no/such is no folder\nhint: make it first"]);
}
