use std::fmt::Display;
use std::str::FromStr;

use messaging_domain::limits::{ATTACHMENTS_MAX, TITLE_SCALARS_MAX};
use messaging_domain::{AttachmentId, ClientMessageId, Content};
use messaging_wire::FieldError;
use messaging_wire::request::Draft;

use super::Refusal;

/// Reads the fields of a request and collects what is wrong with them, so that the caller hears of all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    errors: Vec<FieldError>,
}

/// A draft whose form is right; whether its attachments exist is another question.
#[derive(Debug)]
pub(super) struct CheckedDraft {
    pub(super) content: Content,
    pub(super) attachments: Vec<AttachmentId>,
    pub(super) client_message_id: Option<ClientMessageId>,
}

impl Fields {
    /// No field yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Parses a field.
    pub(crate) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.take(field, text.parse())
    }

    /// Parses a field that may be left out.
    pub(crate) fn parse_optional<T>(&mut self, field: &str, text: Option<&str>) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.and_then(|text| self.parse(field, text))
    }

    /// Takes the value of a field, or notes what is wrong with it.
    pub(crate) fn take<T>(&mut self, field: &str, parsed: Result<T, impl Display>) -> Option<T> {
        parsed.map_err(|error| self.note(field, error)).ok()
    }

    /// Notes what is wrong with a field.
    pub(crate) fn note(&mut self, field: &str, message: impl Display) {
        self.errors.push(FieldError {
            field: field.to_owned(),
            message: message.to_string(),
        });
    }

    /// Checks and trims a title, by the rules of a message's text. An empty one is none.
    pub(super) fn title(&mut self, field: &str, title: Option<&str>) -> Option<String> {
        let title = self.take(field, Content::parse_optional(title?))?;
        if title.as_str().chars().count() > TITLE_SCALARS_MAX {
            self.note(
                field,
                format!("must be at most {TITLE_SCALARS_MAX} characters"),
            );
        }
        Some(title.into_string()).filter(|title| !title.is_empty())
    }

    /// Checks the form of a draft.
    pub(super) fn draft(&mut self, draft: &Draft) -> Option<CheckedDraft> {
        let references = draft.attachments.as_deref().unwrap_or_default();
        if references.len() > ATTACHMENTS_MAX {
            self.note("attachments", format!("must be at most {ATTACHMENTS_MAX}"));
            return None;
        }
        let mut attachments = Vec::with_capacity(references.len());
        for (index, reference) in references.iter().enumerate() {
            let id = self.parse(&format!("attachments[{index}].id"), &reference.id)?;
            if attachments.contains(&id) {
                self.note(&format!("attachments[{index}].id"), "is given twice");
            }
            attachments.push(id);
        }
        let text = draft.content.as_deref().unwrap_or_default();
        let content = if attachments.is_empty() {
            Content::parse(text)
        } else {
            Content::parse_optional(text)
        };
        let content = self.take("content", content);
        let client_message_id =
            self.parse_optional("clientMessageId", draft.client_message_id.as_deref());
        Some(CheckedDraft {
            content: content?,
            attachments,
            client_message_id,
        })
    }

    /// The end of reading: the values, if nothing was wrong with any of them.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with all that was noted.
    pub(crate) fn finish<T>(self, values: Option<T>) -> Result<T, Refusal> {
        match values {
            Some(values) if self.errors.is_empty() => Ok(values),
            _ => Err(Refusal::Invalid(self.errors)),
        }
    }
}
