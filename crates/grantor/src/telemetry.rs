//! Metrics (Prometheus text format) and logs. Labels come from closed sets: never a client id.

use crate::audit::{Decision, Endpoint};
use crate::config::{Log, LogFormat};
use grantor_core::client_auth::Allowance;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DecisionLabels {
    endpoint: &'static str,
    outcome: String,
    reason: String,
    auth_method: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AllowanceLabels {
    domain: String,
    allowance: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// Requests to `jwks_uri` sources.
#[derive(Clone, Debug, Default)]
pub struct KeyFetches(Family<OutcomeLabel, Counter>);

impl KeyFetches {
    /// `ok`, or the reason why there are no keys.
    pub fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    durations: Family<EndpointLabel, Histogram>,
    allowances: Family<AllowanceLabels, Counter>,
    replay_ids: Gauge,
    pub key_fetches: KeyFetches,
}

impl Default for Metrics {
    fn default() -> Self {
        const BOUNDS_S: [f64; 12] =
            [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];
        let decisions = Family::<DecisionLabels, Counter>::default();
        let durations = Family::<EndpointLabel, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS_S));
        let allowances = Family::<AllowanceLabels, Counter>::default();
        let mut registry = Registry::with_prefix("grantor");
        registry.register("decisions", "Decisions, by endpoint, outcome and cause", decisions.clone());
        registry.register(
            "decision_duration_seconds",
            "Time from a request read whole to its answer",
            durations.clone(),
        );
        registry.register(
            "allowances_used",
            "Authentications that only an allowance of the client let through, by allowance",
            allowances.clone(),
        );
        let replay_ids = Gauge::default();
        registry.register(
            "replay_ids",
            "Spent ids of assertions and DPoP proofs in memory; limits.replay_ids_max is the most",
            replay_ids.clone(),
        );
        let key_fetches = KeyFetches::default();
        registry.register("jwks_fetches", "Requests to clients' jwks_uri, by outcome", key_fetches.0.clone());
        Self { registry, decisions, durations, allowances, replay_ids, key_fetches }
    }
}

impl Metrics {
    pub fn decided(&self, endpoint: Endpoint, decision: &Decision) {
        let labels = DecisionLabels {
            endpoint: endpoint.as_str(),
            outcome: decision.outcome.clone(),
            reason: decision.reason.clone().unwrap_or_default(),
            auth_method: decision.auth_method.clone().unwrap_or_default(),
        };
        self.decisions.get_or_create(&labels).inc();
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a request fit")]
        self.durations
            .get_or_create(&EndpointLabel { endpoint: endpoint.as_str() })
            .observe(decision.duration_us as f64 / 1e6);
    }

    pub fn allowance_used(&self, domain: &str, allowance: Allowance) {
        let labels = AllowanceLabels { domain: domain.to_owned(), allowance: allowance.as_str() };
        self.allowances.get_or_create(&labels).inc();
    }

    pub fn replay_ids(&self, held: usize) {
        self.replay_ids.set(i64::try_from(held).unwrap_or(i64::MAX));
    }

    /// All metrics in the OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

/// Overrides `log.level` with directives such as `info,grantor::keys=debug`.
const LOG_VARIABLE: &str = "GRANTOR_LOG";

/// From now on log lines go to standard error. The error says what to write instead.
pub fn start_log(log: &Log) -> Result<(), String> {
    let written = std::env::var(LOG_VARIABLE).ok().filter(|written| !written.is_empty());
    let directives = written.as_deref().unwrap_or(log.level.as_str());
    let filter = EnvFilter::builder().parse(directives).map_err(|error| {
        format!("{LOG_VARIABLE} is no log filter ({error}); write a level such as debug, or info,grantor::keys=debug")
    })?;
    let coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(coloured).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).finish().try_init(),
    };
    started.map_err(|error| format!("the log cannot be started: {error}"))
}
