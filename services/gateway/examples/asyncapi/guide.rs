//! The tables of events in the guide.

use std::fmt::Write as _;

use messaging_test_support::assert_written_part;
use serde_json::Value;

use crate::client_event::client_events;
use crate::schemas::Schemas;
use crate::server_event::server_events;

/// Objects that the guide explains with the calls.
const OF_CALLS: [&str; 3] = ["Message", "PresenceItem", "ReadReceipt"];

#[test]
fn the_guide_has_each_event() {
    assert_written_part("docs/MESSAGING_SYSTEM_GUIDE.md", "events", &tables());
}

fn tables() -> String {
    let mut schemas = Schemas::default();
    let (asked, told) = (client_events(&mut schemas), server_events(&mut schemas));
    let schemas = schemas.into_json();
    let mut text = String::from(
        "| a client emits | what it does | data | the ack adds |\n| --- | --- | --- | --- |\n",
    );
    for event in asked {
        let added = names(&schemas, &event.ack);
        let added: Vec<_> = added.iter().filter(|name| *name != "ok").collect();
        let added: Vec<_> = added.iter().map(|name| format!("`{name}`")).collect();
        writeln!(
            text,
            "| `{}` | {} | `{{{}}}` | {} |",
            event.name,
            event.summary,
            names(&schemas, &event.data).join(", "),
            added.join(", ")
        )
        .expect("a text grows");
    }
    text.push_str("\n| the server emits | what it tells | data |\n| --- | --- | --- |\n");
    for event in told {
        let (name, summary) = (event.name, event.summary);
        let data = data(&schemas, &event.data);
        writeln!(text, "| `{name}` | {summary} | {data} |").expect("a text grows");
    }
    text
}

/// What an event brings: an object that the calls have too by its name, any other by its members.
fn data(schemas: &Value, schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    match name.filter(|name| OF_CALLS.contains(name)) {
        Some(name) => format!("`{name}`"),
        None => format!("`{{{}}}`", names(schemas, schema).join(", ")),
    }
}

/// The members of an object, those that may be left out with a question mark.
fn names(schemas: &Value, schema: &Value) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return names(schemas, &schemas[name]);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().flat_map(|part| names(schemas, part)).collect();
    }
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let members = schema["properties"].as_object().into_iter().flatten();
    members
        .map(|(name, _)| match is_required(name) {
            true => name.clone(),
            false => format!("{name}?"),
        })
        .collect()
}
