use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::limits::OPAQUE_ID_LENGTH_MAX;

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// The host platform's ids.
    #[error("must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
    Opaque,
    /// Our own ids.
    #[error("must be 24 lower-case hexadecimal digits")]
    Hex,
}

/// Declares an id that the host platform gives: an opaque string, safe in subjects, keys and paths.
macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                is_opaque_id(text).then(|| Self(text.into())).ok_or(IdError::Opaque)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Declares an id of our own: 12 bytes, written as 24 lower-case hexadecimal digits.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 12]);

        impl $name {
            /// The id of these bytes.
            pub const fn from_bytes(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }

            /// The id's bytes.
            pub const fn bytes(self) -> [u8; 12] {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self).ok_or(IdError::Hex)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 24];
                f.write_str(write_hex(&self.0, &mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

opaque_id! {
    /// A user of the host platform.
    UserId
}
opaque_id! {
    /// A contract of the host platform.
    ContractId
}
opaque_id! {
    /// A milestone; it means something only within its contract.
    MilestoneId
}
opaque_id! {
    /// The name a sender gave a message, by which a repeated send is recognised.
    ClientMessageId
}
hex_id! {
    /// A conversation; see [`ConversationId::derive`].
    ConversationId
}
hex_id! {
    /// A message.
    MessageId
}
hex_id! {
    /// An uploaded file.
    AttachmentId
}

impl ConversationId {
    /// Derives the id of the one conversation of a contract, or of one milestone of it.
    ///
    /// It is the first 12 bytes of SHA-256 over the contract's id and, after a zero byte that no id can hold,
    /// the milestone's. So two replicas that race to create a conversation name the same one.
    pub fn derive(contract: &ContractId, milestone: Option<&MilestoneId>) -> Self {
        let mut hash = Sha256::new();
        hash.update(contract.as_str());
        if let Some(milestone) = milestone {
            hash.update([0]);
            hash.update(milestone.as_str());
        }
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&hash.finalize()[..12]);
        Self(bytes)
    }
}

fn is_opaque_id(text: &str) -> bool {
    (1..=OPAQUE_ID_LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn parse_hex(text: &str) -> Option<[u8; 12]> {
    let digits = text.as_bytes();
    if digits.len() != 24 {
        return None;
    }
    let mut bytes = [0; 12];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (hex_value(pair[0])? << 4) | hex_value(pair[1])?;
    }
    Some(bytes)
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn write_hex<'a>(bytes: &[u8; 12], text: &'a mut [u8; 24]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(text).expect("hexadecimal digits are ASCII")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn opaque_ids_are_1_to_64_characters_of_their_alphabet() {
        let longest = "x".repeat(64);
        for good in ["a", "u-1", "A_b-9", &longest] {
            assert_eq!(
                good.parse::<UserId>().map(String::from),
                Ok(good.to_owned())
            );
        }
        let too_long = "x".repeat(65);
        for bad in ["", "a b", "a.b", "a*", "a>", "ä", "a/b", "a\0", &too_long] {
            assert_eq!(bad.parse::<UserId>(), Err(IdError::Opaque), "{bad:?}");
        }
    }

    #[test]
    fn our_ids_are_24_lower_case_hexadecimal_digits() {
        let text = "0123456789abcdef01234567";
        assert_eq!(text.parse::<MessageId>().expect("valid").to_string(), text);
        for bad in [
            "",
            "0123456789ABCDEF01234567",
            "0123456789abcdef0123456",
            "0123456789abcdef012345678",
            "g123456789abcdef01234567",
        ] {
            assert_eq!(bad.parse::<MessageId>(), Err(IdError::Hex), "{bad:?}");
        }
    }

    #[test]
    fn a_conversation_id_is_fixed_for_ever_by_contract_and_milestone() {
        let contract: ContractId = "c-1".parse().expect("valid");
        let milestone: MilestoneId = "m-1".parse().expect("valid");
        assert_eq!(
            ConversationId::derive(&contract, None).to_string(),
            "a6f7ef47ee8dc84af9056a30"
        );
        assert_eq!(
            ConversationId::derive(&contract, Some(&milestone)).to_string(),
            "21beaec2f8a7ebbecab90314"
        );
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_and_what_parses_reads_back(text in ".{0,70}") {
            if let Ok(id) = text.parse::<ContractId>() {
                prop_assert_eq!(id.as_str(), &text);
            }
            if let Ok(id) = text.parse::<ConversationId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
