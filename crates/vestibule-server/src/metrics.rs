//! The numbers for a monitoring system, at an address of their own (`metrics.listen`), so that the public one never shows them (T79).

use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::serve::meters;

/// Upper ends of the histograms' buckets in seconds: from a read of a session to a client's patience.
const BUCKETS: [f64; 16] =
    [0.000_025, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// How often what was timed goes into the buckets: until then each request holds eight bytes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The format that every collector reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Begins to count. Must come before anything that is counted is built.
///
/// # Errors
/// A sentence for the operator when the process counts elsewhere already.
pub(crate) fn install() -> Result<PrometheusHandle, String> {
    let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS).and_then(PrometheusBuilder::install_recorder);
    let recorder = recorder.map_err(|error| format!("cannot count: {error}"))?;
    meters::ALL.iter().for_each(vestibule::ground::meters::Meter::describe);
    Ok(recorder)
}

/// Keeps the histograms small. Never ends.
pub(crate) async fn keep(recorder: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        recorder.run_upkeep();
    }
}

/// `GET /metrics` and nothing else.
pub(crate) fn router(recorder: PrometheusHandle) -> Router {
    let show = async move || ([(CONTENT_TYPE, FORMAT)], recorder.render()).into_response();
    Router::new().route("/metrics", get(show)).fallback(vestibule::Auth::not_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_for_operators_names_every_meter() {
        let page = include_str!("../../../docs/operations.md");
        let missing: Vec<_> = meters::ALL.iter().filter(|meter| !page.contains(&format!("`{}`", meter.name))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn buckets_rise() {
        assert!(BUCKETS.is_sorted());
    }
}
