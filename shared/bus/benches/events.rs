//! Events as they are on the bus, and the lines of NATS around them.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use messaging_bus::protocol::{Parser, ServerOp};
use messaging_bus::{ConversationEvent, MessageChange};
use serde_json::value::RawValue;

const EVENTS: usize = 64;

fn message() -> Box<RawValue> {
    let text = format!(
        r#"{{"id":"65a000000000000000000002","conversationId":"65a000000000000000000001","seq":7,"content":"{}"}}"#,
        "x".repeat(200)
    );
    RawValue::from_string(text).expect("it is JSON")
}

fn event(data: &RawValue) -> ConversationEvent<'_> {
    ConversationEvent::Message {
        change: MessageChange::New,
        seq: 7,
        version: 0,
        committed_at: None,
        data,
    }
}

fn main() {
    divan::main();
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let data = message();
    bencher.bench(|| event(black_box(&data)).encode());
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let data = message();
    let payload = event(&data).encode();
    bencher.bench(|| ConversationEvent::decode(black_box(&payload)).is_ok());
}

/// As many events as one read of a busy connection brings.
#[divan::bench]
fn parse_what_nats_says(bencher: Bencher<'_, '_>) {
    let data = message();
    let payload = event(&data).encode();
    let head = format!(
        "MSG fh.conv.65a000000000000000000001 42 {}\r\n",
        payload.len()
    );
    let came = [head.as_bytes(), &payload, b"\r\n"].concat().repeat(EVENTS);
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let (mut parser, mut rest, mut count) = (Parser::new(1 << 20), black_box(&came[..]), 0);
        while let Ok(Some((ServerOp::Message { payload, .. }, taken))) = parser.parse(rest) {
            count += payload.len();
            rest = &rest[taken..];
        }
        count
    });
}
