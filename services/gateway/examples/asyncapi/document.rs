use std::fs;
use std::path::{Path, PathBuf};

use messaging_wire::Fault;
use serde_json::{Map, Value, json};

use crate::client_event::{ClientEvent, client_events};
use crate::envelope::{Dialect, IsAck};
use crate::limits::{close_codes, limits};
use crate::schemas::{Schemas, object};
use crate::server_event::{ServerEvent, server_events};

/// The message by which a refusal is told, in each dialect.
const REFUSED: &str = "refused";

/// The document as JSON.
pub(crate) fn document() -> Value {
    let mut schemas = Schemas::default();
    let asked = client_events(&mut schemas);
    let told = server_events(&mut schemas);
    let fault = schemas.add::<Fault>();
    let refused = object(json!({ "ok": { "type": "boolean", "const": false }, "error": fault }));
    let refused = schemas.add_as("Refused", refused);

    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for dialect in Dialect::ALL {
        let mut here = Map::new();
        for event in &asked {
            add_asked(dialect, event, &mut here, &mut operations);
        }
        for event in &told {
            add_told(dialect, event, &mut here, &mut operations);
        }
        let refusal = message(
            REFUSED,
            "An event was refused: the acknowledgement of any event.",
            dialect.ack(&refused),
            examples("ack_error", dialect, REFUSED, IsAck::Yes),
        );
        here.insert(dialect.message_name(REFUSED), refusal);
        let references = here.keys().map(|name| {
            let reference = json!({ "$ref": format!("#/components/messages/{name}") });
            (name.clone(), reference)
        });
        channels.insert(
            dialect.name().to_owned(),
            channel(dialect, references.collect()),
        );
        messages.extend(here);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": info(),
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas.into_json(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn add_asked(
    dialect: Dialect,
    event: &ClientEvent,
    messages: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    let name = dialect.message_name(event.name);
    let ack_name = format!("{name}_ack");
    let sent = message(
        event.name,
        event.summary,
        dialect.of_client(event.name, &event.data),
        examples(event.name, dialect, event.name, IsAck::No),
    );
    let ack = format!("ack_{}", event.name);
    let answered = message(
        &ack,
        "It was done.",
        dialect.ack(&event.ack),
        examples(&ack, dialect, event.name, IsAck::Yes),
    );
    let answers = [
        reference(dialect, &ack_name),
        reference(dialect, &dialect.message_name(REFUSED)),
    ];
    let operation = json!({
        "action": "receive",
        "summary": event.summary,
        "channel": { "$ref": format!("#/channels/{}", dialect.name()) },
        "messages": [reference(dialect, &name)],
        "reply": { "channel": { "$ref": format!("#/channels/{}", dialect.name()) }, "messages": answers },
    });
    operations.insert(name.clone(), operation);
    messages.insert(name, sent);
    messages.insert(ack_name, answered);
}

fn add_told(
    dialect: Dialect,
    event: &ServerEvent,
    messages: &mut Map<String, Value>,
    operations: &mut Map<String, Value>,
) {
    let name = dialect.message_name(event.name);
    let told = message(
        event.name,
        event.summary,
        dialect.of_server(event.name, &event.data),
        examples(event.name, dialect, event.name, IsAck::No),
    );
    let operation = json!({
        "action": "send",
        "summary": event.summary,
        "channel": { "$ref": format!("#/channels/{}", dialect.name()) },
        "messages": [reference(dialect, &name)],
    });
    operations.insert(name.clone(), operation);
    messages.insert(name, told);
}

fn message(name: &str, summary: &str, payload: Value, examples: Vec<Value>) -> Value {
    json!({ "name": name, "summary": summary, "payload": payload, "examples": examples })
}

/// The golden files of an event or acknowledgement: NAME.json and NAME.*.json.
pub(crate) fn golden_files(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/golden");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let file = path.file_name().and_then(|file| file.to_str());
            file.is_some_and(|file| file.split('.').next() == Some(name))
        })
        .collect();
    files.sort();
    files
}

fn examples(golden: &str, dialect: Dialect, event: &str, is_ack: IsAck) -> Vec<Value> {
    let files = golden_files(golden).into_iter();
    // One is enough to show what stands around the data.
    let count = match dialect {
        Dialect::SocketIo => usize::MAX,
        Dialect::Plain => 1,
    };
    files
        .take(count)
        .map(|path| {
            let text = fs::read_to_string(path).expect("it can be read");
            let data = serde_json::from_str(&text).expect("golden files are JSON");
            json!({ "payload": dialect.example(event, is_ack, data) })
        })
        .collect()
}

/// A message of a channel, as operations refer to it.
fn reference(dialect: Dialect, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{}/messages/{message}", dialect.name()) })
}

fn channel(dialect: Dialect, messages: Map<String, Value>) -> Value {
    let (address, description) = match dialect {
        Dialect::SocketIo => (
            "/messages",
            "The namespace of Socket.IO. The payload of a message is the one argument of the event of that name, and an \
             acknowledgement is the argument of the callback. Without a callback a refusal comes as `exception`.",
        ),
        Dialect::Plain => (
            "/ws",
            "Text frames of JSON. A frame with an `id` is answered by one with the same `ack`; without `id`, a refusal comes as \
             `exception`, and one with `event: null` answers malformed JSON.",
        ),
    };
    json!({
        "address": address,
        "description": description,
        "servers": [{ "$ref": format!("#/servers/{}", dialect.name()) }],
        "messages": messages,
        "x-limits": limits(),
        "x-close-codes": close_codes(),
    })
}

fn servers() -> Value {
    let security = ["bearer", "query"]
        .map(|scheme| json!({ "$ref": format!("#/components/securitySchemes/{scheme}") }));
    json!({
        "socketio": {
            "host": "localhost:8000",
            "pathname": "/socket.io/",
            "protocol": "socketio",
            "protocolVersion": "5",
            "description": "Any gateway, for socket.io-client 4.x. The token may also be `auth: { token }`, which counts first. A bad \
                token gives `connect_error` with `data.code` `unauthorized`, too many connections `limit_reached`.",
            "security": security,
        },
        "plain": {
            "host": "localhost:8000",
            "pathname": "/ws",
            "protocol": "ws",
            "protocolVersion": "13",
            "description": "Any gateway, for clients without Socket.IO. The token may also be a subprotocol: \
                `Sec-WebSocket-Protocol: bearer, TOKEN`. A bad token is refused with 401 before the upgrade, a page of a foreign \
                origin with 403, too many connections with 429; plain HTTP with 426.",
            "security": security,
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "`Authorization: Bearer TOKEN`.",
        },
        "query": {
            "type": "httpApiKey",
            "in": "query",
            "name": "token",
            "description": "`?token=TOKEN`, where a header cannot be set.",
        },
    })
}

fn info() -> Value {
    json!({
        "title": "FreelanceHub Messaging: events",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": env!("CARGO_PKG_LICENSE") },
        "description": "What clients and gateways send each other, over Socket.IO or plain WebSocket. Operations are told from the \
            side of the service: it receives what clients emit and sends what they listen to.\n\n\
            The events of one connection take effect in the order in which it sent them. A bad event never closes the connection. \
            Unknown fields are ignored, and clients ignore unknown fields, too. The limits of a connection (`x-limits`) are \
            settings, shown with their defaults; `x-close-codes` tells why a WebSocket is closed.\n\n\
            This file is made of the code by `make asyncapi`.",
    })
}
