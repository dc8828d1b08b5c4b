//! Sessions whose WebSocket comes to another gateway.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::Instance;
use messaging_bus::{PeerHandler, Route, serve_peers};
use messaging_gateway::connection::{Class, CloseReason, EventFrame};
use messaging_gateway::transport::TransportConfig;
use parking_lot::Mutex;

use crate::peers::{Peer, impatient, peers};
use crate::polling::{POLLING, connected, get, handshake, post};
use crate::server::{Server, config, config_with_heartbeat, eventually};
use crate::upgrade::websocket;
use crate::wire::{BINARY, FINAL, Socket};

const MOVES: &str = "fh_gateway_session_moves_total";
const RESUMED: &str = "42/messages,[\"resumed\",1]";
const LAST: &str = "42/messages,[\"last\",1]";

/// A WebSocket for a session, as far as the answer to its probe.
async fn probed(server: &Server, path: &str) -> Socket {
    let mut socket = Socket::open(server.address, &websocket(path)).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket
}

/// A session of one gateway whose move to the other has come to a step of the application, which waits.
async fn moving_up_to(one: &Peer, two: &Peer, step: &'static str) -> (String, Socket) {
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    for peer in [one, two] {
        *peer.server.app.gated_step.lock() = step;
    }
    socket.send("5").await;
    eventually("it has come so far", || {
        one.server.app.count(step) + two.server.app.count(step) == 1
    })
    .await;
    (path, socket)
}

fn send(server: &Server, name: &str) {
    let connection = server.sockets.connections().pop().expect("one");
    connection.send(&EventFrame::new(name, "1"), Class::Durable);
}

async fn ended(server: &Server, reason: &str) {
    let line = format!("closed {reason}");
    eventually(&line, || server.app.count(&line) == 1).await;
    assert_eq!(server.sockets.count(), 0);
}

#[tokio::test]
async fn a_session_moves_with_everything_that_waits() {
    let [one, two, three] = peers(config()).await;
    let path = connected(&one.server).await;
    let id = one
        .server
        .sockets
        .connections()
        .pop()
        .expect("one")
        .id()
        .to_owned();
    let upgrade = async {
        one.server.polled(1.0).await;
        probed(&two.server, &path).await
    };
    let (polled, mut socket) = tokio::join!(get(&three.server, &path), upgrade);
    assert_eq!(polled.body, "6");
    let last_post = "42/messages,1[\"x\",\"last post\"]";
    assert_eq!(post(&three.server, &path, last_post).await.body, "ok");
    assert_eq!(get(&three.server, &path).await.body, "6");
    eventually("it was acted on", || one.server.app.count("x") == 1).await;
    send(&one.server, "waits");
    socket.send("5").await;
    socket.send("42/messages,2[\"x\",\"first frame\"]").await;
    assert_eq!(socket.text().await, "43/messages,1[\"last post\"]");
    assert_eq!(socket.text().await, "42/messages,[\"waits\",1]");
    assert_eq!(socket.text().await, LAST);
    assert_eq!(socket.text().await, RESUMED);
    assert_eq!(socket.text().await, "43/messages,2[\"first frame\"]");
    assert_eq!(
        one.server.app.log()[1..],
        ["x \"last post\"", "describe", "hand_over"]
    );
    assert_eq!(
        two.server.app.log(),
        ["prepare", "take_over", "x \"first frame\""]
    );
    assert!(two.server.sockets.find(&id).is_some());
    assert_eq!(one.server.sockets.count(), 0);
    for peer in [&one, &two, &three] {
        assert_eq!(get(&peer.server, &path).await.status, 400);
        assert_eq!(post(&peer.server, &path, "3").await.status, 400);
    }
    assert_eq!(two.server.labelled(MOVES, "moved"), 1.0);
    assert_eq!(
        one.server
            .labelled("fh_gateway_closed_links_total", "moved"),
        1.0
    );
    drop(socket);
    ended(&two.server, "transport_aborted").await;
    assert_eq!(one.server.app.count("closed"), 0);
    eventually("nothing is left there", || {
        one.server.metric("fh_gateway_links") == 0.0
    })
    .await;
}

#[tokio::test]
async fn probe_upgrade_and_events_may_come_at_once_to_another_gateway() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let mut socket = Socket::open(two.server.address, &websocket(&path)).await;
    for packet in ["2probe", "5", "42/messages,1[\"x\"]"] {
        socket.send(packet).await;
    }
    for expected in ["3probe", LAST, RESUMED, "43/messages,1[]"] {
        assert_eq!(socket.text().await, expected);
    }
}

