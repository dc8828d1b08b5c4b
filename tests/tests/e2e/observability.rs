//! What is written of metrics, alerts and logs, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What Prometheus and the operating system tell of each process.
const FOREIGN: [&str; 4] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
];

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace is around it")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sources of the services and of what they share, without their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders: Vec<PathBuf> = ["services", "shared"]
        .iter()
        .flat_map(|part| fs::read_dir(root().join(part)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path().join("src"))
        .filter(|source| source.is_dir() && source.parent().is_some_and(is_a_crate))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let (text, _tests) = text
                    .split_once("#[cfg(test)]\nmod tests {")
                    .unwrap_or((&text, ""));
                sources.push((path, text.to_owned()));
            }
        }
    }
    sources
}

fn is_a_crate(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file()
}

/// The names of metrics within a text that begin with a prefix.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let names = words.filter(|word| word.starts_with(prefix) && word.len() > prefix.len() + 2);
    names.map(str::to_owned).collect()
}

/// All metrics of ours: the texts by which they are registered.
fn registered() -> BTreeSet<String> {
    let mut registered = BTreeSet::new();
    for (_, source) in sources() {
        let texts = source.split('"').skip(1).step_by(2);
        let names =
            texts.filter(|text| text.starts_with("fh_") && names(text, "fh_").contains(*text));
        registered.extend(names.map(str::to_owned));
    }
    registered
}

/// A name as it is registered: histograms are asked by others.
fn family<'a>(name: &'a str, known: &BTreeSet<String>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let histogram = parts.iter().find_map(|part| name.strip_suffix(part));
    histogram
        .filter(|name| known.contains(*name))
        .unwrap_or(name)
}

fn rules() -> Vec<Value> {
    let rules: Value = serde_norway::from_str(&read("deploy/prometheus/rules.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.cloned().collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    let found = value.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{path} is not in {value}"))
}

/// The dashboards, by their files' names.
pub(crate) fn dashboards() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("deploy/grafana/dashboards")).expect("a folder");
    let files = files.map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    let read = files.map(|path| {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("UTF-8");
        (name, serde_json::from_str(&text).expect("JSON"))
    });
    read.collect()
}

/// The panels of a dashboard that show something.
pub(crate) fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels.filter(|panel| panel["type"] != "row")
}

pub(crate) fn queries(panel: &Value) -> impl Iterator<Item = &str> {
    let targets = panel["targets"].as_array().expect("targets").iter();
    targets.map(|target| text(target, "/expr"))
}

#[test]
fn every_metric_that_rules_and_dashboards_name_is_one_of_ours() {
    let known = registered();
    assert!(known.len() > 40, "{known:?}");
    let mut named: Vec<(String, String)> = Vec::new();
    let mut note = |of: String, expression: &str| {
        let names = names(expression, "fh_")
            .into_iter()
            .chain(names(expression, "process_"));
        named.extend(names.map(|name| (of.clone(), name)));
    };
    for rule in rules() {
        note(text(&rule, "/alert").to_owned(), text(&rule, "/expr"));
    }
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for query in queries(panel) {
                note(format!("{name}: {}", text(panel, "/title")), query);
            }
        }
    }
    note(
        "rules_test.yml".to_owned(),
        &read("deploy/prometheus/rules_test.yml"),
    );
    for (of, name) in named {
        let is_known = known.contains(family(&name, &known)) || FOREIGN.contains(&&*name);
        assert!(is_known, "{of} asks for {name}, which nobody has");
    }
}

#[test]
fn every_metric_is_in_the_table_and_nothing_else_is() {
    let page = read("docs/observability.md");
    let rows = page.lines().filter(|line| line.starts_with("| `fh_"));
    let rows: Vec<_> = rows.filter_map(|line| line.split('`').nth(1)).collect();
    let listed: BTreeSet<_> = rows.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(rows.len(), listed.len(), "one is listed twice");
    assert_eq!(listed, registered());
}

