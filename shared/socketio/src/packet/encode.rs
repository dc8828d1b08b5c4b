use serde_json::value::RawValue;

use super::{Body, Packet};

/// Appends an event. `args` is the JSON of its arguments, separated by commas, unchecked; it may be empty.
pub fn event(
    out: &mut Vec<u8>,
    namespace: &str,
    ack: Option<u64>,
    name: &str,
    args: &str,
    attachments: usize,
) {
    head(
        out,
        if attachments == 0 { b'2' } else { b'5' },
        attachments,
        namespace,
        ack,
    );
    out.push(b'[');
    serde_json::to_writer(&mut *out, name).expect("a string is JSON and memory takes it");
    if !args.is_empty() {
        out.push(b',');
        out.extend_from_slice(args.as_bytes());
    }
    out.push(b']');
}

/// Appends the acknowledgement of an event. `args` as in [`event`].
pub fn ack(out: &mut Vec<u8>, namespace: &str, id: u64, args: &str, attachments: usize) {
    head(
        out,
        if attachments == 0 { b'3' } else { b'6' },
        attachments,
        namespace,
        Some(id),
    );
    out.push(b'[');
    out.extend_from_slice(args.as_bytes());
    out.push(b']');
}

/// Appends a CONNECT packet with an object, given as JSON, unchecked.
pub fn connect(out: &mut Vec<u8>, namespace: &str, json: &str) {
    head(out, b'0', 0, namespace, None);
    out.extend_from_slice(json.as_bytes());
}

/// Appends a CONNECT_ERROR packet with an object, given as JSON, unchecked.
pub fn connect_error(out: &mut Vec<u8>, namespace: &str, json: &str) {
    head(out, b'4', 0, namespace, None);
    out.extend_from_slice(json.as_bytes());
}

impl Packet<'_> {
    /// Appends the packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match &self.body {
            Body::Connect(auth) => connect(out, self.namespace, auth.map_or("", RawValue::get)),
            Body::Disconnect => head(out, b'1', 0, self.namespace, None),
            Body::Event {
                ack,
                event: content,
                attachments,
            } => {
                event(
                    out,
                    self.namespace,
                    *ack,
                    &content.name,
                    &join(&content.args),
                    *attachments,
                );
            }
            Body::Ack {
                id,
                args,
                attachments,
            } => ack(out, self.namespace, *id, &join(args), *attachments),
            Body::ConnectError(error) => connect_error(out, self.namespace, error.get()),
        }
    }
}

fn join(args: &[&RawValue]) -> String {
    let mut joined = String::new();
    for arg in args {
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(arg.get());
    }
    joined
}

fn head(out: &mut Vec<u8>, kind: u8, attachments: usize, namespace: &str, ack: Option<u64>) {
    out.push(kind);
    if attachments > 0 {
        out.extend_from_slice(attachments.to_string().as_bytes());
        out.push(b'-');
    }
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
    if let Some(ack) = ack {
        out.extend_from_slice(ack.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn packets_are_written_as_the_protocol_has_them() {
        assert_eq!(
            written(|out| event(out, "/messages", None, "new_message", r#"{"a":1}"#, 0)),
            r#"2/messages,["new_message",{"a":1}]"#
        );
        assert_eq!(
            written(|out| event(out, "/", Some(3), "a", "1,2", 2)),
            r#"52-3["a",1,2]"#
        );
        assert_eq!(
            written(|out| event(out, "/", None, "a\"b", "", 0)),
            r#"2["a\"b"]"#
        );
        assert_eq!(
            written(|out| ack(out, "/messages", 12, "{}", 0)),
            "3/messages,12[{}]"
        );
        assert_eq!(
            written(|out| connect(out, "/", r#"{"sid":"x"}"#)),
            r#"0{"sid":"x"}"#
        );
        assert_eq!(
            written(|out| connect_error(out, "/x", r#"{"message":"m"}"#)),
            r#"4/x,{"message":"m"}"#
        );
    }

    proptest! {
        #[test]
        fn a_packet_reads_back_as_it_was_written(
            namespace in "/|/[a-z]{1,8}",
            name in ".{0,12}",
            id in proptest::option::of(0_u64..10_000_000_000_000_000),
            args in proptest::collection::vec(r#"[0-9]|"[a-z]{0,5}"|\{"x":\[\]\}|null|true"#, 0..5),
        ) {
            let joined = args.join(",");
            let first = written(|out| match id {
                Some(id) if name.is_empty() => ack(out, &namespace, id, &joined, 0),
                _ => event(out, &namespace, id, &name, &joined, 0),
            });
            if let Ok(packet) = Packet::decode(&first) {
                prop_assert_eq!(written(|out| packet.encode(out)), first);
            } else {
                prop_assert!(name == "connect" || name == "disconnect", "{}", first);
            }
        }
    }
}