#[tokio::test]
async fn events_that_had_not_begun_take_effect_where_the_session_goes() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    let mut events = vec!["42/messages,[\"gated\"]".to_owned()];
    events.extend((0..20).map(|number| format!("42/messages,{number}[\"n\",{number}]")));
    let body = events.join("\u{1e}");
    assert_eq!(post(&one.server, &path, &body).await.body, "ok");
    socket.send("5").await;
    socket.send("42/messages,20[\"n\",20]").await;
    // As long as it is not frozen, polls are sent home.
    while get(&one.server, &path).await.status == 200 {}
    one.server.app.gate.add_permits(1);
    assert_eq!(socket.text().await, LAST);
    assert_eq!(socket.text().await, RESUMED);
    for number in 0..=20 {
        assert_eq!(
            socket.text().await,
            format!("43/messages,{number}[{number}]")
        );
    }
    assert_eq!(
        (one.server.app.count("gated"), one.server.app.count("n ")),
        (1, 0)
    );
    assert_eq!(two.server.app.count("n "), 21);
}

#[tokio::test]
async fn what_both_gateways_send_during_the_move_arrives_once_and_in_order() {
    let [one, two] = peers(config()).await;
    let (_, mut socket) = moving_up_to(&one, &two, "prepare").await;
    let connection = two.server.app.prepared.lock().pop().expect("one");
    for name in ["only here", "both", "twice", "twice"] {
        send(&one.server, name);
    }
    for name in ["both", "twice", "twice", "twice", "only there"] {
        connection.send(&EventFrame::new(name, "1"), Class::Durable);
    }
    connection.send(&EventFrame::new("both", "2"), Class::Droppable);
    two.server.app.gate.add_permits(1);
    let expected = [
        "[\"only here\",1]",
        "[\"both\",1]",
        "[\"twice\",1]",
        "[\"twice\",1]",
        "[\"last\",1]",
        "[\"twice\",1]",
        "[\"only there\",1]",
        "[\"both\",2]",
        "[\"resumed\",1]",
    ];
    for expected in expected {
        assert_eq!(socket.text().await, format!("42/messages,{expected}"));
    }
    send(&two.server, "after");
    assert_eq!(socket.text().await, "42/messages,[\"after\",1]");
}

#[tokio::test]
async fn a_client_that_has_not_connected_yet_moves_with_its_token() {
    let [one, two] = peers(config()).await;
    let answer = get(&one.server, &format!("{POLLING}&token=secret")).await;
    let sid = answer.body.split('"').nth(3).expect("a sid");
    let path = format!("{POLLING}&sid={sid}");
    let mut socket = probed(&two.server, &path).await;
    socket.send("5").await;
    socket.send("40/messages,").await;
    assert!(socket.text().await.starts_with("40/messages,{"));
    assert_eq!(two.server.app.log(), ["open secret"]);
}

#[tokio::test]
async fn a_packet_may_come_to_one_gateway_and_its_attachment_to_the_other() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let packet = "451-/messages,7[\"x\",{\"_placeholder\":true,\"num\":0}]";
    assert_eq!(post(&one.server, &path, packet).await.body, "ok");
    let mut socket = probed(&two.server, &path).await;
    socket.send("5").await;
    socket.send_frame(FINAL | BINARY, &[1, 2, 3]).await;
    assert_eq!(socket.text().await, LAST);
    assert_eq!(socket.text().await, RESUMED);
    let ack = "461-/messages,7[{\"_placeholder\":true,\"num\":0}]";
    assert_eq!(socket.text().await, ack);
    assert_eq!(socket.next().await, Some((BINARY, vec![1, 2, 3])));
}

