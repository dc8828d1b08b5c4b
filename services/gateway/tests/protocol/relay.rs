//! Long-polling by requests that reach any of several gateways.

use std::time::Duration;

use bytes::Bytes;
use messaging_gateway::connection::{Class, CloseReason, EventFrame};
use tokio::time::{Instant, timeout};

use crate::peers::{Peer, impatient, peers};
use crate::polling::{POLLING, connected, get, handshake, post};
use crate::server::{config, eventually};
use crate::wire::request;

const RELAYED: &str = "fh_gateway_relayed_requests_total";

#[tokio::test]
async fn each_request_may_reach_another_gateway_and_all_comes_in_order() {
    let [one, two, three] = peers(config()).await;
    let path = handshake(&one.server).await;
    let join = "40/messages,{\"token\":\"t\"}";
    assert_eq!(post(&two.server, &path, join).await.body, "ok");
    eventually("it is open", || one.server.sockets.count() == 1).await;
    let answer = get(&three.server, &path).await;
    assert!(answer.body.starts_with("40/messages,"), "{answer:?}");
    let takers = [&one.server, &two.server, &three.server];
    for number in 0..12 {
        let event = format!("42/messages,{number}[\"x\",{number}]");
        let answer = post(takers[number % 3], &path, &event).await;
        assert_eq!((answer.status, &*answer.body), (200, "ok"));
        let expected = format!("43/messages,{number}[{number}]");
        assert_eq!(get(takers[(number + 1) % 3], &path).await.body, expected);
    }
    assert_eq!(one.server.app.count("x "), 12);
    assert_eq!(two.server.app.log(), [""; 0]);
    assert_eq!(two.server.labelled(RELAYED, "answered"), 9.0);
    assert_eq!(post(&two.server, &path, "1").await.body, "ok");
    assert_eq!(get(&three.server, &path).await.body, "6");
    assert_eq!(get(&three.server, &path).await.status, 400);
    assert_eq!(three.server.labelled(RELAYED, "unknown"), 1.0);
}

#[tokio::test]
async fn a_poll_waits_at_another_gateway_for_longer_than_a_slice() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let connection = one.server.sockets.connections().pop().expect("one");
    let poll = get(&two.server, &path);
    tokio::pin!(poll);
    // Longer than several slices, and than who is gone is waited for.
    let early = timeout(Duration::from_millis(1_300), &mut poll).await;
    assert!(early.is_err(), "there is nothing to tell");
    connection.send(&EventFrame::new("late", "1"), Class::Durable);
    assert_eq!(poll.await.body, "42/messages,[\"late\",1]");
    assert_eq!(one.server.app.count("closed"), 0);
}

#[tokio::test]
async fn a_post_waits_at_another_gateway_while_its_events_are_not_taken() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let body = vec!["42/messages,[\"gated\"]"; 100].join("\u{1e}");
    let posted = post(&two.server, &path, &body);
    tokio::pin!(posted);
    let early = timeout(Duration::from_millis(1_300), &mut posted).await;
    assert!(early.is_err(), "100 events fit into an inbox of 64");
    one.server.app.gate.add_permits(100);
    assert_eq!(posted.await.body, "ok");
    eventually("all came", || one.server.app.count("gated") == 100).await;
}

#[tokio::test]
async fn a_second_poll_ends_the_session_wherever_it_comes() {
    let [one, two, three] = peers(config()).await;
    let path = connected(&one.server).await;
    let second = async {
        one.server.polled(1.0).await;
        get(&three.server, &path).await
    };
    let (first, second) = tokio::join!(get(&two.server, &path), second);
    assert_eq!((first.status, &*first.body, second.status), (200, "1", 400));
    assert_eq!(get(&one.server, &path).await.status, 400);
    eventually("it is closed", || {
        one.server.app.count("closed protocol_violation") == 1
    })
    .await;
}

#[tokio::test]
async fn a_relayed_poll_that_is_aborted_ends_the_session() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    tokio::select! {
        answer = get(&two.server, &path) => panic!("there was nothing to tell, yet it got {answer:?}"),
        () = one.server.polled(1.0) => {}
    }
    eventually("it is closed", || {
        one.server.app.count("closed transport_aborted") == 1
    })
    .await;
    assert_eq!(two.server.labelled(RELAYED, "aborted"), 1.0);
    assert_eq!(get(&two.server, &path).await.status, 400);
}

#[tokio::test]
async fn what_no_gateway_can_own_is_an_unknown_session() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let sid = path.rsplit('=').next().expect("a sid");
    let nobody = format!("AAAAAAAAAA{}", &sid[10..]);
    let stranger = format!("{}{}", &sid[..10], "A".repeat(20));
    for sid in [
        "nobody",
        "",
        &sid[..29],
        &nobody,
        &stranger,
        &format!("{}.", &sid[..29]),
        "%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80",
    ] {
        for (method, transport) in [
            ("GET", "polling"),
            ("POST", "polling"),
            ("GET", "websocket"),
        ] {
            let path = format!("/socket.io/?EIO=4&transport={transport}&sid={sid}");
            let answer = request(two.server.address, method, &path, "").await;
            assert_eq!(answer.status, 400, "{method} {path}");
            if transport == "polling" {
                assert!(answer.body.contains("Session ID unknown"), "{answer:?}");
            }
        }
    }
    assert_eq!(
        request(two.server.address, "PUT", &path, "").await.status,
        400
    );
    assert_eq!(one.server.app.count("closed"), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_ends_the_session_of_another_gateway() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let body = format!("42/messages,[\"{}\"]", "x".repeat(10_000));
    let answer = post(&two.server, &path, &body).await;
    assert!(
        answer.status == 413 && answer.body.contains("payload_too_large"),
        "{answer:?}"
    );
    eventually("it is closed", || {
        one.server.app.count("closed too_big") == 1
    })
    .await;
}

