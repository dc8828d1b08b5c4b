use messaging_wire::event::{
    CONNECTED, Connected, EXCEPTION, Exception, MESSAGE_DELETED, MESSAGE_NOTIFICATION,
    MESSAGE_UPDATED, MESSAGES_READ, MessageNotification, NEW_MESSAGE, SERVER_DRAINING,
    ServerDraining, TOKEN_EXPIRED, USER_PRESENCE, USER_TYPING, UserTyping,
};
use messaging_wire::{Message, PresenceItem, ReadReceipt};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::schemas::Schemas;

/// What a server sends unasked.
pub(crate) struct ServerEvent {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The schema of its data.
    pub(crate) data: Value,
}

/// All of them, in the order of the contract.
pub(crate) fn server_events(schemas: &mut Schemas) -> Vec<ServerEvent> {
    let nothing = schemas.add_as("Nothing", json!({ "type": "object", "maxProperties": 0 }));
    let mut all = conversation_events(schemas);
    all.extend([
        event::<PresenceItem>(
            schemas,
            USER_PRESENCE,
            "Someone who shares a contract with the user came or went; once per change of that user, not per connection.",
        ),
        ServerEvent {
            name: TOKEN_EXPIRED,
            summary: "The token has expired or was revoked; the connection is closed after this.",
            data: nothing,
        },
        event::<ServerDraining>(
            schemas,
            SERVER_DRAINING,
            "The server is about to end; the connection will be closed soon.",
        ),
        event::<Exception>(
            schemas,
            EXCEPTION,
            "An event that asked for no acknowledgement was refused, or what was sent could not be read.",
        ),
    ]);
    all
}

fn conversation_events(schemas: &mut Schemas) -> Vec<ServerEvent> {
    vec![
        event::<Connected>(schemas, CONNECTED, "The first event of a connection."),
        event::<Message>(
            schemas,
            NEW_MESSAGE,
            "A message in a joined conversation, the user's own included: `seq` n, n+1, n+2 …, without gap, repeat or swap.",
        ),
        event::<MessageNotification>(
            schemas,
            MESSAGE_NOTIFICATION,
            "A message by the other participant in a conversation that the connection has not joined.",
        ),
        event::<Message>(
            schemas,
            MESSAGE_UPDATED,
            "A message in a joined conversation whose text changed.",
        ),
        event::<Message>(
            schemas,
            MESSAGE_DELETED,
            "A message in a joined conversation that was deleted.",
        ),
        event::<UserTyping>(
            schemas,
            USER_TYPING,
            "The other participant of a joined conversation types, or stopped.",
        ),
        event::<ReadReceipt>(
            schemas,
            MESSAGES_READ,
            "How far someone has read a joined conversation, or the user himself any conversation; only when `readSeq` grew.",
        ),
    ]
}

fn event<T: ToSchema>(
    schemas: &mut Schemas,
    name: &'static str,
    summary: &'static str,
) -> ServerEvent {
    ServerEvent {
        name,
        summary,
        data: schemas.add::<T>(),
    }
}
