use messaging_socketio::{EngineError, EnginePacket, PayloadWriter, decode_payload};

use crate::bounded::bounded;

/// The body of a POST of long-polling: its packets read back as they were written.
pub fn engineio_payload(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    // Only the bytes of one binary packet at a time are not a part of the payload.
    bounded(input.len() + 64, || decode_payload(text).count());
    let packets: Result<Vec<EnginePacket<'_>>, EngineError> = decode_payload(text).collect();
    if let Ok(packets) = packets {
        let mut writer = PayloadWriter::default();
        for packet in &packets {
            writer.push(packet);
        }
        let written = String::from_utf8(writer.finish()).expect("packets of a text are text");
        let read: Result<Vec<_>, _> = decode_payload(&written).collect();
        assert_eq!(read.as_ref(), Ok(&packets), "{written:?}");
        let has_binary = packets
            .iter()
            .any(|packet| matches!(packet, EnginePacket::Binary(_)));
        // Base64 may come without its padding.
        assert!(has_binary || written == text, "{written:?}");
    }
    let whole = bounded(0, || EnginePacket::decode(text));
    assert!(!matches!(whole, Ok(EnginePacket::Binary(_))));
}
