//! Turns the vocabulary into a map that lies ready in the component, token to number, without a step at its start, and
//! takes its digest.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use sha2::{Digest as _, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=vocabulary.txt");
    let vocabulary = fs::read_to_string("vocabulary.txt")?;
    let sorted: BTreeMap<&str, u64> = vocabulary.lines().zip(0..).collect();
    let map = fst::Map::from_iter(sorted)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("vocabulary.fst"), map.as_fst().as_bytes())?;
    println!("cargo:rustc-env=VOCABULARY_DIGEST=sha256:{:x}", Sha256::digest(&vocabulary));
    Ok(())
}
