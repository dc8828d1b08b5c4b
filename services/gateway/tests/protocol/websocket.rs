//! RFC 6455, on the path of the plain dialect.

use crate::server::{Server, config, eventually};
use crate::wire::{BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, Socket, TEXT, frame};

async fn opened(server: &Server) -> Socket {
    let mut socket = Socket::open(server.address, "/ws").await;
    assert_eq!(socket.text().await, r#"{"event":"connected","data":{}}"#);
    socket
}

/// Each case in a connection of its own; the close code is what RFC 6455 has for it.
async fn check(cases: &[(&str, Vec<u8>)], code: u16) {
    let server = Server::start(config()).await;
    for (number, (what, bytes)) in cases.iter().enumerate() {
        let mut socket = opened(&server).await;
        socket.send_raw(bytes).await;
        assert_eq!(socket.close_code().await, code, "{what}");
        eventually(what, || server.app.count("closed ") == number + 1).await;
    }
}

#[tokio::test]
async fn a_frame_that_the_protocol_does_not_have_closes_with_1002() {
    let cases = [
        ("an unmasked frame", vec![FINAL | TEXT, 2, b'{', b'}']),
        ("a reserved bit", frame(0xc0 | TEXT, b"{}")),
        ("an unknown opcode", frame(FINAL | 3, b"")),
        ("an unknown control opcode", frame(FINAL | 11, b"")),
        ("a fragmented ping", frame(PING, b"")),
        ("a long ping", frame(FINAL | PING, &[0; 126])),
        ("a long pong", frame(FINAL | PONG, &[0; 126])),
        (
            "a continuation of nothing",
            frame(FINAL | CONTINUATION, b""),
        ),
        (
            "two beginnings",
            [frame(TEXT, b"{"), frame(FINAL | TEXT, b"}")].concat(),
        ),
        ("half a close code", frame(FINAL | CLOSE, &[3])),
        (
            "a close code without meaning",
            frame(FINAL | CLOSE, &1005_u16.to_be_bytes()),
        ),
    ];
    check(&cases, 1002).await;
}

#[tokio::test]
async fn data_of_the_wrong_kind_closes_with_1003_and_text_that_is_no_utf_8_with_1007() {
    check(&[("a binary frame", frame(FINAL | BINARY, b"x"))], 1003).await;
    let half = [frame(TEXT, b"\xc3"), frame(FINAL | CONTINUATION, b"")].concat();
    let cases = [
        ("a close text", frame(FINAL | CLOSE, &[3, 0xe8, 0xff])),
        ("a whole text", frame(FINAL | TEXT, b"\xff")),
        ("half a character at the end", half),
        ("a wrong byte before the end", frame(TEXT, b"a\xffb")),
    ];
    check(&cases, 1007).await;
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let promise = vec![
        FINAL | TEXT,
        0x80 | 127,
        0,
        0,
        0,
        0,
        0xff,
        0,
        0,
        0,
        1,
        2,
        3,
        4,
    ];
    let fragments = [
        frame(TEXT, &[b'x'; 6_000]),
        frame(FINAL | CONTINUATION, &[b'x'; 6_000]),
    ];
    let mut promised = frame(TEXT, &[b'x'; 6_000]);
    promised.extend([FINAL | CONTINUATION, 0x80 | 126, 0x13, 0x88, 1, 2, 3, 4]);
    let cases = [
        ("a frame", frame(FINAL | TEXT, &[b'x'; 10_001])),
        ("a fragment that promises too much", promised),
        ("a header that promises too much", promise),
        ("fragments together", fragments.concat()),
    ];
    check(&cases, 1009).await;
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_is_taken_whole_or_in_fragments() {
    let server = Server::start(config()).await;
    let mut socket = opened(&server).await;
    let text = format!(
        r#"{{"id":1,"event":"x","data":"{}"}}"#,
        "x".repeat(10_000 - 30)
    );
    assert_eq!(text.len(), 10_000);
    socket.send(&text).await;
    assert!(socket.text().await.starts_with(r#"{"ack":1,"#));
    for (index, part) in text.as_bytes().chunks(1_000).enumerate() {
        let opcode = if index == 0 { TEXT } else { CONTINUATION };
        socket.send_frame(opcode, part).await;
        socket.send_frame(FINAL | PING, b"p").await;
        assert_eq!(socket.next().await, Some((PONG, vec![b'p'])));
    }
    socket.send_frame(FINAL | CONTINUATION, b"").await;
    assert!(socket.text().await.starts_with(r#"{"ack":1,"#));
}

#[tokio::test]
async fn bytes_that_come_one_at_a_time_make_the_same_frames() {
    come_one_at_a_time(&Server::start(config()).await).await;
}

#[tokio::test]
async fn so_they_do_when_the_stream_is_not_bare_tcp() {
    come_one_at_a_time(&Server::start_wrapped(config()).await).await;
}

async fn come_one_at_a_time(server: &Server) {
    let mut socket = opened(server).await;
    let text = format!(r#"{{"id":1,"event":"x","data":"{}"}}"#, "ä".repeat(100));
    for byte in frame(FINAL | TEXT, text.as_bytes()) {
        socket.send_raw(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(socket.text().await.contains("ää"));
    // A length written longer than need be is no reason to lose what follows.
    let mut long = vec![FINAL | TEXT, 0x80 | 126, 0, 20, 0, 0, 0, 0];
    long.extend_from_slice(br#"{"id":2,"event":"x"}"#);
    long.extend(frame(FINAL | TEXT, br#"{"id":3,"event":"x"}"#));
    socket.send_raw(&long).await;
    assert_eq!(socket.text().await, r#"{"ack":2,"data":null}"#);
    assert_eq!(socket.text().await, r#"{"ack":3,"data":null}"#);
    socket.send_frame(FINAL | CLOSE, &[3, 0xe8]).await;
    assert_eq!(socket.close_code().await, 1000);
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_code_and_then_the_server_hangs_up() {
    let server = Server::start(config()).await;
    for (payload, code) in [
        (&b""[..], 1005),
        (&[3, 0xe8][..], 1000),
        (&[0x0f, 0xa0, b'b', b'y', b'e'][..], 4000),
    ] {
        let mut socket = opened(&server).await;
        socket.send_frame(FINAL | CLOSE, payload).await;
        assert_eq!(socket.close_code().await, code);
    }
    eventually("all have left", || {
        server.app.count("closed client_left") == 3
    })
    .await;
    eventually("nothing is left of them", || {
        server.sockets.count() == 0 && server.metric("fh_gateway_links") == 0.0
    })
    .await;
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_not_lost() {
    let server = Server::start(config()).await;
    let early = frame(FINAL | TEXT, br#"{"id":1,"event":"early"}"#);
    let mut socket = Socket::open_early(server.address, "/ws", &early).await;
    assert_eq!(socket.text().await, r#"{"event":"connected","data":{}}"#);
    assert_eq!(socket.text().await, r#"{"ack":1,"data":null}"#);
}
