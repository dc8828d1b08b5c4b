//! What the services are deployed by, held against the services: each variable is a setting, no required one is missing, and
//! names, ports, paths, times and sizes are those of the others.

mod files;
mod fronts;
mod secrets;
mod workload;

use std::collections::BTreeSet;
use std::process::Stdio;

use files::{documents, entries, image_environment, instructions, list, object, string};
use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, binary_path};
use tokio::process::Command;
use workload::{OVERLAYS, SERVICES, Workload, container, workloads};

use crate::settings::faults_of;
use crate::support::{get, ready};

/// Which of the services' own time to end is not of their drain: ten seconds for tasks that do not end by themselves.
const STOP_SECONDS_MAX: u64 = 10;

#[test]
fn each_variable_is_a_setting_of_its_service_and_none_is_wrong_or_missing() {
    let workloads = workloads();
    // Two overlays with both services, and the five replicas of the Compose file.
    assert_eq!(workloads.len(), 9);
    for workload in workloads {
        let reading = workload.read();
        let unknown: Vec<_> = workload
            .environment
            .keys()
            .filter(|variable| !reading.asked.contains(variable))
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", workload.place);
        assert!(
            reading.faults.is_empty(),
            "{}: {:?}",
            workload.place,
            reading.faults
        );
    }
}

#[tokio::test]
async fn what_only_the_standalone_image_sets_is_a_setting_of_the_standalone_service() {
    let services = SERVICES.map(|service| image_environment(service).into_keys());
    let services: BTreeSet<String> = services.into_iter().flatten().collect();
    let own: Vec<_> = image_environment("standalone")
        .into_iter()
        .filter(|(variable, _)| !services.contains(variable))
        .collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    // The folder is one of the image and not of this machine, so who looks for it complains.
    assert_eq!(own, [("WEB_DIR", "/usr/share/inbox")]);
    let given = [("JWT_SECRET", crate::support::SECRET)];
    let settings = [&given[..], &own].concat();
    assert_eq!(
        faults_of("messaging-standalone", &[], &settings).await,
        ["WEB_DIR"]
    );
}

#[test]
fn ports_are_the_one_that_the_service_listens_on() {
    for workload in workloads() {
        let port = workload.read().port;
        let image = instructions(workload.service, "EXPOSE");
        assert_eq!(image, [port.to_string()], "{}", workload.place);
        let container = container(workload.service);
        let ports = &container["ports"];
        assert_eq!(list(ports).count(), 1);
        assert_eq!(ports[0]["name"], "http");
        assert_eq!(
            ports[0]["containerPort"],
            u64::from(port),
            "{}",
            workload.place
        );
        let service = object(&format!("k8s/base/{}.yaml", workload.service), "Service");
        assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
        for probe in probes(&container) {
            assert_eq!(probe["httpGet"]["port"], "http");
        }
    }
}

fn probes(container: &serde_norway::Value) -> [&serde_norway::Value; 3] {
    ["startupProbe", "livenessProbe", "readinessProbe"].map(|probe| &container[probe])
}

#[test]
fn services_are_killed_only_after_the_time_that_their_end_may_take() {
    for workload in workloads() {
        let needed = workload.pre_stop_seconds + workload.read().drain_seconds + STOP_SECONDS_MAX;
        assert!(
            workload.grace_seconds > needed,
            "{}: {needed} s and more, not {}",
            workload.place,
            workload.grace_seconds
        );
    }
}

#[test]
fn what_is_made_for_a_cluster_refers_to_what_is_there() {
    let there: BTreeSet<String> = SERVICES
        .iter()
        .map(|service| format!("messaging-{service}"))
        .collect();
    for kind in ["Deployment", "Service"] {
        for service in SERVICES {
            let object = object(&format!("k8s/base/{service}.yaml"), kind);
            assert!(there.contains(string(&object["metadata"]["name"])));
        }
    }
    let scaled = documents("k8s/components/autoscaling/autoscalers.yaml");
    let scaled = scaled
        .iter()
        .map(|scaler| &scaler["spec"]["scaleTargetRef"]["name"]);
    assert_eq!(names(scaled), there);
    let adapter = documents("k8s/helm/prometheus-adapter-values.yaml").remove(0);
    assert_eq!(
        adapter["rules"]["custom"][0]["name"]["as"],
        scaling_metric()
    );
    let scraped = documents("k8s/components/monitoring/service-monitors.yaml");
    let scraped = scraped
        .iter()
        .map(|monitor| &monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]);
    assert_eq!(names(scraped), there);
}

