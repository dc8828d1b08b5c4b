//! Base64 of RFC 4648 section 4, with padding: how binary messages travel in long-polling payloads.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING: u8 = b'=';

/// Appends the base64 of some bytes.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() {
                ALPHABET[value as usize]
            } else {
                PADDING
            });
        }
    }
}

/// The bytes of a base64 text; `None` if it is none.
///
/// Missing padding is let through, as every engine.io parser does; stray bits in the last digit are not.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [digits @ .., PADDING, PADDING] | [digits @ .., PADDING]
            if text.len().is_multiple_of(4) =>
        {
            digits
        }
        digits => digits,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = (bits << 6) | value(*digit)?;
        }
        let unused = match group.len() {
            4 => 0,
            3 => 2,
            2 => 4,
            _ => return None,
        };
        if bits & ((1 << unused) - 1) != 0 {
            return None;
        }
        let whole = (bits >> unused).to_be_bytes();
        bytes.extend_from_slice(&whole[4 - (group.len() - 1)..]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], text: &str) {
        let mut encoded = Vec::new();
        encode(bytes, &mut encoded);
        assert_eq!(encoded, text.as_bytes());
        assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes));
    }

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg==");
        check(&[1, 2, 3, 4], "AQIDBA==");
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in [
            "A", "AB=C", "A===", "=", "====", "AB==AB==", "Zh==", "Z m8", "Zm9-",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes: Vec<u8>) {
            let mut text = Vec::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(text: Vec<u8>) {
            let _ = decode(&text);
        }
    }
}
