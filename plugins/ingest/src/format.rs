//! What a file is, by its name and its first bytes.
//!
//! The content decides where it speaks clearly (`%PDF-`, an HTML or XHTML opening, NUL bytes), otherwise
//! the extension does. It looks at the first 1,024 bytes only, so a text file with binary data further
//! down passes for text.

use encoding_rs::Encoding;

/// How far into the file the content is looked at, in bytes.
const HEAD: usize = 1024;

/// A format that can be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Xhtml,
    Markdown,
    Plain,
    Pdf,
}

/// Why a file cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("it is empty")]
    Empty,
    #[error("it holds binary data; HTML, XHTML, Markdown, plain text and PDF are read")]
    Binary,
    #[error("type `{0}` is not read; HTML, XHTML, Markdown, plain text and PDF are")]
    Type(String),
}

impl Format {
    /// `said` is what the server says it is; without, the extension decides.
    pub(crate) fn of(path: &str, said: Option<&str>, bytes: &[u8]) -> Result<Self, FormatError> {
        let head = &bytes[..bytes.len().min(HEAD)];
        let start = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        if bytes.is_empty() {
            return Err(FormatError::Empty);
        }
        if start.starts_with("%pdf-") {
            return Ok(Self::Pdf);
        }
        if Encoding::for_bom(bytes).is_none() && head.contains(&0) {
            return Err(FormatError::Binary);
        }
        if let Some(format) = said.and_then(|said| Self::said(said, &start)) {
            return format;
        }
        match extension.as_str() {
            "xhtml" | "xht" => Ok(Self::Xhtml),
            "html" | "htm" | "shtml" if start.starts_with("<?xml") => Ok(Self::Xhtml),
            "html" | "htm" | "shtml" => Ok(Self::Html),
            "md" | "markdown" | "mdown" | "mkd" => Ok(Self::Markdown),
            "" | "txt" | "text" if !is_html(&start) => Ok(Self::Plain),
            "pdf" => Err(FormatError::Binary),
            _ if is_html(&start) => Ok(Self::Html),
            _ => Err(FormatError::Type(format!(".{extension}"))),
        }
    }

    /// What the server says counts, unless it says nothing in particular.
    fn said(media_type: &str, start: &str) -> Option<Result<Self, FormatError>> {
        match media_type.to_ascii_lowercase().as_str() {
            "" | "application/octet-stream" | "binary/octet-stream" => None,
            "text/plain" if is_html(start) => None,
            "text/html" if start.starts_with("<?xml") => Some(Ok(Self::Xhtml)),
            "text/html" => Some(Ok(Self::Html)),
            "application/xhtml+xml" => Some(Ok(Self::Xhtml)),
            "text/markdown" | "text/x-markdown" => Some(Ok(Self::Markdown)),
            "text/plain" => Some(Ok(Self::Plain)),
            "application/pdf" => Some(Err(FormatError::Binary)),
            other => Some(Err(FormatError::Type(other.to_owned()))),
        }
    }

    /// Its media type, the extension that the untouched bytes are kept under, and that of the text.
    pub(crate) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Html => ("text/html", "html", "html"),
            Self::Xhtml => ("application/xhtml+xml", "xhtml", "html"),
            Self::Markdown => ("text/markdown", "md", "md"),
            Self::Plain => ("text/plain", "txt", "txt"),
            Self::Pdf => ("application/pdf", "pdf", "txt"),
        }
    }
}

fn is_html(start: &str) -> bool {
    start.starts_with("<!doctype html")
        || start.starts_with("<html")
        || start.contains("<head>")
        || start.contains("<body")
}

#[cfg(test)]
mod tests {
    use super::Format;

    fn of(path: &str, bytes: &[u8]) -> Result<Format, String> {
        Format::of(path, None, bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn the_extension_decides_between_texts() {
        assert_eq!(of("a/b.md", b"hello"), Ok(Format::Markdown));
        assert_eq!(of("README", b"hello"), Ok(Format::Plain));
        assert_eq!(of("a.HTM", b"hello"), Ok(Format::Html));
        assert_eq!(of("a.xhtml", b"<?xml version='1.0'?>"), Ok(Format::Xhtml));
    }

    #[test]
    fn the_content_overrules_where_it_is_clear() {
        assert_eq!(of("page.php", b"\n<!DOCTYPE html><p>x"), Ok(Format::Html));
        assert_eq!(of("paper.txt", b"%PDF-1.7"), Ok(Format::Pdf));
        assert_eq!(of("a.html", b"<?xml version=\"1.0\"?><html/>"), Ok(Format::Xhtml));
        assert_eq!(of("wide.txt", b"\xff\xfeh\0i\0"), Ok(Format::Plain));
    }

    #[test]
    fn what_the_server_says_goes_before_the_extension() {
        let said =
            |what: &str, bytes: &[u8]| Format::of("/a.php", Some(what), bytes).map_err(|error| error.to_string());
        assert_eq!(said("text/html", b"hello"), Ok(Format::Html));
        assert_eq!(said("text/html", b"%PDF-1.7"), Ok(Format::Pdf));
        assert_eq!(said("TEXT/Markdown", b"hello"), Ok(Format::Markdown));
        assert_eq!(said("text/plain", b"<!doctype html>"), Ok(Format::Html));
        assert!(said("image/png", b"x").is_err_and(|why| why.contains("`image/png` is not read")));
        assert!(said("application/octet-stream", b"x").is_err_and(|why| why.contains("`.php` is not read")));
    }

    #[test]
    fn what_is_not_read_says_why() {
        assert!(of("a.docx", b"PK").is_err_and(|why| why.contains("`.docx` is not read")));
        assert!(of("a.txt", b"ab\0cd").is_err_and(|why| why.contains("binary")));
        assert!(of("a.pdf", b"not one").is_err_and(|why| why.contains("binary")));
        assert!(of("a.txt", b"").is_err_and(|why| why.contains("empty")));
    }
}
