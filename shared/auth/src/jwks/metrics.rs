use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// What came of reading a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Other keys than before.
    Changed,
    /// The same keys.
    Unchanged,
    /// It could not be read at all.
    Unreachable,
    /// It was there, but not good; the last good keys are kept.
    Unusable,
}

impl Outcome {
    const ALL: [Self; 4] = [
        Self::Changed,
        Self::Unchanged,
        Self::Unreachable,
        Self::Unusable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable",
        }
    }
}

/// What is counted of key sets.
#[derive(Clone)]
pub(crate) struct JwksMetrics {
    fetches: IntCounterVec,
    keys: IntGauge,
}

impl JwksMetrics {
    /// Registers them.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            fetches: IntCounterVec::new(
                Opts::new(
                    "fh_auth_jwks_fetches_total",
                    "Readings of the key set, by file or by URL, and what came of them.",
                ),
                &["outcome"],
            )?,
            keys: IntGauge::new(
                "fh_auth_jwks_keys",
                "Keys of the key set by which tokens are checked.",
            )?,
        };
        for outcome in Outcome::ALL {
            metrics.fetches.with_label_values(&[outcome.as_str()]);
        }
        registry.register(Box::new(metrics.fetches.clone()))?;
        registry.register(Box::new(metrics.keys.clone()))?;
        Ok(metrics)
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.fetches.with_label_values(&[outcome.as_str()]).inc();
    }

    pub(super) fn set_keys(&self, count: usize) {
        self.keys.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
