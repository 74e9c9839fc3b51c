//! Plain text within Markdown.

/// A text on one line in which Markdown sees no marks.
#[must_use]
pub fn escaped(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let number = line.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(line.len());
    let mut escaped = String::with_capacity(line.len() + 8);
    for (at, letter) in line.char_indices() {
        let begins = at == 0 && matches!(letter, '#' | '+' | '-' | '=' | '>' | '~');
        let numbers = at == number && at > 0 && matches!(letter, '.' | ')');
        let is_entity = letter == '&' && line[at + 1..].starts_with(|next: char| next.is_alphanumeric() || next == '#');
        if begins || numbers || is_entity || matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
