//! What differs from job to job in a message becomes a placeholder.
//!
//! A scanner with five sorts: `<text>` between quotation marks, `<url>`, `<path>`,
//! `<time>`, and `<n>` for numbers and hexadecimal digests alike, since a short digest may
//! happen to be a number. White space becomes one space. The scan is repeated until
//! nothing changes, so a normalised message is left as it is; that ends, because each scan
//! that changes something takes a digit, a quotation mark, a slash or white space away and
//! brings none.

/// Characters of a normalised message at most; what comes behind does not count.
pub const LONGEST: usize = 300;

/// Characters of a message that are looked at: what handlers say may be made to be slow to read.
const READ: usize = 2_000;
/// Characters of a word that make it a digest, if they are hexadecimal digits and letters.
const DIGEST: usize = 7;

/// A message without what differs from job to job.
pub fn normalise(message: &str) -> String {
    let mut text = cut(&scan(cut(message, READ)), LONGEST).to_owned();
    loop {
        let next = cut(&scan(&text), LONGEST).to_owned();
        if next == text {
            return text;
        }
        text = next;
    }
}

/// So many characters of a text at most.
fn cut(text: &str, most: usize) -> &str {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end()
}

/// One scan from left to right.
fn scan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let taken = if c.is_whitespace() || c.is_control() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            c.len_utf8()
        } else if let Some(end) = quoted(rest, c, before) {
            out.push_str("<text>");
            end
        } else if is_edge(c) {
            out.push(c);
            c.len_utf8()
        } else {
            token(rest, before, &mut out)
        };
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    out.truncate(out.trim_end().len());
    out
}

/// Where a text between quotation marks ends that begins here.
fn quoted(rest: &str, open: char, before: Option<char>) -> Option<usize> {
    let close = match open {
        '"' | '\'' | '`' => open,
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    // `can't` and `the guest's` quote nothing. An angle may be a placeholder's.
    let is_part = |c: Option<char>, angle| c.is_some_and(|c| c.is_alphanumeric() || c == angle);
    let is_apostrophe = matches!(open, '\'' | '‘');
    if is_apostrophe && is_part(before, '>') {
        return None;
    }
    let body = open.len_utf8();
    let ends = rest[body..].match_indices(close).map(|(at, mark)| body + at + mark.len());
    ends.into_iter().find(|end| !is_apostrophe || !is_part(rest[*end..].chars().next(), '<'))
}

/// What separates tokens.
fn is_edge(c: char) -> bool {
    "\"'`“”‘’«»()[]{}<>;|=".contains(c)
}

/// Write the token that begins here, or its placeholder; how many bytes it takes.
fn token(rest: &str, before: Option<char>, out: &mut String) -> usize {
    let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || is_edge(c)).unwrap_or(rest.len());
    if let Some(end) = rest[..end].find("://").and_then(|scheme| url(rest, scheme)) {
        out.push_str("<url>");
        return end;
    }
    let whole = &rest[..end];
    // The end of a sentence is not part of a name.
    let token = whole.trim_end_matches(['.', ',', ':', '!', '?']);
    if is_time(token) {
        // A date and a time of day are one time.
        if out.ends_with("<time> ") {
            out.pop();
        } else {
            out.push_str("<time>");
        }
    } else if is_path(token, before) {
        out.push_str("<path>");
    } else {
        words(token, out);
    }
    out.push_str(&whole[token.len()..]);
    end
}

/// Where an address ends that begins here with a scheme of so many bytes.
fn url(rest: &str, scheme: usize) -> Option<usize> {
    let (scheme, after) = (&rest[..scheme], &rest[scheme + "://".len()..]);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !is_scheme {
        return None;
    }
    let stops = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '`' | '”' | '»');
    let long = after.find(stops).unwrap_or(after.len());
    let address = after[..long].trim_end_matches(['.', ',', ':', ';', ')', ']', '}', '\'', '’']);
    Some(scheme.len() + "://".len() + address.len())
}

