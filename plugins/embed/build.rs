//! Names the model by the digest of what it consists of, so that no job has to read four megabytes for it.

use std::error::Error;
use std::fs;

use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let mut digest = Sha256::new();
    for file in ["model/table.bin", "../vectors/vocabulary.txt"] {
        println!("cargo:rerun-if-changed={file}");
        digest.update(fs::read(file)?);
    }
    println!("cargo:rustc-env=MODEL_DIGEST=sha256:{:x}", digest.finalize());
    Ok(())
}
