use messaging_wire::parse_json;
use messaging_wire::request::{
    CreateMessage, DeleteMessage, Draft, EditContent, EditMessage, GetPresence, JoinConversation,
    LeaveConversation, MarkAsRead, PutContract, ReadUpTo, RefreshToken, SendMessage, Typing,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded::bounded;

/// The JSON of a request: read as what it is for, and the same when it is written and read again.
pub fn wire_requests(input: &[u8]) {
    check::<CreateMessage>(input);
    check::<DeleteMessage>(input);
    check::<Draft>(input);
    check::<EditContent>(input);
    check::<EditMessage>(input);
    check::<GetPresence>(input);
    check::<JoinConversation>(input);
    check::<LeaveConversation>(input);
    check::<MarkAsRead>(input);
    check::<PutContract>(input);
    check::<ReadUpTo>(input);
    check::<RefreshToken>(input);
    check::<SendMessage>(input);
    check::<Typing>(input);
}

fn check<T: DeserializeOwned + Serialize + PartialEq>(input: &[u8]) {
    // The worst is a list of empty texts, three bytes for twenty-four each, in a list that grows by doubling.
    match bounded(24 * input.len() + 4_096, || parse_json::<T>(input, "body")) {
        Ok(request) => {
            let written = serde_json::to_vec(&request).expect("requests are JSON");
            let again = parse_json::<T>(&written, "body").ok();
            assert!(again == Some(request), "it reads back as something else");
        }
        Err(fault) => {
            let words = serde_json::to_string(&fault).expect("strings are JSON");
            assert!(words.len() <= 2_048, "{words}");
        }
    }
}
