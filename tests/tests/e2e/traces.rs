//! What a collector of traces gets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use messaging_lifecycle::Tasks;
use messaging_test_support::{MongoServer, NatsServer, eventually};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::support::{Cluster, NO_RATES, Script};

const BOUND: Duration = Duration::from_secs(20);

/// The way of a message, each span the parent of the next one.
const OF_A_SOCKET: [&str; 6] = [
    "client_event",
    "command",
    "send_message",
    "insert",
    "publish",
    "deliver",
];
const OF_A_REQUEST: [&str; 5] = [
    "http_request",
    "send_message",
    "insert",
    "publish",
    "deliver",
];

/// All that a span may tell. None of it is what a user wrote, or who he is.
const ATTRIBUTES: [&str; 4] = [
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "name",
];

/// Keeps what it is sent, as any collector of OTLP by gRPC would.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.lock().expect("nobody panics with it");
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.map(|resource| resource.attributes);
            let service = attributes.into_iter().flatten().find_map(|attribute| {
                (attribute.key == "service.name").then(|| format!("{:?}", attribute.value))
            });
            let service = service.expect("each process says what it is");
            let spans = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            kept.extend(spans.map(|span| (service.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start(&self, tasks: &Tasks) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = listener.await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serving = Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tasks.spawn_until_stopped("collector", async {
            serving.await.expect("the collector serves");
        });
        address
    }

    fn spans(&self) -> Vec<(String, Span)> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// The names of spans on the way from the root of a trace to each `deliver`.
    fn ways(&self) -> BTreeSet<Vec<String>> {
        let spans = self.spans();
        let by_id: BTreeMap<_, _> = spans
            .iter()
            .map(|(_, span)| (&span.span_id, span))
            .collect();
        let ends = spans.iter().filter(|(_, span)| span.name == "deliver");
        let way = |end: &Span| {
            let mut way = vec![end.name.clone()];
            let mut at = end;
            while let Some(parent) = by_id.get(&at.parent_span_id) {
                assert_eq!(parent.trace_id, end.trace_id, "one trace");
                way.insert(0, parent.name.clone());
                at = parent;
            }
            at.parent_span_id.is_empty().then_some(way)
        };
        ends.filter_map(|(_, end)| way(end)).collect()
    }
}

async fn traced(collector: SocketAddr, share: &str) -> Cluster {
    let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
    let endpoint = format!("http://{collector}");
    let settings = [
        NO_RATES[0],
        NO_RATES[1],
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_SAMPLER_ARG", share),
        // What waits is sent ten times a second.
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    Cluster::start_on(&mongo.uri(), &nats.url(), &settings).await
}

#[tokio::test]
async fn one_trace_leads_from_an_event_of_a_socket_to_the_sockets() {
    check_way("exchange", &OF_A_SOCKET).await;
}

#[tokio::test]
async fn one_trace_leads_from_a_request_to_the_sockets() {
    check_way("join", &OF_A_REQUEST).await;
}

/// Plays a scenario, and waits for a message of it that came this way.
async fn check_way(scenario: &str, way: &[&str]) {
    let (tasks, collector) = (Tasks::new(), Collector::default());
    let cluster = traced(collector.start(&tasks).await, "1").await;
    Script::run(scenario, &cluster).await;
    eventually(BOUND, "the whole trace is in", async || {
        collector.ways().iter().any(|found| found == way)
    })
    .await;

    let services: BTreeSet<_> = collector
        .spans()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(services.len(), 2, "{services:?}");
    for (_, span) in collector.spans() {
        let name = &span.name;
        assert!(
            span.events.is_empty(),
            "{name}: a log line is no part of it"
        );
        for attribute in &span.attributes {
            let is_known = ATTRIBUTES.contains(&attribute.key.as_str());
            assert!(is_known, "{name}: {attribute:?}");
        }
    }
}

#[tokio::test]
async fn a_share_of_none_exports_no_span() {
    let (tasks, collector) = (Tasks::new(), Collector::default());
    let mut cluster = traced(collector.start(&tasks).await, "0").await;
    Script::run("exchange", &cluster).await;
    // They send what waits as they end.
    for service in cluster.gateways.iter_mut().chain(&mut cluster.apis) {
        assert_eq!(service.terminate().await, 0);
    }
    assert_eq!(collector.spans().len(), 0);
}
