//! The golden files as examples in documents. Only with the feature `openapi`.

use serde_json::Value;

/// Declares a function for each golden file that holds an example.
macro_rules! golden {
    ($($name:ident),* $(,)?) => {
        $(
            #[doc = concat!("The golden file `", stringify!($name), ".json`.")]
            pub fn $name() -> Value {
                read(include_str!(concat!("../golden/", stringify!($name), ".json")))
            }
        )*
    };
}

golden!(
    attachment,
    contract,
    conversation,
    conversations_page,
    create_message,
    delete_message,
    edit_message,
    get_presence,
    history_page,
    join_conversation,
    leave_conversation,
    mark_as_read,
    message,
    presence_item,
    presence_list,
    read_receipt,
    refresh_token,
    revocation,
    revocations_page,
    search_results,
    send_message,
    typing,
);

/// The body of a message to a known conversation: [`send_message`] without the conversation.
pub fn draft() -> Value {
    without(send_message(), &["conversationId"])
}

/// The body of an edit: [`edit_message`] without its place.
pub fn edit_content() -> Value {
    without(edit_message(), &["conversationId", "messageId"])
}

/// The body of marking as read: [`mark_as_read`] without the conversation.
pub fn read_up_to() -> Value {
    without(mark_as_read(), &["conversationId"])
}

/// The body that puts [`contract`].
pub fn put_contract() -> Value {
    without(contract(), &["id", "createdAt", "updatedAt"])
}

/// The body that makes [`revocation`].
pub fn revoke_user() -> Value {
    without(revocation(), &["kind", "id", "expiresAt"])
}

/// The body that revokes one token.
pub fn revoke_token() -> Value {
    without(revocation(), &["kind", "id", "before"])
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("golden files are JSON, which their tests read")
}

fn without(mut value: Value, keys: &[&str]) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, _| !keys.contains(&key.as_str()));
    }
    value
}
