mod guide;
mod limits;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use axum::extract::DefaultBodyLimit;
use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use super::super::routes;
use super::{Limits, assemble, own_routes};

/// Schemas of the document and the golden files that are of this shape.
const GOLDEN: [(&str, &[&str]); 20] = [
    ("Attachment", &["attachment"]),
    ("Contract", &["contract", "contract.titled"]),
    (
        "Conversation",
        &[
            "conversation",
            "conversation.milestone",
            "conversation.empty",
        ],
    ),
    (
        "ConversationsPage",
        &["conversations_page", "conversations_page.last"],
    ),
    ("CreateMessage", &["create_message"]),
    ("Draft", &["send_message"]),
    ("EditContent", &["edit_message"]),
    ("HistoryPage", &["history_page", "history_page.milestone"]),
    ("Message", &["message", "message.deleted"]),
    (
        "PresenceItem",
        &[
            "presence_item",
            "presence_item.offline",
            "presence_item.unseen",
        ],
    ),
    ("PresenceList", &["presence_list"]),
    ("Problem", &["problem", "problem.fields"]),
    ("PutContract", &["contract", "contract.titled"]),
    ("ReadReceipt", &["read_receipt", "read_receipt.unread"]),
    ("ReadUpTo", &["mark_as_read"]),
    ("Revocation", &["revocation", "revocation.token"]),
    (
        "RevocationsPage",
        &["revocations_page", "revocations_page.last"],
    ),
    ("RevokeToken", &["revocation.token"]),
    ("RevokeUser", &["revocation"]),
    ("SearchResults", &["search_results"]),
];

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn document() -> Value {
    let described = routes(DefaultBodyLimit::disable()).into_openapi();
    let own = own_routes().into_openapi();
    let limits = Limits {
        body_bytes_max: 128 << 10,
        attachment_bytes_max: 25 << 20,
    };
    serde_json::to_value(assemble("/api", described, own, &limits)).expect("it can be written")
}

fn golden(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/golden");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect(name);
    serde_json::from_str(&text).expect(name)
}

/// Each operation as its path, its method and what the document says of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = METHODS
                .iter()
                .filter_map(|method| Some((*method, item.get(method)?)));
            methods.map(move |(method, operation)| (path.as_str(), method, operation))
        })
        .collect()
}

/// Holds values against schemas of the document.
struct Checker {
    compiler: Compiler,
    schemas: Schemas,
}

impl Checker {
    fn new(document: Value) -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler
            .add_resource("http://localhost/openapi.json", document)
            .expect("a document");
        Self {
            compiler,
            schemas: Schemas::new(),
        }
    }

    fn check(&mut self, pointer: &str, value: &Value) -> Result<(), String> {
        let place = format!("http://localhost/openapi.json#{pointer}");
        let schema = self
            .compiler
            .compile(&place, &mut self.schemas)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        self.schemas
            .validate(value, schema)
            .map_err(|error| format!("{pointer}: {error:#}"))
    }
}

#[test]
fn golden_files_and_examples_are_as_their_schemas_say() {
    let document = document();
    let mut checker = Checker::new(document.clone());
    for (name, files) in GOLDEN {
        let pointer = format!("/components/schemas/{name}");
        for file in files {
            assert_eq!(checker.check(&pointer, &golden(file)), Ok(()), "{file}");
        }
    }
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for (name, schema) in schemas {
        let pointer = format!("/components/schemas/{name}");
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert_eq!(checker.check(&pointer, example), Ok(()), "{name}");
        }
    }
    let responses = document["components"]["responses"]
        .as_object()
        .expect("responses");
    for (name, response) in responses {
        let content = "content/application~1problem+json";
        let pointer = format!("/components/responses/{name}/{content}/schema");
        let example = &response["content"]["application/problem+json"]["example"];
        assert_eq!(example["code"], name.as_str());
        assert_eq!(checker.check(&pointer, example), Ok(()), "{name}");
    }
}

#[test]
fn schemas_refuse_what_is_not_of_their_shape() {
    let mut checker = Checker::new(document());
    let mut refuses = |name: &str, file: &str, change: fn(&mut Value)| {
        let mut value = golden(file);
        change(&mut value);
        let pointer = format!("/components/schemas/{name}");
        assert!(checker.check(&pointer, &value).is_err(), "{name}: {value}");
    };
    refuses("Message", "message", |value| value["id"] = json!("0192F0"));
    refuses("Message", "message", |value| value["seq"] = json!(0));
    refuses("Message", "message", |value| {
        value["createdAt"] = json!("2026-11-22T19:30:00Z");
    });
    refuses("Message", "message", |value| {
        value.as_object_mut().expect("an object").remove("editedAt");
    });
    refuses("Message", "message", |value| value["content"] = Value::Null);
    refuses("Conversation", "conversation", |value| {
        value["participants"].as_array_mut().expect("two").pop();
    });
    refuses("Draft", "send_message", |value| {
        value["content"] = json!("\u{1}");
    });
    refuses("Problem", "problem", |value| value["code"] = json!("oops"));
}

#[test]
fn every_operation_says_all_that_a_caller_must_know() {
    let document = document();
    let all = operations(&document);
    let mut ids: Vec<_> = all
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().expect("an id"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "each operation has an id of its own");
    let tags: Vec<_> = document["tags"].as_array().expect("tags").iter().collect();
    for (path, method, operation) in &all {
        assert!(operation["summary"].is_string(), "{method} {path}");
        let is_known = |tag: &Value| tags.iter().any(|known| known["name"] == *tag);
        assert!(is_known(&operation["tags"][0]), "{method} {path}");
        let statuses = operation["responses"].as_object().expect("responses");
        let has_token = operation.get("security").is_none();
        assert_eq!(statuses.contains_key("401"), has_token, "{method} {path}");
        assert_eq!(statuses.contains_key("429"), has_token, "{method} {path}");
        let has_json = operation
            .pointer("/requestBody/content/application~1json")
            .is_some();
        assert_eq!(
            has_json,
            ["put", "patch"].contains(method) || path.ends_with("/messages") && *method == "post",
            "{method} {path}"
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string(),
                "{method} {path}: {parameter}"
            );
        }
        let placeholders = path.matches('{').count();
        let in_path = operation["parameters"].as_array().into_iter().flatten();
        let in_path = in_path.filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.count(), placeholders, "{method} {path}");
    }
}

#[test]
fn files_are_bytes_and_not_lists_of_numbers() {
    let document = document();
    let path = "/paths/~1api~1messages~1attachments~1{id}/get/responses";
    for status in ["200", "206"] {
        let schema = document.pointer(&format!("{path}/{status}/content/*~1*/schema"));
        assert_eq!(
            schema,
            Some(&json!({ "$ref": "#/components/schemas/FileBytes" }))
        );
    }
    let bytes = &document["components"]["schemas"]["FileBytes"];
    assert_eq!(
        (&bytes["type"], &bytes["format"]),
        (&json!("string"), &json!("binary"))
    );
}

/// Only `routes!` adds routes, and it adds what the document says of them.
#[test]
fn no_route_is_added_past_the_document() {
    for source in [include_str!("../../mod.rs"), include_str!("../mod.rs")] {
        assert!(!source.contains(".route("), "{source}");
        assert!(!source.contains("_service("), "{source}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    let references: BTreeSet<&str> = text
        .split("\"$ref\":\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(references.len() > 10, "{references:?}");
    let is_lost = |pointer: &&&str| document.pointer(pointer).is_none();
    let lost: Vec<_> = references.iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