/// A date, a time of day, or both as RFC 3339 writes them.
fn is_time(token: &str) -> bool {
    let shape: String = token.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (date, clock) = match shape.split_once(['T', 't']) {
        Some((date, clock)) => (Some(date), Some(clock)),
        None if shape.contains(':') => (None, Some(shape.as_str())),
        None => (Some(shape.as_str()), None),
    };
    let is_date = date.is_none_or(|date| matches!(date, "0000-00-00" | "0000/00/00" | "00.00.0000"));
    is_date && clock.is_none_or(is_clock)
}

/// `0:00`, `00:00:00.000Z`, `00:00:00+00:00`.
fn is_clock(shape: &str) -> bool {
    let body = shape.strip_suffix(['Z', 'z']).unwrap_or(shape);
    let body = match body.rfind(['+', '-']) {
        Some(at) if matches!(&body[at + 1..], "00:00" | "0000") => &body[..at],
        Some(_) => return false,
        None => body,
    };
    let (body, fraction) = body.split_once('.').unwrap_or((body, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b == b'0');
    is_fraction && matches!(body, "0:00" | "00:00" | "0:00:00" | "00:00:00")
}

/// A path of a file: from the root, from a folder that is named by dots or a tilde, of a
/// drive, or with slashes and what only names of files have. Behind a placeholder a slash
/// is between two things.
fn is_path(token: &str, before: Option<char>) -> bool {
    let slashes = token.matches(['/', '\\']).count();
    let is_rooted = ["/", "./", "../", "~/", "\\\\", ".\\", "..\\"].iter().any(|start| token.starts_with(start));
    let has_drive = token.get(1..3).is_some_and(|drive| matches!(drive, ":/" | ":\\"));
    let has_ending = |(at, _)| token[at + 1..].starts_with(char::is_alphabetic);
    let is_named = token.contains('_') || token.match_indices('.').any(has_ending);
    let is_first = before != Some('>');
    has_drive || (is_rooted && is_first && token.len() > 1) || slashes > 1 || (slashes == 1 && is_named)
}

/// Write a token with its numbers and digests replaced.
fn words(token: &str, out: &mut String) {
    let mut rest = token;
    while let Some(c) = rest.chars().next() {
        if !c.is_alphanumeric() {
            let is_sign =
                matches!(c, '-' | '+') && rest.len() == token.len() && rest[1..].starts_with(char::is_numeric);
            if !is_sign {
                out.push(c);
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let taken = uuid(rest).or_else(|| digest(rest)).or_else(|| number(rest));
        let taken = match taken {
            Some(taken) => {
                out.push_str("<n>");
                taken
            }
            None => {
                let letters = rest.find(|c: char| !c.is_alphanumeric() || c.is_numeric()).unwrap_or(rest.len());
                out.push_str(&rest[..letters]);
                letters
            }
        };
        rest = &rest[taken..];
    }
}

/// The bytes of the UUID that begins here.
fn uuid(text: &str) -> Option<usize> {
    let word = &text[..text.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(text.len())];
    let is_uuid =
        word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    is_uuid.then_some(word.len())
}

/// The bytes of the hexadecimal word that begins here: `0x1f`, or long, with digits and letters.
fn digest(text: &str) -> Option<usize> {
    let word = &text[..text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())];
    let is_hex = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let marked = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let is_mixed = word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic());
    (marked.is_some_and(is_hex) || (word.len() >= DIGEST && is_mixed && is_hex(word))).then_some(word.len())
}

/// The bytes of the number that begins here, with what is written between its digits.
fn number(text: &str) -> Option<usize> {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let goes_on = matches!(c, '.' | ',' | '_') && chars.peek().is_some_and(|(_, next)| next.is_numeric());
        if !c.is_numeric() && !goes_on {
            break;
        }
        end = at + c.len_utf8();
    }
    (end > 0).then_some(end)
}
