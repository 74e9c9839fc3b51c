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
    #[error("type `.{0}` is not read; HTML, XHTML, Markdown, plain text and PDF are")]
    Extension(String),
}

impl Format {
    pub(crate) fn of(path: &str, bytes: &[u8]) -> Result<Self, FormatError> {
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
        match extension.as_str() {
            "xhtml" | "xht" => Ok(Self::Xhtml),
            "html" | "htm" | "shtml" if start.starts_with("<?xml") => Ok(Self::Xhtml),
            "html" | "htm" | "shtml" => Ok(Self::Html),
            "md" | "markdown" | "mdown" | "mkd" => Ok(Self::Markdown),
            "" | "txt" | "text" if !is_html(&start) => Ok(Self::Plain),
            "pdf" => Err(FormatError::Binary),
            _ if is_html(&start) => Ok(Self::Html),
            _ => Err(FormatError::Extension(extension)),
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::Xhtml => "application/xhtml+xml",
            Self::Markdown => "text/markdown",
            Self::Plain => "text/plain",
            Self::Pdf => "application/pdf",
        }
    }

    /// The extension that the untouched bytes are kept under.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Xhtml => "xhtml",
            Self::Markdown => "md",
            Self::Plain => "txt",
            Self::Pdf => "pdf",
        }
    }

    /// The extension that the text is kept under.
    pub(crate) fn text_extension(self) -> &'static str {
        match self {
            Self::Html | Self::Xhtml => "html",
            Self::Markdown => "md",
            Self::Plain | Self::Pdf => "txt",
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
        Format::of(path, bytes).map_err(|error| error.to_string())
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
    fn what_is_not_read_says_why() {
        assert!(of("a.docx", b"PK").is_err_and(|why| why.contains("`.docx` is not read")));
        assert!(of("a.txt", b"ab\0cd").is_err_and(|why| why.contains("binary")));
        assert!(of("a.pdf", b"not one").is_err_and(|why| why.contains("binary")));
        assert!(of("a.txt", b"").is_err_and(|why| why.contains("empty")));
    }
}
