use serde_json::Value;
use serde_norway::{Mapping, Value as Yaml};

/// Keys that come first, in this order; the others follow by the alphabet.
const FIRST: [&str; 22] = [
    "asyncapi",
    "info",
    "defaultContentType",
    "servers",
    "channels",
    "operations",
    "components",
    "title",
    "name",
    "version",
    "action",
    "address",
    "host",
    "pathname",
    "protocol",
    "type",
    "summary",
    "description",
    "required",
    "properties",
    "payload",
    "examples",
];

/// A JSON value as YAML with its keys in an order for readers.
pub(crate) fn written(value: &Value) -> String {
    let yaml = serde_norway::to_string(&ordered(value)).expect("texts and numbers under names");
    format!("# Made of the code by `make asyncapi`; a test fails while it is out of date.\n{yaml}")
}

fn ordered(value: &Value) -> Yaml {
    match value {
        Value::Array(items) => items.iter().map(ordered).collect(),
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort_by_key(|key| {
                let place = FIRST.iter().position(|first| first == key);
                (place.unwrap_or(FIRST.len()), *key)
            });
            let members = keys
                .into_iter()
                .map(|key| (Yaml::from(key.as_str()), ordered(&object[key])));
            Yaml::Mapping(members.collect::<Mapping>())
        }
        scalar => serde_norway::to_value(scalar).expect("a scalar"),
    }
}
