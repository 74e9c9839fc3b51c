//! The text layer of a PDF.
//!
//! Page by page, with a form feed between pages. A page that cannot be read is left empty and logged. It
//! sees no text in pictures, and columns or tables come out in the order in which they were drawn.

use capstan_sdk::log;
use pdf_extract::{Document, PlainTextOutput, output_doc_page};

/// Why a PDF gives no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PdfError {
    #[error("the PDF cannot be read: {0}; is it whole?")]
    Broken(String),
    #[error("the PDF is encrypted; save it without a password")]
    Encrypted,
    #[error("the PDF has no text on its {0} pages; scans need text recognition first")]
    NoText(usize),
}

pub(crate) fn text(bytes: &[u8]) -> Result<String, PdfError> {
    let mut document = Document::load_mem(bytes).map_err(|error| PdfError::Broken(error.to_string()))?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|_| PdfError::Encrypted)?;
    }
    let numbers: Vec<u32> = document.get_pages().into_keys().collect();
    let pages: Vec<String> = numbers.iter().map(|number| page(&document, *number)).collect();
    if pages.iter().all(|page| page.trim().is_empty()) {
        return Err(PdfError::NoText(pages.len()));
    }
    Ok(pages.join("\u{c}"))
}

fn page(document: &Document, number: u32) -> String {
    let mut text = String::new();
    let mut output = PlainTextOutput::new(&mut text);
    if let Err(error) = output_doc_page(document, &mut output, number) {
        log::warn!("page {number} could not be read: {error}");
    }
    text
}
