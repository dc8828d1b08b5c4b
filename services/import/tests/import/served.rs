use std::time::Duration;

use messaging_auth::{JwtSecret, Role, mint};
use messaging_lifecycle::now;
use messaging_test_support::{NatsServer, ServiceProcess, binary_path, eventually, unique_prefix};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::old_data::{Talk, client, contract, id};
use crate::world;

const SECRET: &str = "the secret of the importer's tests, long enough";
const BOUND: Duration = Duration::from_secs(30);

/// A user who asks an API service.
struct User {
    url: String,
    token: String,
}

impl User {
    fn new(service: &ServiceProcess, id: &str) -> Self {
        let secret = JwtSecret::new(SECRET.to_owned());
        let id = id.parse().expect("a valid id");
        let hour = "1h".parse().expect("a duration");
        let token = mint(&secret, &id, Some(Role::Client), None, now(), hour);
        Self {
            url: format!("{}/api", service.url()),
            token: token.expect("it can be signed"),
        }
    }

    async fn call(&self, method: &'static str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (url, token) = (
            format!("{}{path}", self.url),
            format!("Bearer {}", self.token),
        );
        let call = move || {
            let agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .build();
            let agent = ureq::Agent::new_with_config(agent);
            let mut answer = match body {
                None => agent.get(url).header("authorization", token).call(),
                Some(body) if method == "POST" => agent
                    .post(url)
                    .header("authorization", token)
                    .send_json(body),
                Some(body) => agent
                    .patch(url)
                    .header("authorization", token)
                    .send_json(body),
            }
            .expect("an answer");
            let body = answer.body_mut().read_json().expect("JSON");
            (answer.status().as_u16(), body)
        };
        tokio::task::spawn_blocking(call).await.expect("no panic")
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

async fn api(world: &World) -> ServiceProcess {
    let settings = [
        ("JWT_SECRET", SECRET.to_owned()),
        ("MONGODB_URI", world.uri.clone()),
        ("MONGODB_DATABASE", world.new.name().to_owned()),
        ("NATS_URL", NatsServer::shared().await.url()),
        ("NATS_SUBJECT_PREFIX", unique_prefix()),
    ];
    let service = ServiceProcess::start(&binary_path("messaging-api"), settings).await;
    let ready = format!("{}/health/ready", service.url());
    eventually(BOUND, "the service is ready", async || {
        let ready = ready.clone();
        let answer = tokio::task::spawn_blocking(move || ureq::get(ready).call().is_ok());
        answer.await.expect("no panic")
    })
    .await;
    service
}

#[tokio::test]
async fn imported_conversations_are_served_and_gone_on_with() {
    let world = world(&Talk::some(2, 60)).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    let service = api(&world).await;
    let user = User::new(&service, &client(0).to_hex());

    let list = user.get("/messages/conversations").await;
    let conversation = &list["items"][0];
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(conversation["contractId"], contract(0).to_hex());
    assert_eq!(conversation["lastSeq"], 60);
    assert_eq!(conversation["lastMessage"]["content"], "message 59 of 0");
    assert_eq!(conversation["lastMessage"]["id"], id(6, 59).to_hex());
    assert_eq!(
        conversation["updatedAt"],
        conversation["lastMessage"]["createdAt"]
    );
    // Of the messages from 36 on, those by the other one: 37, 40 … 58.
    assert_eq!(conversation["unreadCount"], 8);
    assert_eq!(conversation["participants"][0]["readSeq"], 37);

    let path = format!(
        "/messages/conversations/{}",
        conversation["id"].as_str().expect("an id")
    );
    let page = user
        .get(&format!("{path}/messages?after=0&limit=100"))
        .await;
    let contents: Vec<&str> = page["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|message| message["content"].as_str().expect("a text"))
        .collect();
    assert_eq!(contents, Talk::some(1, 60)[0].contents());
    let found = user.get(&format!("{path}/search?q=message%2017")).await;
    assert_eq!(found["items"][0]["seq"], 18);

    let said = json!({ "content": "going on" });
    let (status, message) = user
        .call("POST", &format!("{path}/messages"), Some(said))
        .await;
    assert_eq!((status, &message["seq"]), (201, &json!(61)), "{message}");
    let edit = format!("{path}/messages/{}", id(6, 0).to_hex());
    let (status, edited) = user
        .call("PATCH", &edit, Some(json!({ "content": "edited" })))
        .await;
    assert_eq!(
        (status, &edited["content"]),
        (200, &json!("edited")),
        "{edited}"
    );
    let (status, read) = user
        .call("PATCH", &format!("{path}/read"), Some(json!({})))
        .await;
    assert_eq!((status, &read["unreadCount"]), (200, &json!(0)), "{read}");

    // What was done here is not undone by another run.
    let run = world.import(&[]).await;
    assert_eq!(
        (run.code, &run.report["changed"]),
        (0, &json!(false)),
        "{run:#?}"
    );
    let page = user.get(&format!("{path}/messages?after=0&limit=1")).await;
    assert_eq!(page["items"][0]["content"], "edited");
    let stranger = User::new(&service, &client(1).to_hex());
    assert_eq!(stranger.call("GET", &path, None).await.0, 404);
}
