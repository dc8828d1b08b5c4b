use messaging_socketio::packet::{
    ACK_DIGITS_MAX, ARGUMENTS_MAX, ATTACHMENTS_MAX, NAMESPACE_LENGTH_MAX,
};
use messaging_socketio::{Body, Packet};
use serde_json::Value;

use crate::bounded::bounded;

/// The text of a Socket.IO packet: refused, or within its limits and the same when it is written and read again.
pub fn socketio_packet(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    // Everything in a packet is a part of the text, but for the list of the arguments and a name with escapes.
    let bytes_max = input.len() + 48 * ARGUMENTS_MAX;
    let Ok(packet) = bounded(bytes_max, || Packet::decode(text)) else {
        return;
    };
    assert!(packet.namespace.starts_with('/') && packet.namespace.len() <= NAMESPACE_LENGTH_MAX);
    check(&packet.body);
    let once = written(&packet);
    let again = Packet::decode(&once).expect("what was written can be read");
    assert_eq!(again.namespace, packet.namespace);
    assert_eq!(written(&again), once);
}

fn check(body: &Body<'_>) {
    let (id, args, attachments) = match body {
        Body::Event {
            ack,
            event,
            attachments,
        } => (*ack, &event.args, *attachments),
        Body::Ack {
            id,
            args,
            attachments,
        } => (Some(*id), args, *attachments),
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => return,
    };
    assert!(id.is_none_or(|id| id < 10_u64.pow(u32::try_from(ACK_DIGITS_MAX).expect("small"))));
    assert!(args.len() <= ARGUMENTS_MAX && attachments <= ATTACHMENTS_MAX);
    if attachments > 0 {
        for arg in args {
            // A number can be too large for the reader here and still be JSON.
            if let Ok(value) = serde_json::from_str(arg.get()) {
                check_placeholders(&value, attachments as u64);
            }
        }
    }
}

/// No placeholder names an attachment that does not follow.
fn check_placeholders(value: &Value, attachments: u64) {
    match value {
        Value::Array(items) => {
            for item in items {
                check_placeholders(item, attachments);
            }
        }
        Value::Object(fields) => {
            if fields.get("_placeholder") == Some(&Value::Bool(true)) {
                let num = fields.get("num").and_then(Value::as_u64);
                assert!(num.is_some_and(|num| num < attachments), "{value}");
            }
            for field in fields.values() {
                check_placeholders(field, attachments);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn written(packet: &Packet<'_>) -> String {
    let mut out = Vec::new();
    packet.encode(&mut out);
    String::from_utf8(out).expect("a packet is text")
}
