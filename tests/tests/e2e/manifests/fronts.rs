//! The fronts, held against the services behind them: who they are, how long they may be silent, what they take.

use std::collections::BTreeSet;

use serde_norway::Value;

use super::files::{documents, entries, image_environment, object, seconds, string, text};
use super::workload::{Workload, workloads};

/// The names and ports of replicas in a file: `api-1:8000`.
fn replicas_in(name: &str) -> BTreeSet<String> {
    let text = text(name);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| {
        line.split(|letter: char| letter.is_whitespace() || ";\",[]".contains(letter))
    });
    words
        .filter(|word| word.starts_with("api-") || word.starts_with("gateway-"))
        .filter(|word| word.contains(':'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn fronts_and_prometheus_know_the_replicas_of_the_compose_file_and_no_others() {
    let workloads = workloads();
    let replicas = workloads.iter().filter_map(|workload| {
        let name = workload.place.strip_prefix("deploy/compose.yaml: ")?;
        Some(format!("{name}:{}", workload.read().port))
    });
    let replicas: BTreeSet<String> = replicas.collect();
    assert_eq!(replicas.len(), 5);
    for file in [
        "deploy/front/upstreams.conf",
        "deploy/front/haproxy.cfg",
        "deploy/prometheus/prometheus.yml",
    ] {
        assert_eq!(replicas_in(file), replicas, "{file}");
    }
    let compose = documents("deploy/compose.yaml").remove(0);
    let awaited = entries(&compose["services"]["front"]["depends_on"]);
    let awaited: BTreeSet<String> = awaited.map(|(name, _)| name.to_owned()).collect();
    let names = replicas
        .iter()
        .filter_map(|replica| Some(replica.split_once(':')?.0.to_owned()));
    assert_eq!(awaited, names.collect());
}

/// The value of the only directive of this name in a configuration, or of each of them if they are the same.
fn directive(file: &str, name: &str) -> String {
    let text = text(file);
    let values: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(' '))
        .map(|value| value.trim_end_matches(';').trim())
        .collect();
    assert_eq!(values.len(), 1, "{file}: {name}");
    (*values.first().expect("one")).to_owned()
}

fn annotation(ingress: &Value, name: &str) -> Value {
    let name = format!("nginx.ingress.kubernetes.io/{name}");
    let value = &ingress["metadata"]["annotations"][name.as_str()];
    assert!(value.is_string(), "{name}");
    value.clone()
}

/// How long a connection may be silent, of all services everywhere.
fn silence_seconds_max(workloads: &[Workload]) -> u64 {
    let gateways = workloads
        .iter()
        .filter(|workload| workload.service == "gateway");
    let silences = gateways.map(|gateway| {
        let mut settings = messaging_settings::Settings::from_pairs(gateway.environment.clone());
        let config = messaging_gateway::GatewayConfig::read(&mut settings).transport;
        (config.ping_interval + config.ping_timeout).as_secs()
    });
    silences.max().expect("gateways")
}

#[test]
fn fronts_wait_for_longer_than_a_connection_may_be_silent() {
    let silence = silence_seconds_max(&workloads());
    let mut limits = Vec::new();
    for name in ["proxy_read_timeout", "proxy_send_timeout"] {
        limits.push((name, directive("deploy/front/proxy.conf", name).into()));
    }
    for name in ["timeout client", "timeout server", "timeout tunnel"] {
        limits.push((
            name,
            directive("deploy/front/haproxy-defaults.cfg", name).into(),
        ));
    }
    for ingress in documents("k8s/base/ingress.yaml") {
        for name in ["proxy-read-timeout", "proxy-send-timeout"] {
            limits.push((name, annotation(&ingress, name)));
        }
    }
    for (name, limit) in limits {
        assert!(
            seconds(&limit) > silence,
            "{name}: {limit:?}, not above {silence} s"
        );
    }
}

/// The bytes of `51m`.
fn bytes(text: &str) -> u64 {
    let megabytes = text.strip_suffix('m').expect("megabytes");
    megabytes.parse::<u64>().expect("a number") << 20
}

/// The largest value of a setting, of all services everywhere that have it.
fn largest(workloads: &[Workload], variable: &str) -> u64 {
    let values = workloads
        .iter()
        .filter_map(|workload| workload.environment.get(variable));
    let values = values.map(|value| value.parse().expect("a number"));
    values.max().expect("it is set somewhere")
}

#[test]
fn fronts_take_what_the_services_take() {
    let workloads = workloads();
    // A file that is too large is heard out up to twice its limit, to tell why it is refused.
    let file = 2 * largest(&workloads, "ATTACHMENT_BYTES_MAX");
    let frame = largest(&workloads, "FRAME_BYTES_MAX");
    let proxy = text("deploy/front/proxy.conf");
    let limit_of = |location: &str| {
        let block = proxy
            .split(&format!("location {location} {{"))
            .nth(1)
            .expect("a location");
        let line = block
            .lines()
            .find_map(|line| line.trim().strip_prefix("client_max_body_size "));
        bytes(line.expect("a limit").trim_end_matches(';'))
    };
    assert!(limit_of("/api/") >= file);
    assert!(limit_of(r"~ ^/(socket\.io/|ws$)") >= frame);

    for ingress in documents("k8s/base/ingress.yaml") {
        let limit = bytes(string(&annotation(&ingress, "proxy-body-size")));
        let needed = if ingress["metadata"]["name"] == "messaging" {
            file
        } else {
            frame
        };
        assert!(limit >= needed, "{:?}", ingress["metadata"]["name"]);
    }

    let haproxy = text("deploy/front/haproxy.cfg");
    let limit_of = |path: &str| -> u64 {
        let rule = format!("deny_status 413 if {{ path_beg {path} }} {{ req.body_size gt ");
        let rest = haproxy.split(&rule).nth(1).expect("a rule");
        rest.split(' ')
            .next()
            .and_then(|bytes| bytes.parse().ok())
            .expect("a number")
    };
    assert!(limit_of("/api/") >= file);
    assert!(limit_of("/socket.io/") >= frame);
}

/// The number that a line of a configuration ends in, whatever its unit.
fn last_number(value: &str) -> String {
    let last = value.rsplit(['=', ' ']).next().expect("a word");
    last.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn an_ingress_passes_on_and_limits_as_nginx_does() {
    let proxy = |name| directive("deploy/front/proxy.conf", name);
    let limits = |name| directive("deploy/front/limits.conf", name);
    let rate = last_number(&limits("limit_req_zone"));
    let burst = limits("limit_req");
    let (_, burst) = burst.split_once("burst=").expect("a burst");
    let burst = last_number(burst.split(' ').next().expect("a number"));
    let told = [
        ("proxy-next-upstream", proxy("proxy_next_upstream")),
        (
            "proxy-next-upstream-tries",
            proxy("proxy_next_upstream_tries"),
        ),
        (
            "proxy-next-upstream-timeout",
            last_number(&proxy("proxy_next_upstream_timeout")),
        ),
        ("limit-connections", last_number(&limits("limit_conn"))),
        ("limit-rps", rate.clone()),
    ];
    for ingress in documents("k8s/base/ingress.yaml") {
        for (name, value) in &told {
            assert_eq!(string(&annotation(&ingress, name)), value, "{name}");
        }
        let multiplier = annotation(&ingress, "limit-burst-multiplier");
        assert_eq!(
            seconds(&multiplier) * rate.parse::<u64>().expect("a number"),
            burst.parse::<u64>().expect("a number")
        );
    }
}

#[test]
fn each_path_of_the_gateways_leads_there_in_kubernetes_too() {
    let base = documents("k8s/base/ingress.yaml");
    let gateway = base
        .iter()
        .find(|ingress| ingress["metadata"]["name"] == "messaging-gateway")
        .expect("an Ingress of the gateways");
    let paths = super::list(&gateway["spec"]["rules"][0]["http"]["paths"]);
    let paths: Vec<&str> = paths.map(|path| string(&path["path"])).collect();
    assert_eq!(paths, ["/socket.io", "/ws"]);
    // The server of the inbox listens where its Service leads, and where its own check looks.
    let port = super::instructions("web", "EXPOSE").remove(0);
    let web = object("k8s/base/web.yaml", "Deployment");
    let container = &web["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["ports"][0]["containerPort"],
        port.parse::<u64>().expect("a port")
    );
    assert_eq!(directive("deploy/front/web.conf", "listen"), port);
    assert!(image_environment("web").is_empty());
}
