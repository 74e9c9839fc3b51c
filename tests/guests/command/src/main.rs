//! A program that does what the payload's field `do` names: its job comes on stdin, its answer is the last
//! line of stdout. Knows nothing of Capstan's contract.

use serde_json::{Value, json};
use std::process::exit;
use std::{env, fs, io};

fn main() {
    let job: Value = match serde_json::from_reader(io::stdin()) {
        Ok(job) => job,
        Err(error) => fail(&format!("stdin: {error}")),
    };
    let payload = &job["payload"];
    let task = payload["do"].as_str().unwrap_or("echo");
    if task == "silence" {
        return;
    }
    println!("one line of talk");
    eprintln!("one line of trouble");
    match task {
        "echo" => println!("{}", json!({ "job": job, "arguments": env::args().collect::<Vec<_>>() })),
        "say" => print!("{}", payload["text"].as_str().unwrap_or_default()),
        "say-and-exit" => {
            print!("{}", payload["text"].as_str().unwrap_or_default());
            exit(payload["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(1));
        }
        "environment" => println!("{}", json!(env::vars().collect::<Vec<_>>())),
        "write" => match fs::write("/output/out.txt", "made by a program") {
            Ok(()) => println!("null"),
            Err(error) => fail(&format!("/output/out.txt: {error}")),
        },
        "read" => match fs::read_to_string(payload["path"].as_str().unwrap_or_default()) {
            Ok(text) => println!("{}", json!(text)),
            Err(error) => fail(&error.to_string()),
        },
        "panic" => panic!("no such page"),
        "spin" => loop {
            std::hint::black_box(0);
        },
        other => fail(&format!("nothing is called {other:?}")),
    }
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1);
}
