use bytes::Bytes;

/// The kind of a WebSocket frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A whole text frame as a server sends it: unmasked, header included, so the same bytes do for everyone.
pub fn text_frame(text: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(text.len() + HEADER_BYTES_MAX);
    append_frame(&mut frame, Opcode::Text, text);
    frame.into()
}

/// A whole binary frame as a server sends it.
pub fn binary_frame(bytes: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(bytes.len() + HEADER_BYTES_MAX);
    append_frame(&mut frame, Opcode::Binary, bytes);
    frame.into()
}

const HEADER_BYTES_MAX: usize = 10;
const FINAL: u8 = 0x80;
const LENGTH_IN_2_BYTES: u8 = 126;
const LENGTH_IN_8_BYTES: u8 = 127;

/// Appends an unfragmented, unmasked frame.
pub(crate) fn append_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(FINAL | opcode as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < LENGTH_IN_2_BYTES => out.push(length),
        (_, Ok(length)) => {
            out.push(LENGTH_IN_2_BYTES);
            out.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(LENGTH_IN_8_BYTES);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// The frames that [`append_frame`] put one after the other; ends at anything else.
pub(crate) struct ServerFrames(pub(crate) Bytes);

impl Iterator for ServerFrames {
    type Item = (Opcode, Bytes);

    fn next(&mut self) -> Option<(Opcode, Bytes)> {
        let opcode = match self.0.first()? & 0x0f {
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            _ => Opcode::Pong,
        };
        let (header, length) = match *self.0.get(1)? {
            LENGTH_IN_2_BYTES => (
                4,
                usize::from(u16::from_be_bytes(self.0.get(2..4)?.try_into().ok()?)),
            ),
            LENGTH_IN_8_BYTES => {
                let length = u64::from_be_bytes(self.0.get(2..10)?.try_into().ok()?);
                (HEADER_BYTES_MAX, usize::try_from(length).ok()?)
            }
            length => (2, usize::from(length)),
        };
        let end = header
            .checked_add(length)
            .filter(|end| *end <= self.0.len())?;
        let frame = self.0.split_to(end);
        Some((opcode, frame.slice(header..)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_again_one_after_the_other() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; length];
            let mut out = Vec::new();
            append_frame(&mut out, Opcode::Text, &payload);
            append_frame(&mut out, Opcode::Binary, b"tail");
            let frames: Vec<_> = ServerFrames(out.into()).collect();
            let expected = [
                (Opcode::Text, Bytes::from(payload)),
                (Opcode::Binary, Bytes::from_static(b"tail")),
            ];
            assert_eq!(frames, expected, "{length}");
        }
    }

    #[test]
    fn the_header_is_the_one_of_rfc_6455() {
        assert_eq!(
            &text_frame(b"Hello")[..],
            &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
        );
        assert_eq!(&binary_frame(&[0; 256])[..4], &[0x82, 0x7e, 0x01, 0x00]);
        assert_eq!(
            &binary_frame(&[0; 65_536])[..10],
            &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }
}
