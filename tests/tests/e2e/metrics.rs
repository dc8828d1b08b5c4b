//! What every process tells on `/metrics`, once there was some traffic.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use messaging_test_support::ServiceProcess;

use crate::{
    standalone,
    support::{Cluster, NO_RATES, Script, get},
};

/// Every label there is. None of their values comes from outside.
const LABELS: [&str; 14] = [
    "cause",
    "command",
    "dialect",
    "event",
    "kind",
    "le",
    "method",
    "outcome",
    "reason",
    "request",
    "result",
    "route",
    "service",
    "transport",
];

/// What a name may end in, `_total` aside: what is counted or measured, in its base unit.
const UNITS: [&str; 14] = [
    "bytes",
    "connections",
    "conversations",
    "fds",
    "in_flight",
    "info",
    "leases",
    "links",
    "messages",
    "polls",
    "revocations",
    "seconds",
    "subscriptions",
    "threads",
];

/// The most values that a label of a metric has taken together with its others.
const SERIES_MAX: usize = 100;

#[tokio::test]
async fn the_metrics_of_api_and_gateway_keep_the_rules() {
    let cluster = Cluster::start(&NO_RATES).await;
    Script::run("exchange", &cluster).await;
    for api in &cluster.apis {
        check(api, "messaging-api", &["fh_store_", "fh_bus_"]).await;
    }
    for gateway in &cluster.gateways {
        check(gateway, "messaging-gateway", &["fh_gateway_", "fh_bus_"]).await;
    }
}

#[tokio::test]
async fn the_metrics_of_both_in_one_process_keep_the_rules() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut process, welcome) = standalone::start(&folder.path().join("data")).await;
    standalone::follow(&welcome, "first").await;
    let parts = ["fh_api_", "fh_store_", "fh_bus_", "fh_gateway_"];
    check(&process, "messaging-standalone", &parts).await;
    assert_eq!(process.terminate().await, 0);
}

async fn check(process: &ServiceProcess, name: &str, parts: &[&str]) {
    let answer = get(process, "/metrics").await.expect("an answer");
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    keep(name, text);
    let families = families(text);
    for part in parts {
        let found = families.keys().any(|name| name.starts_with(part));
        assert!(found, "{name} tells nothing of {part}");
    }
    for (name, family) in &families {
        check_family(name, family);
    }
}

/// Keeps the text where promtool can be run on it by hand.
fn keep(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("metrics");
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    fs::write(folder.join(name), text).expect("a file in it");
}

/// What is told of one metric.
#[derive(Default)]
struct Family<'a> {
    help: &'a str,
    kind: &'a str,
    series: BTreeSet<Vec<(&'a str, &'a str)>>,
}

fn families(text: &str) -> BTreeMap<&str, Family<'_>> {
    let mut families = BTreeMap::<_, Family<'_>>::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help text");
            families.entry(name).or_default().help = help;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            families.entry(name).or_default().kind = kind;
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').expect("an end of the labels");
            let labels = labels.split(',').filter(|label| !label.is_empty());
            let labels = labels.map(|label| {
                let (label, value) = label.split_once('=').expect("a label");
                (label, value.trim_matches('"'))
            });
            let family = family_of(name, &families);
            let family = families.get_mut(family).expect("its type comes first");
            family.series.insert(labels.collect());
        }
    }
    families
}

/// A histogram is told in several series of other names.
fn family_of<'a>(name: &'a str, families: &BTreeMap<&str, Family<'_>>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let histogram = parts.into_iter().find_map(|part| name.strip_suffix(part));
    histogram
        .filter(|name| {
            families
                .get(name)
                .is_some_and(|family| family.kind == "histogram")
        })
        .unwrap_or(name)
}

fn check_family(name: &str, family: &Family<'_>) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    // What the operating system knows has the names that Prometheus' own libraries give it.
    let is_ours = ["fh_", "process_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    assert!(is_ours && name.chars().all(plain), "{name}");
    assert!(
        family.help.len() > 10 && family.help.ends_with('.'),
        "{name}: {}",
        family.help
    );
    let ends_in_unit = UNITS.iter().any(|unit| name.ends_with(&format!("_{unit}")));
    match family.kind {
        "counter" => assert!(name.ends_with("_total"), "{name}"),
        "gauge" | "histogram" => assert!(ends_in_unit, "{name}"),
        other => panic!("{name} is a {other}"),
    }
    assert!(
        !family.series.is_empty(),
        "{name} has a help text and no value"
    );
    let mut series = BTreeSet::new();
    for labels in &family.series {
        for (label, value) in labels {
            let is_known = LABELS.contains(label) || (name, *label) == ("fh_build_info", "version");
            assert!(is_known, "{name} has a label {label}");
            let is_route = *label == "route" && value.starts_with("/api/");
            assert!(is_route || is_a_word(value), "{name}: {label} is {value:?}");
        }
        series.insert(
            labels
                .iter()
                .filter(|(label, _)| *label != "le")
                .collect::<Vec<_>>(),
        );
    }
    assert!(
        series.len() <= SERIES_MAX,
        "{name} has {} series",
        series.len()
    );
}

/// No id, no text of a user: words of ours, versions and numbers of buckets.
fn is_a_word(value: &str) -> bool {
    let is_number = value.parse::<f64>().is_ok();
    let is_version = value.split('.').all(|part| part.parse::<u16>().is_ok());
    let is_word = |value: &str| {
        value
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
    };
    is_number || is_version || (is_word(value) && (2..=32).contains(&value.len()))
}
