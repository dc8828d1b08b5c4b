use messaging_domain::limits;
use serde_json::Value;

use super::{document, operations};

/// Numbers in attributes of types cannot be names of constants, so they are held against those here.
#[test]
fn limits_are_those_of_the_domain() {
    let document = document();
    let schema = |pointer: &str| {
        let found = document.pointer(&format!("/components/schemas/{pointer}"));
        found
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("no {pointer}"))
    };
    let attachments_max = limits::ATTACHMENTS_MAX as u64;
    for name in ["Message", "CreateMessage", "Draft"] {
        let pointer = format!("{name}/properties/attachments/maxItems");
        assert_eq!(schema(&pointer), attachments_max, "{name}");
    }
    let items = |name: &str| schema(&format!("{name}/properties/items/maxItems"));
    assert_eq!(items("HistoryPage"), u64::from(limits::HISTORY_PAGE_MAX));
    assert_eq!(
        items("SearchResults"),
        u64::from(limits::SEARCH_RESULTS_MAX)
    );
    assert_eq!(
        items("ConversationsPage"),
        u64::from(limits::CONVERSATIONS_PAGE_MAX)
    );
    assert_eq!(
        items("RevocationsPage"),
        u64::from(limits::REVOCATIONS_PAGE_MAX)
    );
    assert_eq!(items("PresenceList"), limits::PRESENCE_USERS_MAX as u64);
    for name in ["Contract", "PutContract"] {
        let pointer = format!("{name}/properties/milestones/maxItems");
        assert_eq!(schema(&pointer), limits::MILESTONES_MAX as u64, "{name}");
    }
}

#[test]
fn limits_of_parameters_are_those_of_the_domain() {
    let document = document();
    let parameter = |id: &str, name: &str| {
        let all = operations(&document);
        let operation = all
            .iter()
            .find(|(_, _, operation)| operation["operationId"] == id);
        let parameters = operation.expect(id).2["parameters"].as_array().expect(id);
        let found = parameters
            .iter()
            .find(|parameter| parameter["name"] == name);
        found.expect(name)["schema"].clone()
    };
    let page = |id: &str, default: u32, max: u32| {
        let schema = parameter(id, "limit");
        let bounds = ["minimum", "default", "maximum"].map(|bound| schema[bound].as_u64());
        assert_eq!(bounds, [1, default, max].map(|n| Some(n.into())), "{id}");
    };
    page(
        "listConversations",
        limits::CONVERSATIONS_PAGE_DEFAULT,
        limits::CONVERSATIONS_PAGE_MAX,
    );
    page(
        "listRevocations",
        limits::REVOCATIONS_PAGE_DEFAULT,
        limits::REVOCATIONS_PAGE_MAX,
    );
    page(
        "readHistory",
        limits::HISTORY_PAGE_DEFAULT,
        limits::HISTORY_PAGE_MAX,
    );
    page(
        "searchMessages",
        limits::SEARCH_RESULTS_DEFAULT,
        limits::SEARCH_RESULTS_MAX,
    );
    assert_eq!(
        parameter("searchMessages", "q")["maxLength"],
        limits::QUERY_SCALARS_MAX
    );
    assert_eq!(
        parameter("readPresence", "userIds")["maxItems"],
        limits::PRESENCE_USERS_MAX
    );
}
