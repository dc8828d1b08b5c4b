use messaging_bus::BucketError;
use messaging_domain::ContentError;
use messaging_lifecycle::chain;
use messaging_store::{
    AppendError, ChangeError, OpenError, PutContractError, RevokeError, StoreError,
};
use messaging_wire::{ErrorCode, Fault, FieldError};
use thiserror::Error;

/// Why a use case did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// These fields are wrong.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is no such thing, or not for this caller.
    #[error("not found")]
    NotFound,
    /// The caller's role does not allow it.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// It contradicts what is stored.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// A file has more bytes than this.
    #[error("a file is over {0} bytes")]
    TooLarge(u64),
    /// A file's bytes are of this type, and its sender says otherwise.
    #[error("a file is {0} and claims to be something else")]
    MediaType(&'static str),
    /// There are as many as there may be.
    #[error("a limit is reached: {0}")]
    LimitReached(&'static str),
    /// Too much waits already.
    #[error("overloaded")]
    Overloaded,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// Not all whom it concerns were told.
    #[error("an event was not published")]
    Untold,
    /// Presence cannot be read.
    #[error("presence cannot be read")]
    Presence(#[source] BucketError),
}

impl Refusal {
    /// One field is wrong.
    pub(crate) fn invalid_field(field: &str, message: impl std::fmt::Display) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            message: message.to_string(),
        }])
    }

    /// What the caller may know of it. What he may not know is logged here, once.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Invalid(errors) => Fault::invalid(errors),
            Self::NotFound => Fault::not_found(),
            Self::Forbidden(message) => Fault::new(ErrorCode::Forbidden, message),
            Self::Conflict(message) => Fault::new(ErrorCode::Conflict, message),
            Self::TooLarge(bytes_max) => Fault::new(
                ErrorCode::PayloadTooLarge,
                format!("the file is larger than {bytes_max} bytes"),
            ),
            Self::MediaType(sniffed) => Fault::new(
                ErrorCode::UnsupportedMediaType,
                format!("the file is {sniffed}, not what its Content-Type says"),
            ),
            Self::LimitReached(message) => Fault::new(ErrorCode::LimitReached, message),
            Self::Overloaded | Self::Untold => Fault::unavailable(),
            Self::Store(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(error = chain(&error), "MongoDB is not available");
                Fault::unavailable()
            }
            Self::Store(error @ StoreError::Internal { .. }) => {
                tracing::error!(error = chain(&error), "the store failed");
                Fault::internal()
            }
            Self::Presence(error) => {
                tracing::warn!(error = chain(&error), "presence cannot be read");
                Fault::unavailable()
            }
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotFound => Self::NotFound,
            OpenError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::ClientMessageIdConflict => Self::Conflict(
                "this clientMessageId was used for another message in this conversation",
            ),
            AppendError::Overloaded => Self::Overloaded,
            AppendError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::NotFound,
            ChangeError::NotSender => Self::Forbidden("only its sender may change a message"),
            ChangeError::Deleted => Self::Conflict("the message is deleted"),
            ChangeError::Empty => Self::invalid_field("content", ContentError::Empty),
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PutContractError> for Refusal {
    fn from(error: PutContractError) -> Self {
        match error {
            PutContractError::PartyChanged => {
                Self::Conflict("the parties cannot change once there is a conversation")
            }
            PutContractError::MilestoneInUse => {
                Self::Conflict("a milestone with a conversation cannot be dropped")
            }
            PutContractError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RevokeError> for Refusal {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::Full => Self::LimitReached("there are too many revocations"),
            RevokeError::Store(error) => Self::Store(error),
        }
    }
}
