use std::str::FromStr;

use messaging_settings::Settings;
use thiserror::Error;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for a log collector.
    Json,
    /// For a person at a terminal.
    Text,
}

/// A text that names no [`LogFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be json or text")]
pub struct LogFormatError;

impl FromStr for LogFormat {
    type Err = LogFormatError;

    fn from_str(text: &str) -> Result<Self, LogFormatError> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(LogFormatError),
        }
    }
}

/// Settings of logs and traces.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `LOG_FORMAT`; default: text on a terminal, JSON elsewhere.
    pub log_format: Option<LogFormat>,
    /// `RUST_LOG`: what is logged, in the syntax of `tracing_subscriber::EnvFilter`; default `info`.
    pub filter: String,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces go by OTLP over gRPC; default: nowhere.
    pub otlp_endpoint: Option<String>,
    /// `OTEL_TRACES_SAMPLER_ARG`: the share of traces that are exported, 0 to 1; default 1. Each is exported whole or not at all.
    pub sample_ratio: f64,
}

impl TelemetryConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        let filter = settings.or("RUST_LOG", "info".to_owned());
        if let Err(error) = filter.parse::<tracing_subscriber::filter::Targets>()
            && tracing_subscriber::EnvFilter::try_new(&filter).is_err()
        {
            settings.fault("RUST_LOG", format!("is not a filter: {error}"));
        }
        let otlp_endpoint: Option<String> = settings.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        if otlp_endpoint
            .as_ref()
            .is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            settings.fault(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "must start with http:// or https://",
            );
        }
        Self {
            log_format: settings.optional("LOG_FORMAT"),
            filter,
            otlp_endpoint,
            sample_ratio: settings.within("OTEL_TRACES_SAMPLER_ARG", 0.0..=1.0, 1.0),
        }
    }
}
