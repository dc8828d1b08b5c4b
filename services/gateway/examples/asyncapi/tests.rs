use std::collections::BTreeSet;
use std::fs;

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::document::{document, golden_files};
use crate::envelope::Dialect;
use crate::{file, yaml};

/// Golden files of REST, which are none of this document's business.
const OF_REST: [&str; 13] = [
    "attachment",
    "contract",
    "conversation",
    "conversations_page",
    "history_page",
    "message",
    "presence_item",
    "presence_list",
    "problem",
    "read_receipt",
    "revocation",
    "revocations_page",
    "search_results",
];

/// The keys of an object in the document.
fn keys(document: &Value, pointer: &str) -> BTreeSet<String> {
    let object = document.pointer(pointer).and_then(Value::as_object);
    object.expect(pointer).keys().cloned().collect()
}

/// The operations of one action in the dialect of Socket.IO.
fn events(document: &Value, action: &str) -> BTreeSet<String> {
    let operations = document["operations"].as_object().expect("operations");
    let of_action = operations
        .iter()
        .filter(|(name, operation)| operation["action"] == action && !name.contains('.'));
    of_action.map(|(name, _)| name.clone()).collect()
}

/// The texts between a mark and the next quotation mark.
fn quoted_after(source: &str, mark: &str) -> BTreeSet<String> {
    let pieces = source.split(mark).skip(1);
    pieces
        .filter_map(|piece| piece.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_file_in_the_tree_is_up_to_date() {
    let kept = fs::read_to_string(file()).unwrap_or_default();
    let made = yaml::written(&document());
    assert!(
        kept == made,
        "docs/asyncapi.yaml is out of date: run `make asyncapi`"
    );
}

#[test]
fn every_event_of_the_code_is_in_it_in_both_dialects() {
    let document = document();
    let matched = include_str!("../../src/event/mod.rs");
    // An arm begins with the event's name, or with the constant that is called like it.
    let arms = matched
        .lines()
        .filter_map(|line| line.split_once(" => Self::"));
    let received: BTreeSet<String> = arms
        .map(|(name, _)| name.trim().trim_matches('"').to_lowercase())
        .collect();
    assert_eq!(events(&document, "receive"), received);
    let constants = include_str!("../../../../shared/wire/src/event.rs");
    let sent = quoted_after(constants, ": &str = \"");
    assert_eq!(events(&document, "send"), sent);

    let socketio = keys(&document, "/channels/socketio/messages");
    let plain = keys(&document, "/channels/plain/messages");
    let renamed = socketio
        .iter()
        .map(|name| Dialect::Plain.message_name(name));
    assert_eq!(plain, renamed.collect());
    assert_eq!(
        socketio.len(),
        2 * received_count(&document) + sent.len() + 1
    );
}

fn received_count(document: &Value) -> usize {
    events(document, "receive").len()
}

#[test]
fn every_golden_file_of_an_event_is_as_its_schema_says() {
    let document = document();
    let messages = keys(&document, "/components/messages");
    let mut compiler = Compiler::new();
    compiler.enable_format_assertions();
    compiler
        .add_resource("http://localhost/asyncapi.json", document.clone())
        .expect("a document");
    let mut schemas = Schemas::new();
    let mut checked = BTreeSet::new();
    for name in &messages {
        let pointer = format!("/components/messages/{name}");
        let place = format!("http://localhost/asyncapi.json#{pointer}/payload");
        let schema = compiler
            .compile(&place, &mut schemas)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let examples = document.pointer(&format!("{pointer}/examples"));
        let examples = examples.and_then(Value::as_array).expect("examples");
        assert!(!examples.is_empty(), "{name} has no golden file");
        for example in examples {
            if let Err(error) = schemas.validate(&example["payload"], schema) {
                panic!("{name}: {error:#}\n{example}");
            }
        }
        let empty = serde_json::json!([]);
        assert!(
            schemas.validate(&empty, schema).is_err(),
            "{name} takes anything"
        );
        let message = document.pointer(&pointer).expect("it is there");
        checked.insert(
            message["name"]
                .as_str()
                .expect("a name")
                .replace("refused", "ack_error"),
        );
    }
    checked.extend(OF_REST.map(str::to_owned));
    let files = fs::read_dir(file().with_file_name("../shared/wire/golden")).expect("the folder");
    for entry in files {
        let path = entry.expect("an entry").path();
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let name = file.split('.').next().expect("a first part");
        assert!(checked.contains(name), "nothing describes {file}");
        assert!(
            golden_files(name)
                .iter()
                .any(|golden| golden.ends_with(file))
        );
    }
}
