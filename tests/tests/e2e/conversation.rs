use crate::support::{Cluster, NO_RATES, Script};

#[tokio::test]
async fn two_clients_on_different_gateways_talk_and_read() {
    Script::run("exchange", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn two_clients_with_websockets_alone_talk_and_read() {
    Script::run("exchange websocket", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn two_clients_with_polling_alone_talk_and_read() {
    Script::run("exchange polling", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn two_plain_clients_talk_and_read() {
    Script::run("exchange plain", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn typing_is_told_to_the_others_and_lapses() {
    Script::run("typing", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn fifty_first_messages_at_once_make_one_conversation() {
    Script::run("first_messages", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn two_hundred_sends_at_once_are_seen_in_order_and_once_by_everyone() {
    Script::run("flood", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn a_retry_through_another_replica_is_stored_and_delivered_once() {
    Script::run("retry", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn a_message_is_edited_and_deleted_by_its_sender() {
    Script::run("changes", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn who_joins_late_gets_what_was_missed_and_then_what_is_new() {
    Script::run("join", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn who_joins_in_the_middle_of_a_flood_sees_no_gap_and_no_repeat() {
    Script::run("join_flood", &Cluster::start(&NO_RATES).await).await;
}
