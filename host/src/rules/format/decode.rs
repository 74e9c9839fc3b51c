//! The bytes of a list as UTF-8.
//!
//! A mark at the beginning says that it is UTF-8 or UTF-16. Markup may declare its
//! encoding, and then it is taken at its word (`charset=` in old bookmarks,
//! `encoding=` in XML). Everything else is UTF-8. Nothing is guessed and nothing is
//! replaced: where the bytes are no letters of their encoding, a byte that no UTF-8
//! has is put, so that the item around it is found to be broken.

use super::{Format, HEAD, Unreadable};
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};
use std::io::{self, BufRead, Cursor, Read};

/// Stands for what cannot be decoded; it is in no UTF-8 text.
const WRONG: u8 = 0xff;
/// Bytes that are decoded together.
const STEP: usize = 8 << 10;
/// Bytes in which markup declares its encoding, as the HTML standard has it.
const DECLARES_WITHIN: usize = 1_024;

/// A list as UTF-8.
pub(super) enum Utf8<R> {
    /// As it is.
    Plain(R),
    /// From another encoding.
    Decoded { input: R, decoder: Decoder, text: Vec<u8>, at: usize, state: State },
}

/// How far the decoding is.
pub(super) enum State {
    Goes,
    Ended,
}

/// The first bytes of a list, and it again from the beginning.
pub(super) fn utf8<R: BufRead>(format: Format, mut input: R) -> Result<Utf8<impl BufRead + use<R>>, Unreadable> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let (encoding, mark) = encoding(format, &head)?;
    head.drain(..mark);
    let input = Cursor::new(head).chain(input);
    if encoding == UTF_8 {
        return Ok(Utf8::Plain(input));
    }
    let decoder = encoding.new_decoder_without_bom_handling();
    Ok(Utf8::Decoded { input, decoder, text: Vec::new(), at: 0, state: State::Goes })
}

/// The encoding of a list that begins so, and how many bytes its mark has.
pub(super) fn encoding(format: Format, head: &[u8]) -> Result<(&'static Encoding, usize), Unreadable> {
    if let Some((encoding, mark)) = Encoding::for_bom(head) {
        return Ok((encoding, mark));
    }
    if head.iter().take(4).any(|byte| *byte == 0) {
        return Err(Unreadable::Encoding("UTF-16 or UTF-32 without its mark, or it is no text".to_owned()));
    }
    let Some(label) = declared(format, &head[..head.len().min(DECLARES_WITHIN)]) else {
        return Ok((UTF_8, 0));
    };
    let encoding = Encoding::for_label(label.as_bytes()).ok_or(Unreadable::Encoding(label))?;
    // It could not be read so far if it were UTF-16.
    Ok((if encoding.is_ascii_compatible() { encoding } else { UTF_8 }, 0))
}

fn declared(format: Format, head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let behind = match format {
        Format::Netscape => text.split_once("charset=")?.1,
        Format::Opml => text.strip_prefix("<?xml")?.split_once("?>")?.0.split_once("encoding=")?.1,
        _ => return None,
    };
    let label = behind.trim_start_matches(['"', '\'', ' ']);
    Some(label.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_:.".contains(*letter)).collect())
}

impl<R: BufRead> BufRead for Utf8<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(input) => input.fill_buf(),
            Self::Decoded { input, decoder, text, at, state } => {
                while *at == text.len() && matches!(state, State::Goes) {
                    text.clear();
                    *at = 0;
                    let bytes = input.fill_buf()?;
                    let bytes = &bytes[..bytes.len().min(STEP)];
                    let (used, is_last) = (bytes.len(), bytes.is_empty());
                    decode(decoder, bytes, is_last, text);
                    input.consume(used);
                    if is_last {
                        *state = State::Ended;
                    }
                }
                Ok(&text[*at..])
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(input) => input.consume(amount),
            Self::Decoded { at, .. } => *at += amount,
        }
    }
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], is_last: bool, text: &mut Vec<u8>) {
    loop {
        // One unit of any encoding becomes four bytes at most.
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(4 * STEP);
        let start = text.len();
        text.resize(start + room, 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut text[start..], is_last);
        text.truncate(start + written);
        bytes = &bytes[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(WRONG),
        }
    }
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let taken = ready.len().min(into.len());
        into[..taken].copy_from_slice(&ready[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

/// The beginning of a list as text, for looking at it; nothing when it is none.
pub(super) fn glance(head: &[u8]) -> Option<String> {
    let head = &head[..head.len().min(HEAD)];
    let (encoding, mark) = encoding(Format::Urls, head).ok()?;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let bytes = &head[mark..];
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len())?);
    let (result, ..) = decoder.decode_to_string(bytes, &mut text, false);
    (result == CoderResult::InputEmpty).then_some(text)
}
