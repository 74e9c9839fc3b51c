//! The file of weights, read as far as it is needed: the table of words is half of it and stays on disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use safetensors::tensor::{Dtype, Metadata};
use sha2::{Digest as _, Sha256};
use twox_hash::XxHash3_128;

use crate::matrix::Matrix;

/// How long the description at the beginning of the file may be, in bytes; that of all-MiniLM-L6-v2 has 11,000.
const MOST_DESCRIPTION: u64 = 1 << 20;

/// How many parts of the table of words count for the digest, evenly from its first byte to its last.
const SAMPLES: usize = 64;

/// How long such a part is, in bytes.
const SAMPLE: usize = 4096;

/// A file of weights in the format of safetensors, with 32-bit floats.
pub(crate) struct Weights {
    file: File,
    description: Metadata,
    /// Where the numbers begin.
    start: u64,
    /// What was read as a whole.
    read: XxHash3_128,
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
        Ok(Self { file, description, start: described + 8, read: XxHash3_128::with_seed(0) })
    }

    /// A tensor as a matrix with `columns`. It counts for the digest.
    pub(crate) fn matrix(&mut self, name: &str, columns: usize) -> io::Result<Matrix> {
        let (at, length) = self.place(name)?;
        self.read.write(format!("{name} {length}\n").as_bytes());
        let mut read = self.read.clone();
        let numbers = self.numbers(at, length, |part| read.write(part))?;
        self.read = read;
        if columns == 0 || !numbers.len().is_multiple_of(columns) {
            return Err(wrong(&format!("`{name}` has {} numbers, which are no rows of {columns}", numbers.len())));
        }
        Ok(Matrix { columns, numbers })
    }

    /// A tensor of so many numbers. It counts for the digest.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> io::Result<Vec<f32>> {
        let numbers = self.matrix(name, 1)?.numbers;
        if numbers.len() != length {
            return Err(wrong(&format!("`{name}` has {} numbers instead of {length}", numbers.len())));
        }
        Ok(numbers)
    }

    /// One row of a tensor with `columns`. It does not count for the digest.
    pub(crate) fn row(&mut self, name: &str, columns: usize, row: usize) -> io::Result<Vec<f32>> {
        let (at, length) = self.place(name)?;
        let bytes = columns * 4;
        if (row + 1) * bytes > length {
            return Err(wrong(&format!("`{name}` has no row {row}; it belongs to another vocabulary")));
        }
        self.numbers(at + (row * bytes) as u64, bytes, |_| ())
    }

    /// What tells one model from another: SHA-256 of the vocabulary's digest, of XXH3-128 over the names, the lengths and
    /// all bytes of the tensors that were read as matrices so far, and of the name, the length and [`SAMPLES`] parts of
    /// `sampled`, which is too large to be read for every job.
    ///
    /// Weights that were trained on differ in all of it. It is no protection against somebody who forges a file: XXH3
    /// does not resist that, and rows between the parts do not count.
    pub(crate) fn digest(&mut self, vocabulary: &str, sampled: &str) -> io::Result<String> {
        let (at, length) = self.place(sampled)?;
        let mut digest = Sha256::new();
        digest.update(format!("{vocabulary}\n{:032x}\n{sampled} {length}\n", self.read.finish_128()));
        let mut part = vec![0; SAMPLE.min(length)];
        let last = length - part.len();
        for sample in 0..SAMPLES {
            self.file.seek(SeekFrom::Start(at + (last * sample / (SAMPLES - 1)) as u64))?;
            self.file.read_exact(&mut part)?;
            digest.update(&part);
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

    fn numbers(&mut self, at: u64, length: usize, mut also: impl FnMut(&[u8])) -> io::Result<Vec<f32>> {
        const STEP: usize = 1 << 16;
        self.file.seek(SeekFrom::Start(at))?;
        let mut numbers = Vec::with_capacity(length / 4);
        let mut bytes = vec![0; STEP.min(length)];
        for from in (0..length).step_by(STEP) {
            let part = bytes.get_mut(..STEP.min(length - from)).unwrap_or_default();
            self.file.read_exact(part)?;
            also(part);
            let (words, _) = part.as_chunks::<4>();
            numbers.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
        }
        Ok(numbers)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::{SAMPLE, SAMPLES, Weights};

    /// Bytes of the table of words: 100 parts.
    const TABLE: usize = 100 * SAMPLE;

    /// A file with a matrix `a` of 8 bytes and a table `w`, and `about` it before them.
    fn file(about: &str, a: [u8; 8], table: &[u8]) -> Weights {
        let w = table.len() + 8;
        let description = format!(
            r#"{{{about}"a":{{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}},"w":{{"dtype":"F32","shape":[{},4],"data_offsets":[8,{w}]}}}}"#,
            table.len() / 16
        );
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&(description.len() as u64).to_le_bytes()).unwrap();
        file.write_all(&[description.as_bytes(), &a, table].concat()).unwrap();
        file.rewind().unwrap();
        Weights::open(file).unwrap()
    }

    fn digest(mut weights: Weights) -> String {
        weights.matrix("a", 1).unwrap();
        weights.digest("sha256:1", "w").unwrap()
    }

    #[test]
    fn the_digest_is_of_the_weights_and_not_of_what_the_file_says_beside_them() {
        let table = vec![7; TABLE];
        let same = digest(file("", [1; 8], &table));
        assert!(same.starts_with("sha256:") && same.len() == 71, "{same}");
        assert_eq!(digest(file(r#""__metadata__":{"format":"pt"},"#, [1; 8], &table)), same);
        assert_ne!(digest(file("", [1; 8], &vec![7; TABLE + 16])), same, "the length counts");
        assert_ne!(file("", [1; 8], &table).digest("sha256:1", "w").unwrap(), same, "what was read counts");
        let mut other = file("", [1; 8], &table);
        other.matrix("a", 1).unwrap();
        assert_ne!(other.digest("sha256:2", "w").unwrap(), same, "the vocabulary counts");
    }

    #[test]
    fn every_byte_of_a_matrix_and_of_the_parts_counts() {
        let table = vec![7; TABLE];
        let same = digest(file("", [1; 8], &table));
        for at in 0..8 {
            let mut a = [1; 8];
            a[at] = 2;
            assert_ne!(digest(file("", a, &table)), same, "byte {at}");
        }
        let last = TABLE - SAMPLE;
        for part in 0..SAMPLES {
            for at in [0, SAMPLE - 1] {
                let mut other = table.clone();
                other[last * part / (SAMPLES - 1) + at] = 8;
                assert_ne!(digest(file("", [1; 8], &other)), same, "byte {at} of part {part}");
            }
        }
        let mut between = table;
        between[SAMPLE + 1] = 8;
        assert_eq!(digest(file("", [1; 8], &between)), same, "what lies between two parts does not, as is said");
    }

    #[test]
    fn a_table_that_is_shorter_than_a_part_counts_as_a_whole() {
        let same = digest(file("", [1; 8], &[7; 32]));
        assert_ne!(digest(file("", [1; 8], &[[7; 31].as_slice(), &[8]].concat())), same);
    }

    #[test]
    fn rows_are_those_of_the_file_and_do_not_change_the_digest() {
        let table = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0].map(f32::to_le_bytes).concat();
        let mut weights = file("", [0; 8], &table);
        let before = weights.digest("sha256:1", "w").unwrap();
        assert_eq!(weights.row("w", 4, 1).unwrap(), [5.0, 6.0, 7.0, 8.0]);
        assert_eq!(weights.digest("sha256:1", "w").unwrap(), before);
        assert!(weights.row("w", 4, 2).is_err(), "there are two rows");
        assert!(weights.matrix("w", 3).is_err(), "8 numbers are no rows of 3");
        assert!(weights.matrix("none", 1).is_err());
    }
}
