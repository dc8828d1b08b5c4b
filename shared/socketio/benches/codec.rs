//! Packets of the sizes that a chat has, to and from text.

use divan::{Bencher, black_box};
use messaging_socketio::{EnginePacket, Packet, PayloadWriter, decode_payload, packet};

/// A message of 200 characters, as clients send it.
fn message() -> String {
    format!(
        r#"{{"conversationId":"65a000000000000000000001","content":"{}","clientMessageId":"c-000001"}}"#,
        "x".repeat(200)
    )
}

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_send_message(bencher: Bencher<'_, '_>) {
    let text = format!(r#"2/messages,7["send_message",{}]"#, message());
    bencher.bench(|| Packet::decode(black_box(&text)).is_ok());
}

#[divan::bench]
fn encode_new_message(bencher: Bencher<'_, '_>) {
    let data = message();
    let mut out = Vec::with_capacity(1_024);
    bencher.bench_local(|| {
        out.clear();
        packet::event(
            &mut out,
            "/messages",
            None,
            "new_message",
            black_box(&data),
            0,
        );
        out.len()
    });
}

/// What a poll carries when this many packets wait.
#[divan::bench(args = [1, 16, 256])]
fn polling_payload(bencher: Bencher<'_, '_>, packets: usize) {
    let text = format!(r#"2/messages,["new_message",{}]"#, message());
    bencher.bench(|| {
        let mut writer = PayloadWriter::default();
        for _ in 0..packets {
            writer.push(&EnginePacket::Message(black_box(&text)));
        }
        let payload = writer.finish();
        let payload = std::str::from_utf8(&payload).expect("packets are text");
        decode_payload(payload).filter(Result::is_ok).count()
    });
}
