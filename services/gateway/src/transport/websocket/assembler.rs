use bytes::{Bytes, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload};

use crate::connection::{CloseReason, Violation};
use crate::transport::Message;

/// The most bytes in the payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;

/// Something whole from a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Message(Message),
    Ping(Bytes),
    Pong,
    /// With its code; 1005 if it had none.
    Close(u16),
}

/// Puts fragments together; they count together against the limit.
pub(super) struct Assembler {
    message_bytes_max: usize,
    fragments: Option<Fragments>,
}

struct Fragments {
    kind: OpCode,
    bytes: BytesMut,
    /// How much of it is known to be UTF-8.
    checked: usize,
}

impl Assembler {
    pub(super) const fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            fragments: None,
        }
    }

    /// Whether the next frame begins a message.
    pub(super) const fn is_between_messages(&self) -> bool {
        self.fragments.is_none()
    }

    /// The most bytes that the payload of the next frame may have.
    pub(super) fn frame_bytes_max(&self) -> usize {
        let held = self
            .fragments
            .as_ref()
            .map_or(0, |fragments| fragments.bytes.len());
        self.message_bytes_max
            .saturating_sub(held)
            .max(CONTROL_BYTES_MAX)
    }

    /// Takes a frame; the payload must be unmasked. `None` while a message is not whole.
    pub(super) fn take(&mut self, mut frame: Frame<'_>) -> Result<Option<Incoming>, CloseReason> {
        // The mask itself is hidden, but not the header that would be written for the frame.
        let mut header = [0; 16];
        frame.fmt_head(&mut header);
        if header[1] & 0x80 == 0 {
            return Err(violation(Violation::Protocol));
        }
        let (fin, opcode) = (frame.fin, frame.opcode);
        let payload = into_bytes(frame.payload);
        match opcode {
            OpCode::Text | OpCode::Binary => self.begin(opcode, fin, payload),
            OpCode::Continuation => self.go_on(fin, &payload),
            _ if payload.len() > CONTROL_BYTES_MAX => Err(violation(Violation::Protocol)),
            OpCode::Ping => Ok(Some(Incoming::Ping(payload.freeze()))),
            OpCode::Pong => Ok(Some(Incoming::Pong)),
            OpCode::Close => close_code(&payload).map(|code| Some(Incoming::Close(code))),
        }
    }

    fn begin(
        &mut self,
        kind: OpCode,
        fin: bool,
        payload: BytesMut,
    ) -> Result<Option<Incoming>, CloseReason> {
        if self.fragments.is_some() {
            return Err(violation(Violation::Protocol));
        }
        let mut fragments = Fragments {
            kind,
            bytes: payload,
            checked: 0,
        };
        fragments.check(fin, self.message_bytes_max)?;
        if fin {
            return Ok(Some(fragments.finish()));
        }
        self.fragments = Some(fragments);
        Ok(None)
    }

    fn go_on(&mut self, fin: bool, payload: &[u8]) -> Result<Option<Incoming>, CloseReason> {
        let fragments = self
            .fragments
            .as_mut()
            .ok_or(violation(Violation::Protocol))?;
        if fragments.bytes.len() + payload.len() > self.message_bytes_max {
            return Err(violation(Violation::TooBig));
        }
        fragments.bytes.extend_from_slice(payload);
        fragments.check(fin, self.message_bytes_max)?;
        Ok(if fin {
            self.fragments.take().map(Fragments::finish)
        } else {
            None
        })
    }
}

impl Fragments {
    /// Fails at the first byte that cannot be part of UTF-8, not only at the end of the message.
    fn check(&mut self, fin: bool, bytes_max: usize) -> Result<(), CloseReason> {
        if self.bytes.len() > bytes_max {
            return Err(violation(Violation::TooBig));
        }
        if self.kind == OpCode::Binary {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            // A character may go on in the next fragment.
            Err(error) if error.error_len().is_none() && !fin => {
                self.checked += error.valid_up_to()
            }
            Err(_) => return Err(violation(Violation::InvalidData)),
        }
        Ok(())
    }

    fn finish(self) -> Incoming {
        Incoming::Message(if self.kind == OpCode::Text {
            Message::Text(self.bytes.freeze())
        } else {
            // It is kept until the rest of its packet has come, and as a part of the read buffer it would keep all of that.
            Message::Binary(Bytes::copy_from_slice(&self.bytes))
        })
    }
}

