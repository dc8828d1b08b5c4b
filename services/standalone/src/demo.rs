use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use messaging_api::Api;
use messaging_auth::{JwtSecret, Role, mint};
use messaging_lifecycle::{Tasks, now};
use messaging_web::Health;
use messaging_wire::request::{PutContract, PutMilestone};
use serde::Serialize;

/// How long to wait until the service is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

const CONTRACT: &str = "demo";
const CLIENT: &str = "demo-client";
const FREELANCER: &str = "demo-freelancer";
const MILESTONE: &str = "first-draft";

/// The users of a demo with a token for each, and what they work on.
#[derive(Clone, Serialize)]
pub(crate) struct Demo {
    users: [DemoUser; 2],
    contracts: [DemoContract; 1],
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct DemoUser {
    user_id: &'static str,
    role: &'static str,
    name: &'static str,
    token: String,
}

#[derive(Clone, Serialize)]
struct DemoContract {
    id: &'static str,
    title: &'static str,
    milestones: [DemoMilestone; 1],
}

#[derive(Clone, Serialize)]
struct DemoMilestone {
    id: &'static str,
    title: &'static str,
}

impl Demo {
    /// Mints a token for each user.
    ///
    /// # Errors
    /// If no token can be signed with the secret.
    pub(crate) fn new(secret: &JwtSecret) -> Result<Self, Box<dyn std::error::Error>> {
        let user = |user_id, role: Role, name| {
            Ok::<_, Box<dyn std::error::Error>>(DemoUser {
                user_id,
                role: role.as_str(),
                name,
                token: token(secret, user_id, role)?,
            })
        };
        Ok(Self {
            users: [
                user(CLIENT, Role::Client, "Demo client")?,
                user(FREELANCER, Role::Freelancer, "Demo freelancer")?,
            ],
            contracts: [DemoContract {
                id: CONTRACT,
                title: "A demo contract",
                milestones: [DemoMilestone {
                    id: MILESTONE,
                    title: "First draft",
                }],
            }],
        })
    }

    /// Waits until the service is ready, puts the demo contract and prints how to try it.
    pub(crate) async fn provision(
        &self,
        api: &Api,
        health: &Health,
        (address, has_inbox): (SocketAddr, bool),
        tasks: &Tasks,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let ready = async {
            while !health.missing().is_empty() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::select! {
            waited = tokio::time::timeout(READY_TIMEOUT, ready) => waited.map_err(|_| "the service did not become ready")?,
            () = tasks.stopping().cancelled() => return Ok(()),
        }
        for contract in &self.contracts {
            api.put_contract(contract.id, &contract.to_put()).await?;
        }
        let [client, freelancer] = &self.users;
        let welcome = welcome(address, has_inbox, &client.token, &freelancer.token);
        // Nobody reads it if standard output is closed, which is no reason to stop.
        let _ = std::io::stdout().lock().write_all(welcome.as_bytes());
        Ok(())
    }
}

impl DemoContract {
    fn to_put(&self) -> PutContract {
        let milestone = |milestone: &DemoMilestone| PutMilestone {
            id: milestone.id.to_owned(),
            title: Some(milestone.title.to_owned()),
        };
        PutContract {
            client_id: CLIENT.to_owned(),
            freelancer_id: FREELANCER.to_owned(),
            title: Some(self.title.to_owned()),
            milestones: Some(self.milestones.iter().map(milestone).collect()),
        }
    }
}

fn token(secret: &JwtSecret, user: &str, role: Role) -> Result<String, Box<dyn std::error::Error>> {
    let expires_in = "7d".parse()?;
    Ok(mint(
        secret,
        &user.parse()?,
        Some(role),
        None,
        now(),
        expires_in,
    )?)
}

fn welcome(address: SocketAddr, has_inbox: bool, client: &str, freelancer: &str) -> String {
    let url = format!("http://localhost:{}", address.port());
    let inbox = if has_inbox {
        format!("\nOpen {url} in two windows, and sign in as each of the two users.\n")
    } else {
        String::new()
    };
    format!(
        r#"
FreelanceHub Messaging is ready on {url}

The contract "{CONTRACT}" binds {CLIENT} and {FREELANCER}; it has the milestone "{MILESTONE}".
{inbox}
Tokens, for 7 days:
  CLIENT_TOKEN={client}
  FREELANCER_TOKEN={freelancer}

Send a message as the client (the first one makes the conversation), then list and read:
  curl -X POST {url}/api/messages -H "Authorization: Bearer {client}" -H "Content-Type: application/json" -d '{{"contractId":"{CONTRACT}","content":"Hello!"}}'
  curl {url}/api/messages/conversations -H "Authorization: Bearer {freelancer}"
  curl {url}/api/messages/conversations/CONVERSATION_ID/messages -H "Authorization: Bearer {freelancer}"

Listen and answer as the freelancer (npm install socket.io-client; the same lines work in a browser):
  import {{ io }} from 'socket.io-client';
  const token = '{freelancer}';
  const socket = io('{url}/messages', {{ auth: {{ token }} }});
  socket.on('connected', (hello) => console.log('connected', hello));
  socket.on('new_message', (message) => console.log('new_message', message));
  socket.emit('join_conversation', {{ conversationId: 'CONVERSATION_ID' }}, (ack) => {{
    console.log('joined', ack);
    socket.emit('send_message', {{ conversationId: 'CONVERSATION_ID', content: 'Hi!' }}, (ack) => console.log('sent', ack));
  }});

Health: {url}/health/ready   Metrics: {url}/metrics   Stop: Ctrl-C
"#
    )
}