#[test]
fn every_alert_can_be_acted_on_and_has_its_tests() {
    let tests: Value =
        serde_norway::from_str(&read("deploy/prometheus/rules_test.yml")).expect("YAML");
    let tests = tests["tests"].as_array().expect("tests");
    let runbook = read("docs/operations.md");
    for rule in rules() {
        let alert = text(&rule, "/alert");
        assert!(
            ["warning", "critical"].contains(&text(&rule, "/labels/severity")),
            "{alert}"
        );
        for annotation in ["summary", "description"] {
            let text = text(&rule, &format!("/annotations/{annotation}"));
            assert!(text.len() > 15, "{alert}: {annotation} is {text}");
        }
        let entry = text(&rule, "/annotations/runbook_url");
        let anchor = entry
            .strip_prefix("docs/operations.md#")
            .expect("a place in the runbook");
        assert_eq!(anchor, alert.to_lowercase());
        let heading = format!("### {alert}");
        let entries = runbook.lines().filter(|line| *line == heading).count();
        assert_eq!(entries, 1, "{heading} is in the runbook {entries} times");
        let asks = format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}");
        let expected: BTreeSet<_> = tests
            .iter()
            .flat_map(|test| test["promql_expr_test"].as_array().expect("questions"))
            .filter(|question| text(question, "/expr").contains(&asks))
            .map(|question| question["exp_samples"][0]["value"].to_string())
            .collect();
        let both = BTreeSet::from(["0".to_owned(), "1".to_owned()]);
        assert_eq!(
            expected, both,
            "{alert} must be seen to fire and to be silent"
        );
    }
}

#[test]
fn the_runbook_has_no_entry_of_an_alert_that_is_gone() {
    let alerts: BTreeSet<_> = rules()
        .iter()
        .map(|rule| text(rule, "/alert").to_owned())
        .collect();
    for line in read("docs/operations.md").lines() {
        if let Some(alert) = line.strip_prefix("### Messaging") {
            assert!(alerts.contains(&format!("Messaging{alert}")), "{line}");
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    let dashboards = dashboards();
    assert_eq!(dashboards.len(), 3);
    for (name, dashboard) in &dashboards {
        let mut ids = BTreeSet::new();
        for panel in panels(dashboard) {
            let title = text(panel, "/title");
            assert!(text(panel, "/description").len() > 5, "{name}: {title}");
            assert!(
                !text(panel, "/fieldConfig/defaults/unit").is_empty(),
                "{name}: {title}"
            );
            assert_eq!(panel["datasource"]["uid"], "prometheus", "{name}: {title}");
            assert!(queries(panel).count() > 0, "{name}: {title}");
            assert!(ids.insert(panel["id"].to_string()), "{name}: {title}");
        }
    }
}

/// The sentences of what is logged at a level that operators see, by the macros that log them.
fn logged() -> BTreeMap<String, &'static str> {
    let mut logged = BTreeMap::new();
    for (path, source) in sources() {
        if path.to_string_lossy().contains("/test-support/") {
            continue;
        }
        for level in ["info", "warn", "error"] {
            for call in source.split(&format!("tracing::{level}!(")).skip(1) {
                let sentence = sentence(call);
                let sentence = sentence.unwrap_or_else(|| panic!("{}: {call:.80}", path.display()));
                logged.insert(sentence, level);
            }
        }
    }
    logged
}

/// The last text among a macro's arguments.
fn sentence(call: &str) -> Option<String> {
    let (mut depth, mut sentence, mut rest) = (1, None, call);
    while depth > 0 {
        let at = rest.find(['(', ')', '"'])?;
        let (found, after) = rest[at..].split_at(1);
        rest = after;
        match found {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {
                let end = rest.find('"')?;
                sentence = Some(rest[..end].to_owned());
                rest = &rest[end + 1..];
            }
        }
    }
    sentence
}

#[test]
fn every_line_that_is_logged_is_in_the_table_with_its_level_and_nothing_else_is() {
    let page = read("docs/observability.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let level = cells
            .next()
            .filter(|level| ["info", "warn", "error"].contains(level))?;
        Some((cells.next()?.trim_matches('`').to_owned(), level))
    });
    let listed: BTreeMap<_, _> = rows.collect();
    assert_eq!(listed, logged());
}
