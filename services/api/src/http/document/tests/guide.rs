use std::fmt::Write as _;

use messaging_test_support::assert_written_part;
use serde_json::Value;

use super::{METHODS, document};

#[test]
fn the_guide_has_each_call() {
    let document = document();
    let written = format!("{}\n{}", calls(&document), objects(&document));
    assert_written_part("docs/MESSAGING_SYSTEM_GUIDE.md", "rest", &written);
}

/// A table of the objects in answers.
fn objects(document: &Value) -> String {
    const OBJECTS: [&str; 14] = [
        "Message",
        "Attachment",
        "Conversation",
        "Participant",
        "Contract",
        "Milestone",
        "ReadReceipt",
        "PresenceItem",
        "ConversationsPage",
        "HistoryPage",
        "SearchResults",
        "Revocation",
        "RevocationsPage",
        "Problem",
    ];
    let mut table = String::from("| object | members |\n| --- | --- |\n");
    for name in OBJECTS {
        let schema = &document["components"]["schemas"][name];
        assert!(schema.is_object(), "there is no {name}");
        let fields = fields(document, schema);
        writeln!(table, "| `{name}` | {fields} |").expect("a text grows");
    }
    table
}

/// A table of all calls under `/api`.
fn calls(document: &Value) -> String {
    let mut table = String::from(
        "| call | what it does | parameters, then body | answer |\n| --- | --- | --- | --- |\n",
    );
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let open = match operation.get("security") {
                Some(_) => " (open)",
                None => "",
            };
            writeln!(
                table,
                "| `{} {path}`{open} | {} | {} | {} |",
                method.to_uppercase(),
                operation["summary"].as_str().unwrap_or_default(),
                asked(document, operation),
                answered(document, operation),
            )
            .expect("a text grows");
        }
    }
    table
}

/// What may be asked for, apart from what the path names.
fn asked(document: &Value, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array();
    let parameters = parameters.into_iter().flatten();
    let query = parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| parameter["name"].as_str())
        .map(|name| format!("`?{name}`"));
    let contents = operation.pointer("/requestBody/content");
    let contents = contents.and_then(Value::as_object).into_iter().flatten();
    let bodies = contents.map(|(kind, content)| {
        let fields = fields(document, &content["schema"]);
        match kind.as_str() {
            "application/json" => fields,
            kind => format!("{kind}: {fields}"),
        }
    });
    query.chain(bodies).collect::<Vec<_>>().join(" ")
}

/// The successes, each with the name of what it brings.
fn answered(document: &Value, operation: &Value) -> String {
    let responses = operation["responses"].as_object().expect("responses");
    let successes = responses
        .iter()
        .filter(|(status, _)| status.starts_with('2'));
    let written = successes.map(|(status, response)| {
        let schema = response.pointer("/content/application~1json/schema");
        match schema.and_then(|schema| schema["$ref"].as_str()) {
            Some(reference) => format!("{status} {}", linked(document, reference)),
            None => status.clone(),
        }
    });
    written.collect::<Vec<_>>().join(", ")
}

fn linked(document: &Value, reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    match document.pointer(&reference[1..]) {
        Some(_) => format!("`{name}`"),
        None => panic!("{reference} leads nowhere"),
    }
}

/// The members of an object, those that may be left out with a question mark.
fn fields(document: &Value, schema: &Value) -> String {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(&reference[1..])
            .expect("it leads somewhere"),
        None => schema,
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let names = schema["properties"].as_object().into_iter().flatten();
    let names = names.map(|(name, _)| match is_required(name) {
        true => name.clone(),
        false => format!("{name}?"),
    });
    format!("`{{{}}}`", names.collect::<Vec<_>>().join(", "))
}
