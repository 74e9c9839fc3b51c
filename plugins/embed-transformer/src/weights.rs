//! The file of weights, read as far as it is needed: the table of words is half of it and stays on disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use safetensors::tensor::{Dtype, Metadata};
use sha2::{Digest as _, Sha256};

use crate::matrix::Matrix;

/// How long the description at the beginning of the file may be, in bytes; that of all-MiniLM-L6-v2 has 11,000.
const MOST_DESCRIPTION: u64 = 1 << 20;

/// How much of each tensor is looked at to tell one model from another, in bytes.
const SAMPLE: usize = 4096;

/// A file of weights in the format of safetensors, with 32-bit floats.
pub(crate) struct Weights {
    file: File,
    description: Metadata,
    /// Where the numbers begin.
    start: u64,
}

impl Weights {
    /// Read what the file says about itself.
    pub(crate) fn open(mut file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut head = vec![0; 8];
        file.read_exact(&mut head)?;
        let described = head.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
        if described > MOST_DESCRIPTION.min(length) {
            return Err(wrong("its beginning is no description; give a file of safetensors"));
        }
        (&mut file).take(described).read_to_end(&mut head)?;
        let description = serde_json::from_slice(head.get(8..).unwrap_or_default())?;
        Ok(Self { file, description, start: described + 8 })
    }

    /// A tensor as a matrix with `columns`.
    pub(crate) fn matrix(&mut self, name: &str, columns: usize) -> io::Result<Matrix> {
        let (at, length) = self.place(name)?;
        let numbers = self.numbers(at, length)?;
        if columns == 0 || !numbers.len().is_multiple_of(columns) {
            return Err(wrong(&format!("`{name}` has {} numbers, which are no rows of {columns}", numbers.len())));
        }
        Ok(Matrix { columns, numbers })
    }

    /// One row of a tensor with `columns`.
    pub(crate) fn row(&mut self, name: &str, columns: usize, row: usize) -> io::Result<Vec<f32>> {
        let (at, length) = self.place(name)?;
        let bytes = columns * 4;
        if (row + 1) * bytes > length {
            return Err(wrong(&format!("`{name}` has no row {row}; it belongs to another vocabulary")));
        }
        self.numbers(at + (row * bytes) as u64, bytes)
    }

    /// SHA-256 of names, forms and the first 4 KiB of each tensor: what tells one model from another, without
    /// reading all of it for every job.
    pub(crate) fn digest(&mut self) -> io::Result<String> {
        let mut digest = Sha256::new();
        for name in self.description.offset_keys() {
            let (at, length) = self.place(&name)?;
            digest.update(format!("{name} {length}\n"));
            self.file.seek(SeekFrom::Start(at))?;
            let mut sample = vec![0; length.min(SAMPLE)];
            self.file.read_exact(&mut sample)?;
            digest.update(&sample);
        }
        Ok(format!("sha256:{:x}", digest.finalize()))
    }

    fn place(&self, name: &str) -> io::Result<(u64, usize)> {
        let info = self.description.info(name).ok_or_else(|| wrong(&format!("`{name}` is not in it")))?;
        let (from, to) = info.data_offsets;
        if info.dtype != Dtype::F32 && info.dtype != Dtype::I64 {
            return Err(wrong(&format!("`{name}` is of type {:?}; only 32-bit floats are read", info.dtype)));
        }
        Ok((self.start + from as u64, to - from))
    }

    fn numbers(&mut self, at: u64, length: usize) -> io::Result<Vec<f32>> {
        const STEP: usize = 1 << 16;
        self.file.seek(SeekFrom::Start(at))?;
        let mut numbers = Vec::with_capacity(length / 4);
        let mut bytes = vec![0; STEP.min(length)];
        for from in (0..length).step_by(STEP) {
            let part = bytes.get_mut(..STEP.min(length - from)).unwrap_or_default();
            self.file.read_exact(part)?;
            let (words, _) = part.as_chunks::<4>();
            numbers.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
        }
        Ok(numbers)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
