use std::sync::Arc;

use messaging_socketio::json;
use messaging_wire::ErrorCode;
use messaging_wire::event::{EXCEPTION, Exception};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::application::{Application, ClientEvent};
use crate::connection::{Class, CloseReason, EventFrame, Violation, Worker, plain_id};
use crate::transport::{Message, Receiver};

/// A connection that speaks JSON frames: `{"id", "event", "data"}`.
pub(crate) struct Plain<A: Application>(Arc<Worker<A>>);

impl<A: Application> Plain<A> {
    pub(crate) const fn new(worker: Arc<Worker<A>>) -> Self {
        Self(worker)
    }
}

impl<A: Application> Receiver for Plain<A> {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        let Message::Text(text) = message else {
            return Err(CloseReason::ProtocolViolation(Violation::Unsupported));
        };
        match parse_frame(&text) {
            Ok(event) => self.0.push(event).await,
            Err(exception) => {
                let json = serde_json::to_string(&exception).map_err(|_| CloseReason::Internal)?;
                self.0
                    .connection()
                    .send(&EventFrame::new(EXCEPTION, json), Class::Durable);
            }
        }
        Ok(())
    }

    fn ended(self: &Arc<Self>, reason: CloseReason) {
        self.0.end(reason);
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads the text of a frame.
///
/// # Errors
/// What the client is told of a text that is no frame.
pub fn parse_frame(text: &[u8]) -> Result<ClientEvent, Exception> {
    let no_frame = || {
        exception(
            None,
            "a frame is a JSON object with an event, and perhaps an id and data",
        )
    };
    // A derived reader takes an array for an object too, and of a text it makes an error that repeats it, escapes and all.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(no_frame());
    }
    let frame: Frame<'_> = serde_json::from_slice(text).map_err(|_| no_frame())?;
    let name = json::text(frame.event).ok_or_else(no_frame)?.into_owned();
    let ack = match frame.id {
        None => None,
        Some(id) => match plain_id(id) {
            Some(id) => Some(id),
            None => {
                return Err(exception(
                    Some(name),
                    "id must be an integer or a string of at most 64 characters",
                ));
            }
        },
    };
    Ok(ClientEvent {
        name,
        args: frame.data.map(ToOwned::to_owned).into_iter().collect(),
        attachments: Vec::new(),
        ack,
    })
}

fn exception(event: Option<String>, message: &str) -> Exception {
    Exception {
        event,
        code: ErrorCode::ValidationFailed,
        message: message.to_owned(),
        errors: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_an_event_with_an_id_and_data_if_it_likes() {
        let check = |text: &str, name: &str, args: &[&str], has_ack: bool| {
            let event = parse_frame(text.as_bytes()).expect(text);
            let found: Vec<_> = event.args.iter().map(|arg| arg.get()).collect();
            assert_eq!(
                (&*event.name, found.as_slice(), event.ack.is_some()),
                (name, args, has_ack),
                "{text}"
            );
        };
        check(r#"{"event":"a"}"#, "a", &[], false);
        check(
            r#"{"id":null,"event":"a","data":null,"more":1}"#,
            "a",
            &[],
            false,
        );
        check(
            r#"{"data":{"b":[1, 2]},"event":"\u00e4","id":"x"}"#,
            "ä",
            &[r#"{"b":[1, 2]}"#],
            true,
        );
        check(r#"{"id":7,"event":"a","data":"s"}"#, "a", &[r#""s""#], true);
    }

    #[test]
    fn what_is_no_frame_is_told_of_without_an_event() {
        for text in [
            "",
            "{",
            "[]",
            "1",
            "{}",
            r#"{"event":1}"#,
            r#"[null,"event",{}]"#,
            r#""a text""#,
            r#"{"event":"a"} x"#,
            "\u{feff}{}",
        ] {
            let exception = parse_frame(text.as_bytes()).expect_err(text);
            assert_eq!(
                (exception.event, exception.code),
                (None, ErrorCode::ValidationFailed)
            );
        }
        let exception = parse_frame(br#"{"id":1.5,"event":"a"}"#).expect_err("a bad id");
        assert_eq!(exception.event.as_deref(), Some("a"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = parse_frame(&bytes);
        }

        #[test]
        fn any_frame_like_text_is_read_or_refused(text in r#"\{("id":[0-9a"\[{.e-]{0,4},)?"event":"[a-z\\u]{0,6}"(,"data":.{0,10})?\}"#) {
            let _ = parse_frame(text.as_bytes());
        }
    }
}