#[tokio::test]
async fn a_session_that_has_moved_elsewhere_goes_on_with_its_heartbeat() {
    let [one, two] = peers(TransportConfig {
        ping_interval: Duration::from_secs(1),
        ..config_with_heartbeat()
    })
    .await;
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    socket.send("5").await;
    let mut pings = 0;
    while pings < 3 {
        if socket.text().await == "2" {
            pings += 1;
            if pings < 3 {
                socket.send("3").await;
            }
        }
    }
    assert_eq!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn a_second_websocket_is_shown_out_whichever_gateway_it_comes_to() {
    let [one, two, three] = peers(config()).await;
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    for peer in [&one, &two, &three] {
        let mut second = Socket::open(peer.server.address, &websocket(&path)).await;
        assert_eq!(second.next().await, None);
    }
    assert_eq!(three.server.labelled(MOVES, "refused"), 1.0);
    socket.send("5").await;
    assert_eq!(socket.text().await, LAST);
    let third = Socket::try_open(three.server.address, &websocket(&path), "").await;
    assert!(third.head.starts_with("http/1.1 400"), "{}", third.head);
}

#[tokio::test]
async fn a_probe_that_fails_elsewhere_leaves_the_session_where_it_was() {
    let mut config = config();
    config.upgrade_timeout = Duration::from_millis(300);
    let [one, two] = peers(config).await;
    let path = connected(&one.server).await;
    for packets in [
        &["nonsense"][..],
        &["5"],
        &["2probe", "2probe"],
        &["2probe", "42/messages,[\"x\"]"],
        &[],
        &["2probe"],
    ] {
        let mut socket = Socket::open(two.server.address, &websocket(&path)).await;
        for packet in packets {
            if !socket.send_if_open(packet).await {
                break;
            }
        }
        while socket.next().await.is_some() {}
        assert_eq!(
            post(&two.server, &path, "42/messages,1[\"y\"]").await.body,
            "ok"
        );
        // The owner hears of the end a little later, and sends polls home until then.
        let answer = loop {
            let answer = get(&two.server, &path).await;
            if answer.body != "6" {
                break answer;
            }
        };
        assert_eq!(answer.body, "43/messages,1[]", "{packets:?}");
    }
    for app in [&one.server.app, &two.server.app] {
        assert_eq!((app.count("x"), app.count("closed")), (0, 0));
    }
    let mut socket = probed(&two.server, &path).await;
    socket.send("5").await;
    assert_eq!(socket.text().await, LAST);
}

#[tokio::test]
async fn a_gateway_that_lets_no_one_in_takes_no_session_over() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    two.server.sockets.refuse_new();
    let socket = Socket::try_open(two.server.address, &websocket(&path), "").await;
    assert!(socket.head.starts_with("http/1.1 503"), "{}", socket.head);
    send(&one.server, "still");
    assert_eq!(
        get(&two.server, &path).await.body,
        "42/messages,[\"still\",1]"
    );
}

#[tokio::test]
async fn a_session_that_has_ended_says_its_last_words_where_it_was() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    send(&one.server, "token_expired");
    let connection = one.server.sockets.connections().pop().expect("one");
    connection.close(CloseReason::TokenExpired);
    let mut socket = Socket::open(two.server.address, &websocket(&path)).await;
    assert_eq!(socket.next().await, None);
    let last = get(&two.server, &path).await.body;
    assert_eq!(last, "42/messages,[\"token_expired\",1]");
    assert_eq!(get(&two.server, &path).await.body, "1");
}

#[tokio::test]
async fn a_move_that_the_application_does_not_make_ends_the_session() {
    let [one, two] = peers(config()).await;
    for (number, (step, of_one, of_two)) in [
        ("describe", "closed internal", ""),
        ("prepare", "closed transport_aborted", ""),
        ("hand_over", "", "closed internal"),
        ("take_over", "", "closed internal"),
        ("large", "", "closed internal"),
    ]
    .into_iter()
    .enumerate()
    {
        for peer in [&one, &two] {
            *peer.server.app.failing_step.lock() = step;
        }
        let closed = |server: &Server| server.app.count("closed");
        let before = (closed(&one.server), closed(&two.server));
        let path = connected(&one.server).await;
        let mut socket = probed(&two.server, &path).await;
        socket.send("5").await;
        assert_eq!(socket.close_code().await, 1011, "{step}");
        drop(socket);
        eventually(step, || {
            let now = (
                closed(&one.server) - before.0,
                closed(&two.server) - before.1,
            );
            now == (
                usize::from(!of_one.is_empty()),
                usize::from(!of_two.is_empty()),
            )
        })
        .await;
        for (server, line) in [(&one.server, of_one), (&two.server, of_two)] {
            let last = server.app.log().pop().unwrap_or_default();
            assert!(line.is_empty() || last == line, "{step}: {last}");
        }
        assert_eq!(get(&one.server, &path).await.status, 400, "{step}");
        assert_eq!(two.server.labelled(MOVES, "failed"), (number + 1) as f64);
        two.server.app.prepared.lock().clear();
        eventually("nothing is left", || {
            [&one, &two].iter().all(|peer| {
                peer.server.sockets.count() == 0 && peer.server.metric("fh_gateway_links") == 0.0
            })
        })
        .await;
    }
}

