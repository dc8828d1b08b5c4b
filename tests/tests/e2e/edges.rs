use crate::support::{Cluster, NO_RATES, Script};

const GRACE: &str = "600";

#[tokio::test]
async fn presence_is_told_once_per_change_of_the_user() {
    let cluster = Cluster::start(&[("PRESENCE_GRACE_MS", GRACE)]).await;
    Script::run(&format!("presence {GRACE}"), &cluster).await;
}

#[tokio::test]
async fn whatever_is_refused_has_its_code_and_the_connection_goes_on() {
    Script::run("errors", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn plain_websockets_have_their_handshake_ids_and_close_codes() {
    Script::run("plain", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn garbage_gets_its_answer_and_nobody_else_feels_it() {
    let settings = [("CONNECTIONS_PER_USER_MAX", "0"), NO_RATES[0], NO_RATES[1]];
    Script::run("garbage", &Cluster::start(&settings).await).await;
}

#[tokio::test]
async fn only_pages_of_listed_origins_are_let_in() {
    let settings = [
        ("CORS_ORIGINS", "https://app.example,http://localhost:5173"),
        ("CONNECTIONS_PER_USER_MAX", "0"),
    ];
    Script::run("cors", &Cluster::start(&settings).await).await;
}

#[tokio::test]
async fn limits_refuse_what_is_too_much_and_nothing_else() {
    let settings = [
        ("REQUESTS_PER_SECOND", "1"),
        ("REQUESTS_BURST", "5"),
        ("CONNECTIONS_PER_USER_MAX", "3"),
        ("CONVERSATIONS_PER_CONNECTION_MAX", "2"),
    ];
    Script::run("limits", &Cluster::start(&settings).await).await;
}

#[tokio::test]
async fn contracts_and_presence_are_served_over_rest() {
    Script::run("rest_contracts", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn conversations_and_messages_are_served_over_rest() {
    Script::run("rest_messages", &Cluster::start(&[]).await).await;
}

#[tokio::test]
async fn files_are_uploaded_attached_and_read_by_the_two_who_may() {
    Script::run("attachments", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn a_search_finds_what_was_acked() {
    Script::run("search", &Cluster::start(&NO_RATES).await).await;
}

#[tokio::test]
async fn the_document_of_the_calls_agrees_with_what_is_served() {
    Script::run("document", &Cluster::start(&NO_RATES).await).await;
}
