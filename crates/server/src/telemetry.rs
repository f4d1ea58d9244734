//! Logs and metrics of the process. A log line is one JSON object; it never holds a body, a query
//! string, a header or a secret.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Telemetry};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Seconds: from a fast answer to the longest delivery timeout.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The process has one recorder, however many servers it runs (tests run several).
pub fn metrics() -> PrometheusHandle {
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS);
        let recorder = builder.unwrap_or_default().build_recorder();
        let handle = recorder.handle();
        // Somebody else's recorder stays; ours then shows nothing, which is no reason to die.
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    METRICS.get_or_init(install).clone()
}

/// Starts logging to standard error.
pub fn start_log(settings: &Telemetry) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| {
        // The message may quote what it choked on; the place doesn't.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
