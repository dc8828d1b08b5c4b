//! Who the services are at NATS, and which secrets a site has to make: NATS in production has `deploy/nats/permissions.conf` as it is,
//! with which `permissions.rs` tries both services.

use std::collections::{BTreeMap, BTreeSet};

use serde_norway::Value;

use super::files::{documents, entries, object, string, text};
use super::workload::{SERVICES, container, secrets, workloads};

const PAGE: &str = "k8s/README.md";

fn chart_of_nats() -> Value {
    documents("k8s/helm/nats-values.yaml").remove(0)
}

#[test]
fn each_secret_that_a_site_has_to_make_is_used() {
    let mut used = BTreeSet::new();
    for service in SERVICES {
        for variable in super::list(&container(service)["env"]) {
            let key = &variable["valueFrom"]["secretKeyRef"];
            used.insert((
                string(&key["name"]).to_owned(),
                string(&key["key"]).to_owned(),
            ));
        }
    }
    assert_eq!(used, secrets());
}

#[test]
fn each_secret_is_made_by_a_command_of_the_page() {
    let nats = chart_of_nats();
    let mongodb = object("k8s/helm/mongodb-replica-set.yaml", "MongoDBCommunity");
    let security = &mongodb["spec"]["security"];
    let mut names: BTreeSet<String> = secrets().into_iter().map(|(name, _)| name).collect();
    let elsewhere = [
        &nats["config"]["nats"]["tls"]["secretName"],
        &nats["container"]["env"]["NATS_API_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"],
        &security["tls"]["certificateKeySecretRef"]["name"],
        &mongodb["spec"]["users"][0]["passwordSecretRef"]["name"],
    ];
    names.extend(elsewhere.map(|name| string(name).to_owned()));
    for ingress in documents("k8s/base/ingress.yaml") {
        names.insert(string(&ingress["spec"]["tls"][0]["secretName"]).to_owned());
    }
    let page = text(PAGE);
    let made: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.split_once(" create secret ")?.1.split(' ').nth(1))
        .map(str::to_owned)
        .collect();
    assert_eq!(made, names);
}

/// The users of the file with the permissions, by the variables that their passwords come from.
fn users() -> BTreeMap<String, String> {
    let text = text("deploy/nats/permissions.conf");
    let of = |name| {
        text.lines()
            .filter_map(move |line| line.trim().strip_prefix(name))
    };
    let variables = of("password: $").map(str::to_owned);
    variables.zip(of("user: ").map(str::to_owned)).collect()
}

#[test]
fn nats_has_the_permissions_of_the_file_and_the_passwords_that_it_asks_for() {
    let chart = chart_of_nats();
    assert_eq!(chart["config"]["merge"]["$include"], "permissions.conf");
    let command =
        r"--set-file 'configMap.merge.data.permissions\.conf=deploy/nats/permissions.conf'";
    assert!(text(PAGE).contains(command));
    let given = entries(&chart["container"]["env"]).filter(|(_, value)| value.is_mapping());
    let given: BTreeMap<String, String> = given
        .map(|(variable, value)| {
            let key = &value["valueFrom"]["secretKeyRef"]["key"];
            (variable.to_owned(), string(key).to_owned())
        })
        .collect();
    assert_eq!(users(), given);
    assert_eq!(given.len(), SERVICES.len());
}

#[test]
fn in_production_each_service_is_the_user_of_its_name_at_every_server_of_nats() {
    let cluster = chart_of_nats()["config"]["cluster"]["replicas"].clone();
    let names = 0..cluster.as_u64().expect("a number");
    let servers: Vec<String> = names
        .map(|number| format!("nats-{number}.nats-headless.nats:4222"))
        .collect();
    let mut seen = 0;
    for workload in workloads() {
        if !workload.place.starts_with("k8s/overlays/prod") {
            continue;
        }
        let url = workload.environment["NATS_URL"].replace("tls://", "");
        let (who, named) = url.split_once('@').expect("a user");
        assert_eq!(who, format!("{}:PASSWORD", workload.service));
        assert!(users().values().any(|user| user == workload.service));
        assert_eq!(named.split(',').collect::<Vec<_>>(), servers);
        seen += 1;
    }
    assert_eq!(seen, SERVICES.len());
}
