use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// The schemas that messages refer to, by name.
#[derive(Default)]
pub(crate) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type and what it is made of; returns a reference to it.
    pub(crate) fn add<T: ToSchema>(&mut self) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).expect("texts and numbers under names");
            // The messages have examples of their own.
            if let Some(members) = schema.as_object_mut().filter(|it| it["type"] == "object") {
                members.remove("examples");
            }
            self.0.insert(name, schema);
        }
        reference(&T::name())
    }

    /// Adds a schema that no type has; returns a reference to it.
    pub(crate) fn add_as(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        reference(name)
    }

    pub(crate) fn into_json(self) -> Value {
        self.0.into_iter().collect::<Map<_, _>>().into()
    }
}

/// An object of these members, all of which it has.
pub(crate) fn object(members: Value) -> Value {
    let required: Vec<_> = members
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    json!({ "type": "object", "required": required, "properties": members })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
