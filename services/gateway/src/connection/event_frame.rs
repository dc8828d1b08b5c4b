use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use messaging_socketio::packet;

use super::delivery::Delivery;
use super::frame::{Opcode, ServerFrames, append_frame};

/// What becomes of an event when a connection does not read fast enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It arrives, or the connection is closed.
    Durable,
    /// It may be left out.
    Droppable,
}

/// An event for any number of connections, encoded at most once for each dialect.
///
/// What is shared is the WebSocket frame with its header; long-polling takes the payload out of it.
pub struct EventFrame {
    name: Box<str>,
    args: Box<str>,
    attachments: Vec<Bytes>,
    /// For the namespace that asked first; a gateway has one.
    socketio: OnceLock<(Arc<str>, Bytes)>,
    plain: OnceLock<Bytes>,
    delivery: Option<Arc<Delivery>>,
}

impl EventFrame {
    /// An event with one argument: its data as JSON, which is not checked.
    pub fn new(name: impl Into<Box<str>>, data: impl Into<Box<str>>) -> Self {
        Self::with_attachments(name, data, Vec::new())
    }

    /// An event with its arguments as JSON, separated by commas, and the binary attachments that they refer to.
    ///
    /// Only Socket.IO has several arguments and attachments.
    pub fn with_attachments(
        name: impl Into<Box<str>>,
        args: impl Into<Box<str>>,
        attachments: Vec<Bytes>,
    ) -> Self {
        Self {
            name: name.into(),
            args: args.into(),
            attachments,
            socketio: OnceLock::new(),
            plain: OnceLock::new(),
            delivery: None,
        }
    }

    /// The same event, with a delivery that is over when all connections that it is sent to have it.
    pub(crate) fn followed_by(mut self, delivery: Option<Arc<Delivery>>) -> Self {
        self.delivery = delivery;
        self
    }

    fn follow(&self, frames: Bytes) -> Bytes {
        match &self.delivery {
            Some(delivery) => delivery.follow(frames),
            None => frames,
        }
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn socketio(&self, namespace: &Arc<str>) -> Bytes {
        let encode = || {
            let attachments = &self.attachments;
            self.follow(socketio_frames(
                namespace,
                None,
                &self.name,
                &self.args,
                attachments,
            ))
        };
        let (first, bytes) = self
            .socketio
            .get_or_init(|| (Arc::clone(namespace), encode()));
        if first == namespace {
            bytes.clone()
        } else {
            encode()
        }
    }

    /// The same with one more argument, for one connection: a text without characters that JSON escapes.
    ///
    /// The JSON of the event is not written again, and a copy costs less than a second piece in every queue.
    pub(crate) fn socketio_with(&self, namespace: &Arc<str>, offset: &str) -> Bytes {
        let shared = self.socketio(namespace);
        let mut frames = ServerFrames(shared.clone());
        let (Some((Opcode::Text, payload)), None) = (frames.next(), frames.next()) else {
            // With attachments; no event that has an offset has any.
            return shared;
        };
        let Some(open) = payload.strip_suffix(b"]") else {
            return shared;
        };
        let mut text = Vec::with_capacity(payload.len() + offset.len() + 3);
        text.extend_from_slice(open);
        text.extend_from_slice(b",\"");
        text.extend_from_slice(offset.as_bytes());
        text.extend_from_slice(b"\"]");
        self.follow(super::text_frame(&text))
    }

    pub(crate) fn plain(&self) -> Bytes {
        let encode = || {
            let mut json = Vec::with_capacity(self.name.len() + self.args.len() + 24);
            json.extend_from_slice(br#"{"event":"#);
            serde_json::to_writer(&mut json, &*self.name)
                .expect("a string is JSON and memory takes it");
            json.extend_from_slice(br#","data":"#);
            json.extend_from_slice(if self.args.is_empty() {
                b"null"
            } else {
                self.args.as_bytes()
            });
            json.push(b'}');
            self.follow(super::text_frame(&json))
        };
        self.plain.get_or_init(encode).clone()
    }
}

impl fmt::Debug for EventFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The data is somebody's message.
        f.debug_struct("EventFrame")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The frames of an event, or of an acknowledgement: a text and as many binary ones as there are attachments.
pub(crate) fn socketio_frames(
    namespace: &str,
    ack: Option<u64>,
    name: &str,
    args: &str,
    attachments: &[Bytes],
) -> Bytes {
    let mut text = vec![b'4'];
    text.reserve(namespace.len() + name.len() + args.len() + 32);
    match ack {
        Some(id) => packet::ack(&mut text, namespace, id, args, attachments.len()),
        None => packet::event(&mut text, namespace, None, name, args, attachments.len()),
    }
    let binary: usize = attachments.iter().map(|bytes| bytes.len() + 10).sum();
    let mut frames = Vec::with_capacity(text.len() + binary + 10);
    append_frame(&mut frames, Opcode::Text, &text);
    for bytes in attachments {
        append_frame(&mut frames, Opcode::Binary, bytes);
    }
    frames.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_one_more_argument() {
        let event = EventFrame::new("new_message", r#"{"seq":1}"#);
        let frame = event.socketio_with(&"/messages".into(), "abc.0.1-2");
        let text = br#"42/messages,["new_message",{"seq":1},"abc.0.1-2"]"#;
        assert_eq!(frame, super::super::text_frame(text));
    }

    #[test]
    fn an_event_is_encoded_once_and_shared() {
        let event = EventFrame::new("new_message", r#"{"seq":1}"#);
        let namespace: Arc<str> = "/messages".into();
        let (one, two) = (event.socketio(&namespace), event.socketio(&namespace));
        assert_eq!(one.as_ptr(), two.as_ptr());
        assert_eq!(&one[2..], br#"42/messages,["new_message",{"seq":1}]"#);
        assert_eq!(
            &event.socketio(&"/".into())[2..],
            br#"42["new_message",{"seq":1}]"#
        );
        assert_eq!(event.plain().as_ptr(), event.plain().as_ptr());
        assert_eq!(
            &event.plain()[2..],
            br#"{"event":"new_message","data":{"seq":1}}"#
        );
    }
}
