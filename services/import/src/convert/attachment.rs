use mongodb::bson::{Bson, Document};

use super::text::without_controls;
use crate::old::value;

/// A file of an old message: a link, and what was known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OldFile {
    /// Where it was.
    pub(crate) url: String,
    /// What it was called, if that was kept.
    pub(crate) filename: Option<String>,
    /// Its media type, if that was kept and has the form of one.
    pub(crate) content_type: Option<String>,
}

/// The longest media type that is kept, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 127;

impl OldFile {
    /// The files of a message; what has neither a link nor a name says nothing and is left out.
    pub(super) fn all(message: &Document) -> Vec<Self> {
        let files = message.get_array("attachments").ok().into_iter().flatten();
        files.filter_map(Self::read).collect()
    }

    fn read(attachment: &Bson) -> Option<Self> {
        match attachment {
            Bson::String(url) => Self::new(Some(url), None, None),
            Bson::Document(file) => Self::new(
                value::text(file, "url"),
                value::text(file, "filename"),
                value::text(file, "mimetype"),
            ),
            _ => None,
        }
    }

    fn new(url: Option<&str>, filename: Option<&str>, content_type: Option<&str>) -> Option<Self> {
        let visible = |text: &str| {
            let (text, _) = without_controls(text);
            // One line each.
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(text).filter(|text| !text.is_empty())
        };
        let (url, filename) = (url.and_then(visible), filename.and_then(visible));
        if url.is_none() && filename.is_none() {
            return None;
        }
        let content_type = content_type
            .map(str::trim)
            .filter(|text| is_media_type(text));
        Some(Self {
            url: url.unwrap_or_default(),
            filename,
            content_type: content_type.map(str::to_owned),
        })
    }

    /// The line that stands for it in a text.
    pub(crate) fn line(&self) -> String {
        match &self.filename {
            Some(name) if self.url.is_empty() => name.clone(),
            Some(name) => format!("{name}: {}", self.url),
            None => self.url.clone(),
        }
    }
}

/// Whether a text is two tokens around a slash, with visible parameters perhaps: what a header can hold as it is.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
    let parts: Vec<&str> = essence.split('/').collect();
    text.len() <= CONTENT_TYPE_BYTES_MAX
        && text.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && parts.len() == 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.chars().all(is_token))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn files_are_read_as_objects_and_as_links() {
        let message = doc! { "attachments": [
            { "url": "/uploads/1-brief.pdf", "filename": "brief\n.pdf", "mimetype": "application/pdf", "size": 5 },
            "https://files.example/a.png",
            { "url": "/uploads/2", "mimetype": "not one" },
            { "size": 5 },
            7,
        ] };
        let files = OldFile::all(&message);
        let lines: Vec<String> = files.iter().map(OldFile::line).collect();
        assert_eq!(
            lines,
            [
                "brief .pdf: /uploads/1-brief.pdf",
                "https://files.example/a.png",
                "/uploads/2"
            ]
        );
        assert_eq!(files[0].content_type.as_deref(), Some("application/pdf"));
        assert_eq!(files[2].content_type, None);
        assert!(OldFile::all(&doc! {}).is_empty());
    }

    #[test]
    fn a_media_type_can_stand_in_a_header() {
        for good in [
            "image/png",
            "text/plain; charset=utf-8",
            "application/vnd.ms-excel",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in [
            "",
            "png",
            "a/b/c",
            "/png",
            "image/",
            "text/pl ain",
            "text/plain;\r\nx: y",
            "ä/b",
        ] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