#[tokio::test]
async fn what_nats_does_not_take_is_not_relayed() {
    let mut config = config();
    config.frame_bytes_max = 4 << 20;
    config.outbox_bytes_max = 8 << 20;
    let [one, two] = peers(config).await;
    let path = connected(&one.server).await;
    let body = format!("42/messages,[\"x\",\"{}\"]", "x".repeat(2 << 20));
    assert_eq!(post(&two.server, &path, &body).await.status, 413);
    eventually("it is closed", || {
        one.server.app.count("closed too_big") == 1
    })
    .await;
    let path = connected(&one.server).await;
    let connection = one.server.sockets.connections().pop().expect("one");
    let large = EventFrame::new("large", format!("\"{}\"", "x".repeat(2 << 20)));
    connection.send(&large, Class::Durable);
    assert_eq!(get(&two.server, &path).await.status, 400);
    eventually("it is closed", || {
        one.server.app.count("closed internal") == 1
    })
    .await;
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_ends_the_session_of_another_gateway() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    assert_eq!(post(&two.server, &path, "abc").await.status, 400);
    eventually("it is closed", || {
        one.server.app.count("closed protocol_violation") == 1
    })
    .await;
}

#[tokio::test]
async fn last_words_can_be_fetched_from_another_gateway() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let connection = one.server.sockets.connections().pop().expect("one");
    connection.send(&EventFrame::new("token_expired", "{}"), Class::Durable);
    connection.close(CloseReason::TokenExpired);
    let last = get(&two.server, &path).await.body;
    assert_eq!(last, "42/messages,[\"token_expired\",{}]");
    assert_eq!(get(&two.server, &path).await.body, "1");
    assert_eq!(get(&two.server, &path).await.status, 400);
}

#[tokio::test]
async fn an_owner_that_ends_is_noticed_soon() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let stop = async {
        one.server.polled(1.0).await;
        let stopped = one.server.tasks.stop(Duration::from_secs(5)).await;
        stopped.expect("all tasks end");
    };
    let (polled, ()) = tokio::join!(get(&two.server, &path), stop);
    assert_eq!((polled.status, &*polled.body), (200, "1"));
    let started = Instant::now();
    assert_eq!(get(&two.server, &path).await.status, 400);
    assert!(started.elapsed() < Duration::from_secs(1), "{started:?}");
    assert_eq!(two.server.labelled(RELAYED, "unserved"), 1.0);
}

#[tokio::test]
async fn an_owner_that_is_cut_off_is_noticed_within_a_slice() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let cut = async {
        one.server.polled(1.0).await;
        one.link.cut();
    };
    let (polled, ()) = tokio::join!(get(&two.server, &path), cut);
    assert_eq!(polled.status, 400);
    eventually("its session has ended", || {
        one.server.app.count("closed transport_aborted") == 1
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_the_gateway_that_polls_for_it_is_gone() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let poll = get(&two.server, &path);
    let gone = async {
        one.server.polled(1.0).await;
        two.link.cut();
        eventually("it is closed", || {
            one.server.app.count("closed transport_aborted") == 1
        })
        .await;
    };
    let (polled, ()) = tokio::join!(poll, gone);
    assert_eq!(polled.status, 400);
    assert_eq!(get(&one.server, &path).await.status, 400);
}

#[tokio::test]
async fn a_gateway_that_ends_sends_the_polls_of_others_home() {
    let [one, two] = peers(impatient()).await;
    let path = connected(&one.server).await;
    let stop = async {
        one.server.polled(1.0).await;
        // The poll is a request in work, which the server finishes.
        two.server.tasks.stop(Duration::from_secs(5)).await
    };
    let (polled, stopped) = tokio::join!(get(&two.server, &path), stop);
    assert_eq!((polled.status, &*polled.body), (200, "6"));
    stopped.expect("all tasks end");
    let connection = one.server.sockets.connections().pop().expect("it lives on");
    connection.send(&EventFrame::new("still", "1"), Class::Durable);
    assert_eq!(
        get(&one.server, &path).await.body,
        "42/messages,[\"still\",1]"
    );
}

#[tokio::test]
async fn what_a_gateway_cannot_read_is_answered_with_a_failure() {
    let [one, two] = peers(config()).await;
    let path = connected(&one.server).await;
    let sid = path.rsplit('=').next().expect("a sid");
    let other_release = format!("{{\"version\":0,\"sid\":\"{sid}\",\"ticket\":\"t\"}}\n");
    let Peer { bus: asking, .. } = &two;
    for request in [
        "poll", "post", "probe", "probed", "freeze", "take", "nonsense",
    ] {
        for payload in [
            &b""[..],
            b"\n",
            b"{}\n",
            &[0xff; 2_000],
            other_release.as_bytes(),
        ] {
            let within = Duration::from_secs(5);
            let payload = Bytes::copy_from_slice(payload);
            let answer = asking.ask_peer(&one.route, ("engine", request), payload, within);
            let answer = answer.await.expect("an answer");
            assert_eq!(answer, "{\"verdict\":\"failed\"}\n", "{request}");
        }
    }
    for request in ["cut", "unprobe"] {
        asking
            .tell_peer(&one.route, ("engine", request), Bytes::from_static(b"{}\n"))
            .await;
    }
    assert_eq!(
        post(&two.server, &path, "42/messages,[\"x\"]").await.body,
        "ok"
    );
    assert_eq!(get(&two.server, POLLING).await.status, 200);
}
