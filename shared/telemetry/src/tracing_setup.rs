use std::io::{self, IsTerminal};

use messaging_settings::{Fault, Warnings};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use thiserror::Error;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::{LogFormat, TelemetryConfig, trace};

/// The process's logs and traces, set up; what is left to send is sent by [`Telemetry::shut_down`].
#[derive(Debug)]
pub struct Telemetry {
    tracer_provider: Option<SdkTracerProvider>,
}

/// Why logs or traces could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("the log filter is not valid")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be built.
    #[error("traces cannot be exported")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// Another part of the process set up tracing first.
    #[error("tracing is set up already")]
    AlreadySetUp(#[source] tracing_subscriber::util::TryInitError),
}

impl Telemetry {
    /// Sets up logs on standard error and, where an endpoint is given, the export of traces. Once per process, within its runtime.
    ///
    /// # Errors
    /// Each [`TelemetryError`]. An endpoint that does not answer is no error: spans are dropped.
    pub fn set_up(service: &'static str, config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(&config.filter).map_err(TelemetryError::Filter)?;
        let format = config.log_format.unwrap_or_else(|| {
            if io::stderr().is_terminal() {
                LogFormat::Text
            } else {
                LogFormat::Json
            }
        });
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
            LogFormat::Json => Box::new(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false)
                    .with_writer(io::stderr)
                    .with_filter(filter),
            ),
            LogFormat::Text => Box::new(
                tracing_subscriber::fmt::layer()
                    // Escapes of a terminal are noise in a file or a pipe.
                    .with_ansi(io::stderr().is_terminal())
                    .with_writer(io::stderr)
                    .with_filter(filter),
            ),
        };
        let tracer_provider = match &config.otlp_endpoint {
            Some(endpoint) => Some(tracer_provider(service, endpoint, config.sample_ratio)?),
            None => None,
        };
        let traces = tracer_provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer(service))
                .with_location(false)
                .with_target(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(Targets::new().with_target(trace::TARGET, Level::TRACE))
        });
        tracing_subscriber::registry()
            .with(lines)
            .with(traces)
            .try_init()
            .map_err(TelemetryError::AlreadySetUp)?;
        if tracer_provider.is_some() {
            trace::switch_on();
        }
        Ok(Self { tracer_provider })
    }

    /// Logs what the settings were warned of while there was no log yet.
    pub fn warn(&self, Warnings(warnings): &Warnings) {
        for warning in warnings {
            let Fault { variable, message } = warning;
            tracing::warn!("{variable} {message}");
        }
    }

    /// Sends the spans that wait, and ends the export.
    pub fn shut_down(self) {
        if let Some(provider) = self.tracer_provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

fn tracer_provider(
    service: &'static str,
    endpoint: &str,
    sample_ratio: f64,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            sample_ratio,
        ))))
        .build())
}
