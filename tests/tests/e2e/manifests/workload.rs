//! A service as one of the places that deploy it would start it.

use std::collections::BTreeSet;

use messaging_settings::Settings;
use serde_norway::Value;

use super::files::{
    Environment, documents, entries, env_file, image_environment, list, object, pair, seconds,
    string,
};
use crate::support::SECRET;

pub(super) const OVERLAYS: [&str; 2] = ["dev", "prod"];
pub(super) const SERVICES: [&str; 2] = ["api", "gateway"];

/// A service with all that it is given.
pub(super) struct Workload {
    /// Where it is said.
    pub(super) place: String,
    /// `api` or `gateway`.
    pub(super) service: &'static str,
    /// With that of its image, and secrets as they may be.
    pub(super) environment: Environment,
    /// How long it goes on before it is asked to end.
    pub(super) pre_stop_seconds: u64,
    /// From then, and from before that, until it is killed.
    pub(super) grace_seconds: u64,
}

/// Each service in each place.
pub(super) fn workloads() -> Vec<Workload> {
    let pods = OVERLAYS
        .iter()
        .flat_map(|overlay| SERVICES.map(|service| pod(overlay, service)));
    pods.chain(compose_services()).collect()
}

/// The one container of a service's pods.
pub(super) fn container(service: &str) -> Value {
    let deployment = object(&format!("k8s/base/{service}.yaml"), "Deployment");
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    assert_eq!(list(containers).count(), 1, "{service} has one container");
    containers[0].clone()
}

fn pod(overlay: &str, service: &'static str) -> Workload {
    let deployment = object(&format!("k8s/base/{service}.yaml"), "Deployment");
    let container = container(service);
    let mut environment = image_environment(service);
    for source in list(&container["envFrom"]) {
        environment.extend(config_map(overlay, string(&source["configMapRef"]["name"])));
    }
    for variable in list(&container["env"]) {
        let value = secret(overlay, &variable["valueFrom"]["secretKeyRef"]);
        environment.insert(string(&variable["name"]).to_owned(), value);
    }
    Workload {
        place: format!("k8s/overlays/{overlay}: {service}"),
        service,
        environment,
        pre_stop_seconds: seconds(&container["lifecycle"]["preStop"]["sleep"]["seconds"]),
        grace_seconds: seconds(
            &deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        ),
    }
}

/// What kustomize generates: the files of the base, and then those that the overlay merges into it.
fn config_map(overlay: &str, name: &str) -> Environment {
    let mut found = Environment::new();
    for folder in ["k8s/base", &format!("k8s/overlays/{overlay}")] {
        let generated = object(&format!("{folder}/kustomization.yaml"), "Kustomization");
        for map in list(&generated["configMapGenerator"]).filter(|map| map["name"] == name) {
            for file in list(&map["envs"]) {
                found.extend(env_file(&format!("{folder}/{}", string(file))));
            }
        }
    }
    assert!(!found.is_empty(), "nothing generates the ConfigMap {name}");
    found
}

/// The names and keys of the secrets that a site has to make.
pub(super) fn secrets() -> BTreeSet<(String, String)> {
    let secrets = documents("k8s/secrets.example.yaml");
    let keys = secrets.iter().flat_map(|secret| {
        let name = string(&secret["metadata"]["name"]);
        entries(&secret["stringData"]).map(move |(key, _)| (name.to_owned(), key.to_owned()))
    });
    keys.collect()
}

/// The value of a secret: what the overlay generates, or else what the example has.
fn secret(overlay: &str, reference: &Value) -> String {
    let (name, key) = (string(&reference["name"]), string(&reference["key"]));
    let folder = format!("k8s/overlays/{overlay}/kustomization.yaml");
    let generated = object(&folder, "Kustomization");
    let generated = list(&generated["secretGenerator"])
        .filter(|secret| secret["name"] == name)
        .flat_map(|secret| list(&secret["literals"]))
        .map(|literal| pair(&folder, string(literal)));
    if let Some((_, value)) = generated.into_iter().find(|(found, _)| found == key) {
        return value;
    }
    let examples = documents("k8s/secrets.example.yaml");
    let example = examples
        .iter()
        .find(|secret| secret["metadata"]["name"] == name)
        .and_then(|secret| secret["stringData"][key].as_str());
    let value = example.unwrap_or_else(|| panic!("no example has the secret {name} with {key}"));
    filled_in(value)
}

/// An example leaves the key out by which tokens are signed.
fn filled_in(value: &str) -> String {
    if value.is_empty() { SECRET } else { value }.to_owned()
}

fn compose_services() -> Vec<Workload> {
    let compose = documents("deploy/compose.yaml").remove(0);
    let replica = |(name, definition): (&str, &Value)| {
        let image = string(&definition["image"]);
        let service = SERVICES
            .into_iter()
            .find(|service| image.starts_with(&format!("freelancehub/messaging-{service}:")))?;
        assert_eq!(string(&definition["build"]["target"]), service, "{name}");
        let mut environment = image_environment(service);
        let file = string(&definition["env_file"]);
        let site = env_file(&format!("deploy/{file}.example"));
        environment.extend(
            site.into_iter()
                .map(|(variable, value)| (variable, filled_in(&value))),
        );
        let own = entries(&definition["environment"]);
        environment
            .extend(own.map(|(variable, value)| (variable.to_owned(), string(value).to_owned())));
        Some(Workload {
            place: format!("deploy/compose.yaml: {name}"),
            service,
            environment,
            pre_stop_seconds: 0,
            grace_seconds: seconds(&definition["stop_grace_period"]),
        })
    };
    entries(&compose["services"]).filter_map(replica).collect()
}

/// What the service makes of its environment.
pub(super) struct Reading {
    /// The variables that it has asked for.
    pub(super) asked: Vec<String>,
    /// A line for each that is wrong, missing, or better not left so.
    pub(super) faults: Vec<String>,
    /// Port of its server.
    pub(super) port: u16,
    /// Within which it ends.
    pub(super) drain_seconds: u64,
}

impl Workload {
    /// Has the service read its environment, as it does at its start.
    pub(super) fn read(&self) -> Reading {
        let mut settings = Settings::from_pairs(self.environment.clone());
        let (server, drain) = if self.service == "api" {
            let config = messaging_api::ProcessConfig::read(&mut settings);
            (config.server, config.drain)
        } else {
            let config = messaging_gateway::ProcessConfig::read(&mut settings);
            (config.server, config.drain)
        };
        let asked = settings.asked();
        let faults = match settings.finish() {
            Ok(warnings) => warnings.0,
            Err(faults) => faults.0,
        };
        let line =
            |fault: &messaging_settings::Fault| format!("{}: {}", fault.variable, fault.message);
        Reading {
            asked,
            faults: faults.iter().map(line).collect(),
            port: server.bind_address.port(),
            drain_seconds: drain.as_secs(),
        }
    }
}
