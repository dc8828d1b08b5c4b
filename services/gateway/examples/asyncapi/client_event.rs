use messaging_domain::Timestamp;
use messaging_domain::limits::REPLAY_MAX;
use messaging_wire::request::{
    CreateMessage, DeleteMessage, EditMessage, GetPresence, JoinConversation, LeaveConversation,
    MarkAsRead, RefreshToken, SendMessage, Typing,
};
use messaging_wire::{Conversation, Message, PresenceItem, ReadReceipt};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::schemas::{Schemas, object};

/// What a client sends.
pub(crate) struct ClientEvent {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The schema of its data.
    pub(crate) data: Value,
    /// The schema of the acknowledgement that it was done.
    pub(crate) ack: Value,
}

/// All of them, in the order of the contract.
pub(crate) fn client_events(schemas: &mut Schemas) -> Vec<ClientEvent> {
    let message = schemas.add::<Message>();
    let conversation = schemas.add::<Conversation>();
    let duplicate = json!({
        "type": "boolean",
        "const": true,
        "description": "It had been stored before, under the same `clientMessageId`.",
    });
    let mut all = conversation_events(schemas, &conversation);
    all.extend([
        event::<SendMessage>(
            schemas,
            "send_message",
            "Sends a message to a conversation. Done means stored by a majority of MongoDB.",
            maybe(done(json!({ "message": message })), "duplicate", &duplicate),
        ),
        event::<CreateMessage>(
            schemas,
            "create_message",
            "Sends a message to a contract or milestone, makes the conversation if there is none, and joins it.",
            maybe(
                done(json!({ "message": message, "conversation": conversation })),
                "duplicate",
                &duplicate,
            ),
        ),
        event::<EditMessage>(
            schemas,
            "edit_message",
            "Changes the text of an own message.",
            done(json!({ "message": message })),
        ),
        event::<DeleteMessage>(
            schemas,
            "delete_message",
            "Deletes an own message: its text and its files go, its `seq` stays.",
            done(json!({ "message": message })),
        ),
    ]);
    all.extend(user_events(schemas));
    all
}

fn conversation_events(schemas: &mut Schemas, conversation: &Value) -> Vec<ClientEvent> {
    let replayed = json!({
        "type": "integer",
        "minimum": 0,
        "maximum": REPLAY_MAX,
        "description": "How many missed messages came before this.",
    });
    let has_more = json!({
        "type": "boolean",
        "description": "Whether more were missed, to be fetched by REST.",
    });
    vec![
        event::<JoinConversation>(
            schemas,
            "join_conversation",
            "Joins a conversation. With `afterSeq`, the `new_message`s after it come first, in order; without it, live ones start \
             after `conversation.lastSeq`. Joining again is harmless.",
            done(
                json!({ "conversation": conversation, "replayed": replayed, "hasMore": has_more }),
            ),
        ),
        event::<LeaveConversation>(
            schemas,
            "leave_conversation",
            "Leaves a conversation.",
            done(json!({})),
        ),
        event::<Typing>(
            schemas,
            "typing",
            "Tells that the user types, or stopped. It lapses after 5 s unless it is renewed.",
            done(json!({})),
        ),
    ]
}

fn user_events(schemas: &mut Schemas) -> Vec<ClientEvent> {
    let receipt = schemas.add::<ReadReceipt>();
    let presence = schemas.add::<PresenceItem>();
    let time = schemas.add::<Timestamp>();
    vec![
        event::<MarkAsRead>(
            schemas,
            "mark_as_read",
            "Marks a conversation as read, up to a `seq` or all of it.",
            json!({ "allOf": [done(json!({})), receipt] }),
        ),
        event::<GetPresence>(
            schemas,
            "get_presence",
            "Tells who of some users is connected; those who share no contract with the user are left out.",
            done(json!({ "items": { "type": "array", "items": presence } })),
        ),
        event::<RefreshToken>(
            schemas,
            "refresh_token",
            "Lets the connection stay for as long as another token of the same user holds.",
            done(json!({ "expiresAt": time })),
        ),
    ]
}

fn event<T: ToSchema>(
    schemas: &mut Schemas,
    name: &'static str,
    summary: &'static str,
    ack: Value,
) -> ClientEvent {
    ClientEvent {
        name,
        summary,
        data: schemas.add::<T>(),
        ack: schemas.add_as(&format!("{name}_ack"), ack),
    }
}

/// An acknowledgement of success with these members.
fn done(mut members: Value) -> Value {
    members["ok"] = json!({ "type": "boolean", "const": true });
    object(members)
}

fn maybe(mut object: Value, name: &str, member: &Value) -> Value {
    object["properties"][name] = member.clone();
    object
}