#[tokio::test]
async fn what_does_not_move_ends_the_session() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    let body = "451-/messages,2[\"x\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAP8=";
    assert_eq!(post(&one.server, &path, body).await.body, "ok");
    eventually("its answer waits", || one.server.app.count("x") == 1).await;
    socket.send("5").await;
    assert_eq!(socket.close_code().await, 1011);
    ended(&two.server, "internal").await;
}

#[tokio::test]
async fn an_event_that_takes_too_long_for_a_move_ends_the_session() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let mut socket = probed(&two.server, &path).await;
    let event = "42/messages,[\"gated\"]";
    assert_eq!(post(&one.server, &path, event).await.body, "ok");
    socket.send("5").await;
    assert_eq!(socket.close_code().await, 1011);
    one.server.app.gate.add_permits(1);
    ended(&one.server, "internal").await;
    assert_eq!(two.server.app.log(), [""; 0]);
}

#[tokio::test]
async fn an_owner_that_is_cut_off_before_it_hands_over_ends_the_session() {
    let [one, two] = peers(impatient()).await;
    let (path, mut socket) = moving_up_to(&one, &two, "prepare").await;
    one.link.cut();
    ended(&one.server, "transport_aborted").await;
    two.server.app.gate.add_permits(1);
    assert_eq!(socket.close_code().await, 1011);
    ended(&two.server, "internal").await;
    assert_eq!(get(&one.server, &path).await.status, 400);
}

#[tokio::test]
async fn an_owner_from_which_nobody_takes_the_session_ends_it() {
    let [one, two] = peers(impatient()).await;
    let (path, mut socket) = moving_up_to(&one, &two, "prepare").await;
    two.link.cut();
    ended(&one.server, "transport_aborted").await;
    assert_eq!(get(&one.server, &path).await.status, 400);
    two.server.app.gate.add_permits(1);
    assert_eq!(socket.close_code().await, 1011);
    ended(&two.server, "internal").await;
}

#[tokio::test]
async fn a_session_that_is_closed_while_it_moves_ends_on_both_sides() {
    let [one, two] = peers(config()).await;
    let (_, mut socket) = moving_up_to(&one, &two, "prepare").await;
    let connection = one.server.sockets.connections().pop().expect("one");
    connection.close(CloseReason::TokenExpired);
    ended(&one.server, "token_expired").await;
    two.server.app.gate.add_permits(1);
    assert_eq!(socket.close_code().await, 1011);
    ended(&two.server, "internal").await;
}

#[tokio::test]
async fn a_client_that_goes_while_it_moves_is_missed_where_it_moves_to() {
    let [one, two] = peers(config()).await;
    let (_, socket) = moving_up_to(&one, &two, "hand_over").await;
    drop(socket);
    one.server.app.gate.add_permits(1);
    ended(&two.server, "transport_aborted").await;
    assert_eq!(one.server.app.count("closed"), 0);
}

#[tokio::test]
async fn more_than_can_be_remembered_during_a_move_ends_the_session() {
    let [one, two] = peers(config()).await;
    let (_, mut socket) = moving_up_to(&one, &two, "prepare").await;
    for _ in 0..2_000 {
        send(&one.server, "n");
        if one.server.sockets.count() == 0 {
            break;
        }
    }
    ended(&one.server, "too_slow").await;
    two.server.app.gate.add_permits(1);
    assert_eq!(socket.close_code().await, 1011);
}

/// An owner of another release, or of none.
struct Strange(Mutex<(&'static str, &'static str)>);

impl PeerHandler for Strange {
    async fn handle(&self, request: &str, _payload: Bytes) -> Option<Bytes> {
        let (freeze, take) = *self.0.lock();
        let body = match request {
            "freeze" => freeze,
            "take" => take,
            _ => "",
        };
        Some(format!("{{\"verdict\":\"done\"}}\n{body}").into())
    }
}

