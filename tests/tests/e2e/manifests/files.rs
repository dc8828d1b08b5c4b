//! What is read of the files by which the services are deployed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_norway::Value;

pub(super) type Environment = BTreeMap<String, String>;

/// A file's path, given from the root of the workspace.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

pub(super) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a YAML file, with what they merge.
pub(super) fn documents(name: &str) -> Vec<Value> {
    use serde::Deserialize;
    let text = text(name);
    let read = |document| {
        let mut value = Value::deserialize(document)?;
        value.apply_merge()?;
        Ok::<_, serde_norway::Error>(value)
    };
    serde_norway::Deserializer::from_str(&text)
        .map(|document| read(document).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

/// The only document of a file that is of a kind, or has a name.
pub(super) fn object(name: &str, kind: &str) -> Value {
    let mut found: Vec<Value> = documents(name)
        .into_iter()
        .filter(|document| document["kind"] == kind)
        .collect();
    assert_eq!(found.len(), 1, "{name} has one {kind}");
    found.remove(0)
}

/// The elements of a list; none, if it is not there.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

/// The entries of a mapping; none, if it is not there.
pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_mapping().into_iter().flatten();
    entries.map(|(name, value)| (name.as_str().expect("a name"), value))
}

pub(super) fn string(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a string, not {value:?}"))
}

/// The seconds of a number, of `30`, or of `30s`.
pub(super) fn seconds(value: &Value) -> u64 {
    let seconds = value
        .as_u64()
        .or_else(|| string(value).trim_end_matches('s').parse().ok());
    seconds.unwrap_or_else(|| panic!("seconds, not {value:?}"))
}

/// The `NAME=value` lines of a file.
pub(super) fn env_file(name: &str) -> Environment {
    let text = text(name);
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| pair(name, line)).collect()
}

pub(super) fn pair(place: &str, line: &str) -> (String, String) {
    let (variable, value) = line
        .split_once('=')
        .unwrap_or_else(|| panic!("{place}: {line} is no setting"));
    (variable.to_owned(), value.to_owned())
}

/// What an instruction of a stage of the Dockerfile says, that of the stages it is built from before its own.
pub(super) fn instructions(stage: &str, instruction: &str) -> Vec<String> {
    let name = "deploy/Dockerfile";
    let text = text(name).replace("\\\n", "");
    let (mut found, mut parent, mut is_here) = (Vec::new(), None, false);
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "FROM" {
            let (from, as_stage) = rest.split_once(" AS ").expect("each stage has a name");
            is_here = as_stage == stage;
            parent = if is_here {
                Some(from.to_owned())
            } else {
                parent
            };
        } else if is_here && word == instruction {
            found.push(rest.to_owned());
        }
    }
    let parent = parent.unwrap_or_else(|| panic!("{name} has no stage {stage}"));
    // What is built on something else than another stage inherits nothing of ours.
    if text.contains(&format!(" AS {parent}\n")) {
        found.splice(0..0, instructions(&parent, instruction));
    }
    found
}

/// The variables that an image sets.
pub(super) fn image_environment(stage: &str) -> Environment {
    let settings = instructions(stage, "ENV");
    let settings = settings.iter().flat_map(|line| line.split_whitespace());
    settings
        .map(|setting| pair("deploy/Dockerfile", setting))
        .collect()
}
