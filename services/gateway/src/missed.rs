use std::sync::Arc;
use std::time::Duration;

use messaging_bus::{Bus, Intake};
use messaging_domain::Timestamp;
use messaging_lifecycle::{Tasks, now};
use messaging_wire::Fault;
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::sync::mpsc;

use crate::api::ApiClient;
use crate::hub::Users;
use crate::mutant::Mutant;
use crate::presence::ask_all_again;
use crate::refill::Refill;

/// How often it is noted whether events are heard.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How far back to ask from when the connection was last there: a broken one may be taken for whole until pings go unanswered,
/// which takes 6 s, and the clocks of replicas may differ.
const LOOK_BACK: Duration = Duration::from_secs(15);

/// How often to ask, and how long to wait in between.
const ATTEMPTS_MAX: u32 = 60;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Looks for what was missed whenever a connection that events come by was made anew: new messages are fetched by each room that
/// lacks some; changes to older ones, read marks, notifications and who came and went are told of once more.
///
/// # Errors
/// When the metrics are registered already.
pub(crate) fn watch(
    intake: &Intake,
    users: &Arc<Users>,
    (api, bus): (&ApiClient, &Bus),
    refill: &Refill,
    registry: &Registry,
    tasks: &Tasks,
) -> Result<(), prometheus::Error> {
    let retellings = IntCounterVec::new(
        Opts::new(
            "fh_gateway_retellings_total",
            "Times that what was published while this gateway could not hear was to be told again, by what came of it.",
        ),
        &["outcome"],
    )?;
    registry.register(Box::new(retellings.clone()))?;
    // One that waits is enough: it asks from before what makes the next one ask, and after it happened.
    let (ask, mut asked) = mpsc::channel::<Timestamp>(1);
    let (api, bus) = (api.clone(), bus.clone());
    tasks.spawn_until_stopped("retell", async move {
        while let Some(well_at) = asked.recv().await {
            let since = well_at.earlier(LOOK_BACK);
            ask_all_again(&bus, since).await;
            let told = until_told(|| api.retell(since));
            let outcome = match told.await {
                true => "told",
                false => "given_up",
            };
            retellings.with_label_values(&[outcome]).inc();
        }
    });
    let (hears_all, users, refill) = (intake.hears_all(), Arc::clone(users), refill.clone());
    let mut interruptions = intake.interruptions();
    let watching = async move {
        let mut ticks = tokio::time::interval(CHECK_INTERVAL);
        let mut well_at = now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if hears_all() {
                        well_at = now();
                    }
                }
                changed = interruptions.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    refill.check_all();
                    if !users.is_empty() && !Mutant::NoRefill.is_on() {
                        // By another task: the next reconnect must not wait for it with what the rooms lack.
                        let _ = ask.try_send(well_at);
                    }
                    well_at = now();
                }
            }
        }
    };
    tasks.spawn_until_stopped("intake watch", watching);
    Ok(())
}

/// Asks until an API replica has told of all again; false when none has in so many attempts.
async fn until_told<F>(mut ask: impl FnMut() -> F) -> bool
where
    F: Future<Output = Result<(), Fault>>,
{
    for _ in 0..ATTEMPTS_MAX {
        match ask().await {
            Ok(()) => return true,
            Err(fault) => {
                tracing::debug!(%fault, "what was missed cannot be asked for yet")
            }
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
    tracing::error!(
        "changes, read marks and notifications may have been missed, as no API replica could tell of them again"
    );
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_until_a_replica_has_told_but_not_for_ever() {
        for (well_after, expected, attempts) in [(0, true, 1), (59, true, 60), (60, false, 60)] {
            let mut asked = 0;
            let told = until_told(|| {
                asked += 1;
                std::future::ready(match asked > well_after {
                    true => Ok(()),
                    false => Err(Fault::unavailable()),
                })
            });
            assert_eq!(told.await, expected);
            assert_eq!(asked, attempts);
        }
    }
}
