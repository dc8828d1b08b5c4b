use std::path::Path;
use std::time::Duration;

use messaging_auth::{AuthConfig, TokenError, Verifier};
use messaging_lifecycle::Tasks;
use messaging_settings::Settings;
use messaging_test_support::eventually;
use prometheus::Registry;

/// How long a state may take to come about.
const BOUND: Duration = Duration::from_secs(20);

/// What a process has that checks tokens.
pub(crate) struct Process {
    pub(crate) verifier: Verifier,
    registry: Registry,
    tasks: Tasks,
}

/// The faults of these settings, a line for each.
pub(crate) fn faults(settings: &[(&str, &str)]) -> String {
    let mut settings = Settings::from_pairs(settings.iter().copied());
    AuthConfig::read(&mut settings);
    settings
        .finish()
        .map_or_else(|faults| faults.to_string(), |_| String::new())
}

impl Process {
    /// Starts with these settings, which must be right.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut settings = Settings::from_pairs(settings.iter().copied());
        let config = AuthConfig::read(&mut settings);
        let _warnings = settings.finish().expect("the settings are right");
        let (registry, tasks) = (Registry::new(), Tasks::new());
        let verifier = Verifier::start(&config, &registry, &tasks).expect("it starts");
        Self {
            verifier,
            registry,
            tasks,
        }
    }

    /// With the keys of a URL, for RS256, ES256 and EdDSA.
    pub(crate) fn at_url(url: &str) -> Self {
        Self::start(&[("JWT_ALGORITHMS", ALGORITHMS), ("JWT_JWKS_URL", url)])
    }

    /// With the keys of a file, for RS256, ES256 and EdDSA.
    pub(crate) fn at_file(path: &Path) -> Self {
        let path = path.to_str().expect("a path in UTF-8");
        Self::start(&[("JWT_ALGORITHMS", ALGORITHMS), ("JWT_JWKS_FILE", path)])
    }

    /// Waits until it has keys.
    pub(crate) async fn ready(&self) {
        let has_keys = self.verifier.watch_keys();
        eventually(BOUND, "there are keys", async || has_keys()).await;
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.verifier.watch_keys()()
    }

    /// The user that a token proves.
    pub(crate) async fn user(&self, token: &str) -> Result<String, TokenError> {
        let proved = self.verifier.verify(token).await;
        proved.map(|identity| identity.user.to_string())
    }

    pub(crate) async fn accepts(&self, token: &str) {
        assert_eq!(self.user(token).await.as_deref(), Ok("u-1"), "{token}");
    }

    pub(crate) async fn refuses(&self, token: &str) {
        assert_eq!(self.user(token).await, Err(TokenError::Invalid), "{token}");
    }

    /// Waits until a token is accepted, or refused.
    pub(crate) async fn until(&self, what: &str, token: &str, expected: Result<&str, TokenError>) {
        eventually(BOUND, what, async || {
            self.user(token).await.as_deref() == expected.as_ref().copied()
        })
        .await;
    }

    /// How many readings of the key set had this outcome so far.
    pub(crate) fn readings(&self, outcome: &str) -> u64 {
        let family = self.family("fh_auth_jwks_fetches_total");
        let metric = family.get_metric().iter().find(|metric| {
            let labels = metric.get_label();
            labels.iter().any(|label| label.value() == outcome)
        });
        let count = metric.expect("the outcome is counted").get_counter();
        #[expect(
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "a count"
        )]
        let count = count.get_value() as u64;
        count
    }

    /// Waits until so many readings have had this outcome.
    pub(crate) async fn until_readings(&self, outcome: &str, count: u64) {
        let what = format!("{count} readings were {outcome}");
        eventually(BOUND, &what, async || self.readings(outcome) >= count).await;
    }

    /// How many keys of the key set there are, as the gauge has it.
    pub(crate) fn keys(&self) -> usize {
        let family = self.family("fh_auth_jwks_keys");
        #[expect(
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation,
            reason = "a count"
        )]
        let count = family.get_metric()[0].get_gauge().get_value() as usize;
        count
    }

    /// Ends its tasks.
    pub(crate) async fn stop(self) {
        let stopped = self.tasks.stop(Duration::from_secs(5)).await;
        assert_eq!(stopped, Ok(()));
    }

    fn family(&self, name: &str) -> prometheus::proto::MetricFamily {
        let families = self.registry.gather();
        let mut families = families.into_iter();
        families
            .find(|family| family.name() == name)
            .expect("the metric is registered")
    }
}

const ALGORITHMS: &str = "RS256,ES256,EdDSA";