/// What gateways are scaled by.
fn scaling_metric() -> String {
    let scalers = documents("k8s/components/autoscaling/autoscalers.yaml");
    let metrics = scalers
        .iter()
        .map(|scaler| &scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]);
    let mut metrics = metrics.filter_map(|name| name.as_str());
    metrics.next().expect("a metric of pods").to_owned()
}

fn names<'a>(values: impl Iterator<Item = &'a serde_norway::Value>) -> BTreeSet<String> {
    values.map(|name| string(name).to_owned()).collect()
}

/// One of each that is started alike: the replicas of the Compose file differ in their names alone.
fn kinds() -> Vec<Workload> {
    let mut seen = BTreeSet::new();
    let mut found = workloads();
    found.retain(|workload| {
        let place = workload
            .place
            .trim_end_matches(|letter: char| letter.is_ascii_digit());
        seen.insert(place.to_owned())
    });
    assert_eq!(found.len(), SERVICES.len() * (OVERLAYS.len() + 1));
    found
}

#[tokio::test]
async fn services_become_ready_with_exactly_what_they_are_given() {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    for Workload {
        place,
        service,
        mut environment,
        ..
    } in kinds()
    {
        let here = [
            ("BIND_ADDR", "127.0.0.1:0".to_owned()),
            ("MONGODB_URI", mongo.uri()),
            ("NATS_URL", nats.url()),
        ];
        for (variable, value) in here {
            if let Some(given) = environment.get_mut(variable) {
                *given = value;
            }
        }
        let binary = binary_path(&format!("messaging-{service}"));
        let process = ServiceProcess::start(&binary, environment).await;
        ready(&process).await;
        assert_paths_answer(&place, service, &process).await;
        assert_the_images_check_passes(&place, service, &process).await;
        if service == "gateway" {
            let metrics = get(&process, "/metrics").await.unwrap_or_default();
            assert!(metrics.contains(&format!("\n{} ", scaling_metric())));
        }
    }
}

/// Those of the probes, and of what is scraped.
async fn assert_paths_answer(place: &str, service: &str, process: &ServiceProcess) {
    let container = container(service);
    let monitors = documents("k8s/components/monitoring/service-monitors.yaml");
    let probed = probes(&container).map(|probe| &probe["httpGet"]["path"]);
    let scraped = monitors
        .iter()
        .map(|monitor| &monitor["spec"]["endpoints"][0]["path"]);
    for path in probed.into_iter().chain(scraped) {
        let path = string(path);
        let answer = get(process, path).await.unwrap_or_default();
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{place}: {path}: {answer}"
        );
    }
}

/// The HEALTHCHECK of the image, and what the Compose file has in its place.
async fn assert_the_images_check_passes(place: &str, service: &str, process: &ServiceProcess) {
    let image = instructions(service, "HEALTHCHECK");
    let (_, image) = image[0].split_once(" CMD ").expect("a command");
    let image: Vec<String> = serde_json::from_str(image).expect("a list of words");
    let compose = documents("deploy/compose.yaml").remove(0);
    let (_, replica) = entries(&compose["services"])
        .find(|(name, _)| name.starts_with(service))
        .expect("a replica");
    let composed = list(&replica["healthcheck"]["test"]).skip(1);
    let composed: Vec<String> = composed.map(|word| string(word).to_owned()).collect();
    for command in [image, composed] {
        let (program, arguments) = command.split_first().expect("a program");
        let program = program
            .strip_prefix("/usr/local/bin/")
            .expect("one of ours");
        let status = Command::new(binary_path(program))
            .args(arguments)
            .env_clear()
            .env("BIND_ADDR", process.address().to_string())
            .stdin(Stdio::null())
            .status()
            .await
            .expect("it can be run");
        assert!(status.success(), "{place}: {command:?}");
    }
}