const fn violation(violation: Violation) -> CloseReason {
    CloseReason::ProtocolViolation(violation)
}

fn into_bytes(payload: Payload<'_>) -> BytesMut {
    match payload {
        Payload::Bytes(bytes) => bytes,
        other => BytesMut::from(&*other),
    }
}

fn close_code(payload: &[u8]) -> Result<u16, CloseReason> {
    let (code, text) = match payload {
        [] => return Ok(1005),
        [high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), text),
        [_] => return Err(violation(Violation::Protocol)),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(violation(Violation::Protocol));
    }
    if std::str::from_utf8(text).is_err() {
        return Err(violation(Violation::InvalidData));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(fin: bool, opcode: OpCode, payload: &[u8]) -> Frame<'static> {
        Frame::new(fin, opcode, Some([0; 4]), Payload::Bytes(payload.into()))
    }

    fn text(text: &str) -> Incoming {
        Incoming::Message(Message::Text(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn fragments_make_one_message_and_control_frames_come_in_between() {
        let mut assembler = Assembler::new(10);
        assert_eq!(
            assembler.take(frame(false, OpCode::Text, b"h\xc3")),
            Ok(None)
        );
        assert_eq!(
            assembler.take(frame(true, OpCode::Ping, b"p")),
            Ok(Some(Incoming::Ping(Bytes::from_static(b"p"))))
        );
        assert_eq!(
            assembler.take(frame(false, OpCode::Continuation, b"")),
            Ok(None)
        );
        assert!(!assembler.is_between_messages());
        assert_eq!(
            assembler.take(frame(true, OpCode::Continuation, b"\xa4")),
            Ok(Some(text("hä")))
        );
        assert!(assembler.is_between_messages());
    }

    #[test]
    fn fragments_count_together() {
        let mut assembler = Assembler::new(10);
        assert_eq!(
            assembler.take(frame(false, OpCode::Binary, &[0; 6])),
            Ok(None)
        );
        assert_eq!(
            assembler.take(frame(false, OpCode::Continuation, &[0; 5])),
            Err(violation(Violation::TooBig))
        );
    }

    #[test]
    fn what_rfc_6455_forbids_is_refused_with_its_code() {
        let check = |frames: &[(bool, OpCode, &[u8])], expected| {
            let mut assembler = Assembler::new(1000);
            let results = frames
                .iter()
                .map(|(fin, opcode, payload)| assembler.take(frame(*fin, *opcode, payload)));
            assert_eq!(
                results.last().expect("a frame"),
                Err(violation(expected)),
                "{frames:?}"
            );
        };
        check(&[(true, OpCode::Continuation, b"")], Violation::Protocol);
        check(
            &[(false, OpCode::Text, b""), (true, OpCode::Text, b"")],
            Violation::Protocol,
        );
        check(&[(true, OpCode::Pong, &[0; 126])], Violation::Protocol);
        check(&[(true, OpCode::Close, b"\x03")], Violation::Protocol);
        check(&[(true, OpCode::Close, b"\x03\xed")], Violation::Protocol);
        check(
            &[(true, OpCode::Close, b"\x03\xe8\xff")],
            Violation::InvalidData,
        );
        check(&[(true, OpCode::Text, b"\xc3")], Violation::InvalidData);
        check(&[(false, OpCode::Text, b"\xff")], Violation::InvalidData);
        check(
            &[
                (false, OpCode::Text, b"\xc3"),
                (true, OpCode::Continuation, b""),
            ],
            Violation::InvalidData,
        );
    }

    #[test]
    fn an_unmasked_frame_is_refused() {
        let unmasked = Frame::new(true, OpCode::Text, None, Payload::Bytes(BytesMut::new()));
        assert_eq!(
            Assembler::new(10).take(unmasked),
            Err(violation(Violation::Protocol))
        );
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_it_comes_out_whole(whole in ".{0,40}", cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.sort_unstable();
            let mut assembler = Assembler::new(1000);
            let mut from = 0;
            for cut in cuts {
                let opcode = if assembler.is_between_messages() { OpCode::Text } else { OpCode::Continuation };
                prop_assert_eq!(assembler.take(frame(false, opcode, &whole.as_bytes()[from..cut])), Ok(None));
                from = cut;
            }
            let opcode = if assembler.is_between_messages() { OpCode::Text } else { OpCode::Continuation };
            prop_assert_eq!(assembler.take(frame(true, opcode, &whole.as_bytes()[from..])), Ok(Some(text(&whole))));
        }
    }
}
