use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use messaging_domain::ConversationId;
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::settle::publish;
use crate::ConversationKey;
use crate::error::Trouble;
use crate::head::last_message;
use crate::metrics::{Metrics, Repair};
use crate::model::{StoredConversation, StoredMessage, number, object_id};
use crate::recent::committed_as;
use crate::store::Shared;
use crate::summary::catch_up;

/// Conversations whose summary may lag behind their log, or that may have messages nobody was told of.
pub(crate) struct RepairList {
    cases: Mutex<HashMap<ConversationId, Case>>,
    added: Notify,
}

#[derive(Clone)]
struct Case {
    key: ConversationKey,
    /// Messages above this `seq` are to be published.
    publish_after: Option<u64>,
    /// Until then a write that was given up may still take effect, so one look is not enough.
    unsettled_until: Instant,
    due: Instant,
    failures: u32,
}

const CASES_MAX: usize = 10_000;
const CASES_AT_ONCE: usize = 16;
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(250);
const NEXT_LOOK_AFTER: Duration = Duration::from_secs(1);
const SETTLED_AFTER: Duration = Duration::from_secs(8);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// With the back-off above, about half an hour.
const FAILURES_MAX: u32 = 180;
const PAGE: i64 = 500;
const PAGES_MAX: usize = 20;

impl RepairList {
    pub(crate) fn new() -> Self {
        Self {
            cases: Mutex::default(),
            added: Notify::new(),
        }
    }

    /// Adds a conversation that was written to with an unknown outcome, numbering on from a `seq`.
    pub(super) fn add_unknown(&self, key: &ConversationKey, base: u64, metrics: &Metrics) {
        let now = Instant::now();
        let (publish_after, unsettled_until) = (Some(base), now + SETTLED_AFTER);
        let due = now + FIRST_LOOK_AFTER;
        self.add(
            Case {
                key: key.clone(),
                publish_after,
                unsettled_until,
                due,
                failures: 0,
            },
            metrics,
        );
    }

    /// Adds a conversation whose messages are published but whose summary was not written.
    pub(super) fn add_lagging(&self, key: &ConversationKey, metrics: &Metrics) {
        let now = Instant::now();
        let due = now + FIRST_LOOK_AFTER;
        self.add(
            Case {
                key: key.clone(),
                publish_after: None,
                unsettled_until: now,
                due,
                failures: 0,
            },
            metrics,
        );
    }

    fn add(&self, case: Case, metrics: &Metrics) {
        let mut cases = self.cases.lock();
        let is_full = cases.len() >= CASES_MAX;
        match cases.get_mut(&case.key.id()) {
            Some(known) => known.merge(&case),
            None if is_full => metrics.repair(Repair::Dropped),
            None => {
                cases.insert(case.key.id(), case);
                metrics.repair_queue.inc();
            }
        }
        drop(cases);
        self.added.notify_one();
    }

    fn next_due(&self) -> Option<Instant> {
        self.cases.lock().values().map(|case| case.due).min()
    }

    fn take_due(&self, now: Instant, metrics: &Metrics) -> Vec<Case> {
        let mut cases = self.cases.lock();
        let due: Vec<ConversationId> = cases
            .iter()
            .filter(|(_, case)| case.due <= now)
            .map(|(id, _)| *id)
            .take(CASES_AT_ONCE)
            .collect();
        metrics.repair_queue.sub(due.len() as i64);
        due.iter().filter_map(|id| cases.remove(id)).collect()
    }
}

impl Case {
    fn merge(&mut self, other: &Self) {
        self.publish_after = match (self.publish_after, other.publish_after) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.unsettled_until = self.unsettled_until.max(other.unsettled_until);
        self.due = self.due.min(other.due);
    }
}

/// Works the repair list off until asked to stop.
pub(crate) async fn repair(shared: Arc<Shared>, stopping: CancellationToken) {
    loop {
        let due = shared.repairs.next_due();
        tokio::select! {
            () = stopping.cancelled() => return,
            () = shared.repairs.added.notified() => continue,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        let cases = shared.repairs.take_due(Instant::now(), &shared.metrics);
        join_all(cases.into_iter().map(|case| attend(&shared, case))).await;
    }
}

async fn attend(shared: &Shared, mut case: Case) {
    let now = Instant::now();
    match shared.mongo.fenced(look(shared, &mut case)).await {
        Ok(()) if now >= case.unsettled_until => return shared.metrics.repair(Repair::Done),
        Ok(()) => {
            case.due = Instant::now() + NEXT_LOOK_AFTER;
            case.failures = 0;
        }
        Err(error) => {
            shared.metrics.repair(Repair::Failed);
            case.failures += 1;
            if case.failures > FAILURES_MAX {
                tracing::error!(conversation.id = %case.key.id(), error = &error as &dyn std::error::Error, "a conversation's repair was given up");
                return shared.metrics.repair(Repair::Dropped);
            }
            let backoff = FIRST_LOOK_AFTER * 2_u32.pow(case.failures.min(6));
            case.due = Instant::now() + backoff.min(BACKOFF_MAX);
        }
    }
    shared.repairs.add(case, &shared.metrics);
}

/// Brings the summary up to the log, and publishes what nobody may have been told of.
async fn look(shared: &Shared, case: &mut Case) -> DriverResult<()> {
    let collections = shared.mongo.collections().await?;
    let id = object_id(case.key.id());
    let conversation = collections
        .conversations
        .find_one(doc! { "_id": id })
        .await?;
    let conversation = conversation.ok_or(Trouble::Missing)?;
    let Some(last) = last_message(&shared.mongo, case.key.id()).await? else {
        return Ok(());
    };
    catch_up(&shared.mongo, &conversation, &last).await?;
    for _ in 0..PAGES_MAX {
        let Some(after) = case.publish_after.filter(|after| *after < last.seq) else {
            break;
        };
        case.publish_after = Some(publish_page(shared, case, &conversation, after).await?);
    }
    Ok(())
}

/// Publishes a page of the log above a `seq` and returns where it ends.
async fn publish_page(
    shared: &Shared,
    case: &Case,
    conversation: &StoredConversation,
    after: u64,
) -> DriverResult<u64> {
    let messages = &shared.mongo.collections().await?.messages;
    let page: Vec<StoredMessage> = messages
        .find(doc! { "c": object_id(case.key.id()), "seq": { "$gt": number(after) } })
        .sort(doc! { "seq": 1 })
        .limit(PAGE)
        .await?
        .try_collect()
        .await?;
    let end = page.last().map_or(after, |message| message.seq);
    let committed = page
        .into_iter()
        .filter_map(|message| committed_as(message, &case.key, conversation))
        .collect();
    publish(shared, committed).await;
    Ok(end)
}
