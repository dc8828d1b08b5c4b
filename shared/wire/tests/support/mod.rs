//! The golden files, and how a type is held against one.

use std::{fmt::Debug, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Where the golden files are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// What is in a golden file.
pub(crate) fn golden(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A part of a golden file is read by a type, and written by it just the same.
pub(crate) fn reads_and_writes<T: Serialize + DeserializeOwned>(name: &str, pointer: &str) {
    let whole = golden(name);
    let expected = whole
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{name} has {pointer}"));
    let read: T = serde_json::from_value(expected.clone())
        .unwrap_or_else(|error| panic!("{name}{pointer}: {error}"));
    let written = serde_json::to_value(&read).expect("it can be written");
    assert_eq!(&written, expected, "{name}{pointer}");
}

/// As [`reads_and_writes`] for whole files, and a field that nobody knows is ignored.
pub(crate) fn are<T: Serialize + DeserializeOwned>(names: &[&str]) {
    for name in names {
        reads_and_writes::<T>(name, "");
        let mut extended = golden(name);
        let object = extended.as_object_mut().expect("an object");
        object.insert("nobodyKnows".to_owned(), json!([1]));
        if let Err(error) = serde_json::from_value::<T>(extended) {
            panic!("{name} with an unknown field: {error}");
        }
    }
}

/// The values of a golden file, under the names that they have in Rust.
pub(crate) fn is_written_by<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    name: &str,
    value: &T,
) {
    assert_eq!(
        serde_json::to_value(value).expect("it can be written"),
        golden(name),
        "{name}"
    );
    let read: T = serde_json::from_value(golden(name)).expect("it can be read");
    assert_eq!(&read, value, "{name}");
}