#[tokio::test]
async fn whatever_an_owner_hands_over_is_taken_or_refused() {
    const DESCRIBED: &str =
        r#"[{"namespace":"/messages","id":"AAAAAAAAAAAAAAAAAAAA","application":{"user":"u-1"}}]"#;
    let [one] = peers(config()).await;
    let strange = Arc::new(Strange(Mutex::default()));
    let instance: Instance = "strange".parse().expect("a name");
    let (bus, route) = (&one.bus, Route::of(&instance));
    serve_peers(
        bus,
        &route,
        "engine",
        Arc::clone(&strange),
        &one.server.tasks,
    )
    .await
    .expect("NATS takes it");
    let path = format!("{POLLING}&sid={route}{}", "A".repeat(20));
    for (freeze, take) in [
        ("", ""),
        ("{}", ""),
        (
            r#"[{"namespace":"/messages","id":"a.b","application":{}}]"#,
            "",
        ),
        (
            r#"[{"namespace":"/nowhere","id":"AAAAAAAAAAAAAAAAAAAA","application":{}}]"#,
            "",
        ),
        (DESCRIBED, ""),
        (DESCRIBED, r#"{"version":0,"outbox":[],"receiver":{}}"#),
        (
            DESCRIBED,
            r#"{"version":1,"nextPingInMs":99999999999999,"outbox":[{"droppable":true,"texts":[]}],"receiver":null}"#,
        ),
        (
            DESCRIBED,
            r#"{"version":1,"outbox":[],"receiver":{"connections":[]}}"#,
        ),
        (
            DESCRIBED,
            r#"{"version":1,"outbox":[],"receiver":{"connections":[{"namespace":"/","application":1,"inbox":[],"sent":[]}]}}"#,
        ),
        (
            DESCRIBED,
            r#"{"version":1,"outbox":[],"receiver":{"partial":{"missing":0,"bytes":1},"connections":[{"namespace":"/messages","application":"ssssssssss","inbox":[],"sent":[]}]}}"#,
        ),
    ] {
        *strange.0.lock() = (freeze, take);
        let mut socket = probed(&one.server, &path).await;
        socket.send("5").await;
        assert_eq!(socket.close_code().await, 1011, "{freeze} {take}");
        drop(socket);
        one.server.app.prepared.lock().clear();
        eventually("nothing is left", || {
            one.server.metric("fh_gateway_links") == 0.0
        })
        .await;
    }
    let prepared = one.server.app.count("prepare");
    eventually("each is told of its end", || {
        one.server.app.count("closed internal") == prepared
    })
    .await;
    connected(&one.server).await;
}

const CLIENTS: usize = 20;
const EVENTS: usize = 300;

/// Sends the same to a connection wherever it is known, as gateways do that hear of the same event.
async fn broadcast(servers: [&Server; 2], ids: &[String]) {
    let mut ticks = tokio::time::interval(Duration::from_millis(3));
    for number in 0..EVENTS {
        let event = EventFrame::new("n", number.to_string());
        for id in ids {
            for server in servers {
                let prepared = server.app.prepared.lock();
                let prepared = prepared.iter().find(|one| one.id() == id).cloned();
                if let Some(connection) = prepared.or_else(|| server.sockets.find(id)) {
                    connection.send(&event, Class::Durable);
                }
            }
        }
        ticks.tick().await;
    }
}

/// Polls some times, moves, and returns the numbers that came.
async fn numbers(servers: [&Server; 2], path: &str, polls: usize) -> Vec<usize> {
    let mut packets = Vec::new();
    for turn in 0..polls {
        packets.push(get(servers[turn % 2], path).await.body);
    }
    let (last, mut socket) = tokio::join!(get(servers[0], path), probed(servers[1], path));
    packets.push(last.body);
    socket.send("5").await;
    let end = format!("42/messages,[\"n\",{}]", EVENTS - 1);
    while packets.last() != Some(&end) {
        packets.push(socket.text().await);
    }
    let packets = packets.iter().flat_map(|body| body.split('\u{1e}'));
    packets
        .filter_map(|packet| {
            packet
                .strip_prefix("42/messages,[\"n\",")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

#[tokio::test]
async fn many_sessions_move_while_events_come_and_each_gets_all_of_them_once_and_in_order() {
    let [one, two] = peers(config()).await;
    let servers = [&one.server, &two.server];
    let (mut paths, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        let path = handshake(&one.server).await;
        assert_eq!(post(&two.server, &path, "40/messages,").await.body, "ok");
        let answer = get(&two.server, &path).await.body;
        assert!(answer.ends_with("[\"connected\",{}]"), "{answer}");
        ids.push(answer.split('"').nth(3).expect("a sid").to_owned());
        paths.push(path);
    }
    let clients = paths.iter().enumerate();
    let clients = clients.map(|(number, path)| numbers(servers, path, number % 7));
    let clients = futures_util::future::join_all(clients);
    let (received, ()) = tokio::join!(clients, broadcast(servers, &ids));
    for numbers in received {
        assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    }
    assert_eq!(two.server.labelled(MOVES, "moved"), CLIENTS as f64);
}
