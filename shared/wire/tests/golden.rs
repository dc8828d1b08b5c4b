//! Each golden file is what the Rust types write, to the byte but for white space, and what they read back.

#[cfg(test)]
mod support;

use std::{collections::BTreeSet, fs};

use messaging_wire::{
    Attachment, Contract, Conversation, ConversationsPage, ErrorCode, Fault, FieldError, Message,
    PresenceItem, ReadReceipt, Revocation, RevocationsPage,
    event::{Connected, Exception, MessageNotification, ServerDraining, UserTyping},
    request::{
        CreateMessage, DeleteMessage, EditMessage, GetPresence, JoinConversation,
        LeaveConversation, MarkAsRead, RefreshToken, SendMessage, Typing,
    },
};
use serde_json::json;

use support::{are, folder, golden, is_written_by, reads_and_writes};

#[test]
fn objects_are_as_their_golden_files() {
    are::<Message>(&["message", "message.deleted"]);
    are::<Attachment>(&["attachment"]);
    are::<Contract>(&["contract", "contract.titled"]);
    are::<Conversation>(&[
        "conversation",
        "conversation.milestone",
        "conversation.empty",
    ]);
    are::<ReadReceipt>(&["read_receipt", "read_receipt.unread"]);
    are::<PresenceItem>(&[
        "presence_item",
        "presence_item.offline",
        "presence_item.unseen",
    ]);
    are::<ConversationsPage>(&["conversations_page", "conversations_page.last"]);
    are::<Revocation>(&["revocation", "revocation.token"]);
    are::<RevocationsPage>(&["revocations_page", "revocations_page.last"]);
    reads_and_writes::<Vec<Message>>("history_page", "/items");
    reads_and_writes::<Vec<Message>>("history_page.milestone", "/items");
    reads_and_writes::<Vec<Message>>("search_results", "/items");
    reads_and_writes::<Vec<PresenceItem>>("presence_list", "/items");
    reads_and_writes::<Vec<FieldError>>("problem.fields", "/errors");
}

#[test]
fn events_of_the_server_are_as_their_golden_files() {
    are::<Connected>(&["connected"]);
    are::<Message>(&[
        "new_message",
        "new_message.milestone",
        "message_updated",
        "message_updated.plain",
        "message_deleted",
        "message_deleted.plain",
    ]);
    are::<MessageNotification>(&["message_notification", "message_notification.milestone"]);
    are::<UserTyping>(&["user_typing"]);
    are::<ReadReceipt>(&["messages_read"]);
    are::<PresenceItem>(&["user_presence", "user_presence.offline"]);
    are::<Exception>(&["exception", "exception.malformed", "exception.fields"]);
    are::<ServerDraining>(&["server_draining"]);
}

#[test]
fn events_of_clients_are_as_their_golden_files() {
    are::<JoinConversation>(&["join_conversation", "join_conversation.plain"]);
    are::<LeaveConversation>(&["leave_conversation"]);
    are::<SendMessage>(&["send_message"]);
    are::<CreateMessage>(&["create_message"]);
    are::<EditMessage>(&["edit_message"]);
    are::<DeleteMessage>(&["delete_message"]);
    are::<Typing>(&["typing"]);
    are::<MarkAsRead>(&["mark_as_read"]);
    are::<GetPresence>(&["get_presence"]);
    are::<RefreshToken>(&["refresh_token"]);
}

#[test]
fn what_acknowledgements_add_is_as_their_golden_files() {
    for name in ["ack_join_conversation", "ack_join_conversation.milestone"] {
        reads_and_writes::<Conversation>(name, "/conversation");
    }
    for name in ["ack_create_message", "ack_create_message.duplicate"] {
        reads_and_writes::<Message>(name, "/message");
        reads_and_writes::<Conversation>(name, "/conversation");
    }
    for name in [
        "ack_send_message",
        "ack_send_message.duplicate",
        "ack_edit_message",
        "ack_edit_message.plain",
        "ack_delete_message",
        "ack_delete_message.plain",
    ] {
        reads_and_writes::<Message>(name, "/message");
    }
    reads_and_writes::<Vec<PresenceItem>>("ack_get_presence", "/items");
    for name in ["ack_mark_as_read", "ack_mark_as_read.unread"] {
        let receipt: ReadReceipt = serde_json::from_value(golden(name)).expect("a receipt");
        let mut written = serde_json::to_value(&receipt).expect("it can be written");
        written["ok"] = json!(true);
        assert_eq!(written, golden(name), "{name}");
    }
    reads_and_writes::<Fault>("ack_error", "/error");
    reads_and_writes::<Fault>("ack_error.fields", "/error");
}

#[test]
fn the_values_are_where_their_names_say() {
    let fault = Fault::new(
        ErrorCode::NotFound,
        golden("problem")["detail"].as_str().expect("text"),
    );
    let exception = Exception {
        event: Some("send_message".to_owned()),
        code: fault.code,
        message: fault.message,
        errors: Vec::new(),
    };
    is_written_by("exception", &exception);
    is_written_by(
        "server_draining",
        &ServerDraining {
            reconnect_in_ms: 1_500,
        },
    );
    let message: Message = serde_json::from_value(golden("message")).expect("a message");
    assert_eq!((message.seq, message.sender_id.as_str()), (17, "u-1"));
    assert_eq!(
        message.attachments,
        [serde_json::from_value(golden("attachment")).expect("one")]
    );
    is_written_by("new_message", &message);
    let page = ConversationsPage {
        items: Vec::new(),
        next_cursor: None,
    };
    is_written_by("conversations_page.last", &page);
    let errors = vec![FieldError {
        field: "content".to_owned(),
        message: "must not be empty".to_owned(),
    }];
    let refused = json!({ "ok": false, "error": Fault::invalid(errors) });
    assert_eq!(refused, golden("ack_error.fields"));
}

/// The codes of a problem document agree with the statuses that the contract gives them.
#[test]
fn problems_have_the_status_of_their_code() {
    for name in ["problem", "problem.fields"] {
        let problem = golden(name);
        let code: ErrorCode = serde_json::from_value(problem["code"].clone()).expect("a code");
        assert_eq!(problem["status"], code.http_status(), "{name}");
        assert_eq!(problem["title"], code.title(), "{name}");
    }
}

/// Every file has a test: those that hold no type of this crate are named here.
#[test]
fn no_golden_file_is_forgotten() {
    let source = include_str!("golden.rs");
    let fixed = [
        ("token_expired", json!({})),
        ("ack_leave_conversation", json!({"ok": true})),
    ];
    for (name, value) in fixed {
        assert_eq!(golden(name), value, "{name}");
    }
    assert_eq!(golden("ack_typing"), json!({"ok": true}));
    let expires_at = golden("ack_refresh_token")["expiresAt"].clone();
    serde_json::from_value::<messaging_domain::Timestamp>(expires_at).expect("a time");
    let files: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("plain text")
        })
        .collect();
    for file in files {
        let name = file.strip_suffix(".json").expect("a JSON file");
        assert!(
            source.contains(&format!("\"{name}\"")),
            "nothing tests {file}"
        );
    }
}
