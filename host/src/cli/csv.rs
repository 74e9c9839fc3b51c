//! Records of comma-separated values, for spreadsheets.
//!
//! RFC 4180 with a line feed at the end of a record. What handlers and documents say is
//! not to be trusted, and spreadsheets run what looks like a formula: a field that begins
//! like one gets a `'` before it. Who needs it exactly as it is takes JSON.

use csv_core::{WriteResult, Writer};
use std::borrow::Cow;

/// One record.
pub(super) fn record<'a>(fields: impl IntoIterator<Item = Cow<'a, str>>) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut out = Vec::new();
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            write(&mut out, |room| writer.delimiter(room));
        }
        let field = harmless(field);
        let mut rest = field.as_bytes();
        if !rest.is_empty() {
            write(&mut out, |room| {
                let (result, taken, written) = writer.field(rest, room);
                rest = &rest[taken..];
                (result, written)
            });
        }
    }
    write(&mut out, |room| writer.terminator(room));
    out
}

/// Let the writer fill pieces of room until it needs no more.
fn write(out: &mut Vec<u8>, mut step: impl FnMut(&mut [u8]) -> (WriteResult, usize)) {
    let mut room = [0; 256];
    loop {
        let (result, written) = step(&mut room);
        out.extend_from_slice(&room[..written]);
        if result == WriteResult::InputEmpty {
            return;
        }
    }
}

/// A field that no spreadsheet takes for a formula.
fn harmless(field: Cow<'_, str>) -> Cow<'_, str> {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{field}").into() } else { field }
}

#[cfg(test)]
mod tests {
    use super::record;

    fn line(fields: &[&str]) -> String {
        String::from_utf8_lossy(&record(fields.iter().map(|field| (*field).into()))).into_owned()
    }

    #[test]
    fn what_needs_quotation_marks_has_them() {
        assert_eq!(line(&["a", "", "b c", "é"]), "a,,b c,é\n");
        assert_eq!(line(&["a,b", "say \"hi\"", "two\nlines"]), "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
        let long = "\"".repeat(300);
        assert_eq!(line(&[&long]).len(), 603);
    }

    #[test]
    fn nothing_is_a_formula() {
        assert_eq!(line(&["=1+1", "-2", "@x", "a=b"]), "'=1+1,'-2,'@x,a=b\n");
    }
}
