use std::sync::{Arc, Mutex};
use std::time::Duration;

use messaging_domain::{Content, ContractId, MilestoneId, Parties, Party, UserId};
use messaging_lifecycle::Tasks;
use messaging_store::{Committed, ConversationKey, NewContract, NewMessage, Store, StoreConfig};
use messaging_test_support::{MongoServer, unique_prefix};
use messaging_wire::Milestone;
use mongodb::Database;
use mongodb::bson::Document;
use prometheus::Registry;

/// One database, and as many replicas on it as a test wants.
pub(crate) struct World {
    pub(crate) uri: String,
    database: String,
}

/// A store as one process has it.
pub(crate) struct Replica {
    pub(crate) store: Store,
    pub(crate) tasks: Tasks,
    committed: Arc<Mutex<Vec<Committed>>>,
    registry: Registry,
}

pub(crate) const BOUND: Duration = Duration::from_secs(30);

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(MongoServer::shared().await.uri())
    }

    pub(crate) fn at(uri: String) -> Self {
        Self {
            uri,
            database: unique_prefix(),
        }
    }

    pub(crate) fn replica(&self) -> Replica {
        self.replica_with(|_| {})
    }

    pub(crate) fn replica_with(&self, change: impl FnOnce(&mut StoreConfig)) -> Replica {
        let mut config = StoreConfig::new(&self.uri, &self.database);
        // A whole test suite on two cores is slower than a service.
        config.operation_timeout = Duration::from_secs(20);
        change(&mut config);
        let committed = Arc::new(Mutex::new(Vec::new()));
        let (tasks, registry, log) = (Tasks::new(), Registry::new(), Arc::clone(&committed));
        let hook = move |batch: Vec<Committed>| -> futures_util::future::BoxFuture<'static, ()> {
            log.lock().unwrap().extend(batch);
            Box::pin(std::future::ready(()))
        };
        let store =
            Store::new(config, Arc::new(hook), &tasks, &registry).expect("the settings work");
        Replica {
            store,
            tasks,
            committed,
            registry,
        }
    }

    /// The database behind the store's back.
    pub(crate) async fn raw(&self) -> Database {
        mongodb::Client::with_uri_str(&self.uri)
            .await
            .expect("a valid address")
            .database(&self.database)
    }
}

impl Replica {
    /// Puts a contract of `client` and `freelancer` with milestones.
    pub(crate) async fn contract(&self, id: &str, milestones: &[&str]) {
        self.store
            .put_contract(contract(id, milestones))
            .await
            .expect("the contract is put");
    }

    /// Opens the conversation of a new contract.
    pub(crate) async fn conversation(&self, contract: &str) -> ConversationKey {
        self.contract(contract, &[]).await;
        self.store
            .open_conversation(&contract_id(contract), None, &user("client"))
            .await
            .expect("the conversation opens")
    }

    pub(crate) async fn say(&self, key: &ConversationKey, sender: Party, text: &str) -> u64 {
        self.store
            .append(key, sender, message(text))
            .await
            .expect("the message is stored")
            .message
            .seq
    }

    /// What the hook got so far.
    pub(crate) fn committed(&self) -> Vec<Committed> {
        self.committed.lock().unwrap().clone()
    }

    /// The sum of a metric over its labels, or the one with a label's value.
    pub(crate) fn metric(&self, name: &str, label: Option<&str>) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.into_iter().flat_map(|family| family.get_metric());
        metrics
            .filter(|metric| {
                label.is_none_or(|value| {
                    metric
                        .get_label()
                        .iter()
                        .any(|label| label.value() == value)
                })
            })
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    }
}

pub(crate) fn contract(id: &str, milestones: &[&str]) -> NewContract {
    let milestone = |id: &&str| Milestone {
        id: milestone_id(id),
        title: None,
    };
    NewContract {
        id: contract_id(id),
        parties: Parties {
            client: user("client"),
            freelancer: user("freelancer"),
        },
        title: Some("A contract".to_owned()),
        milestones: milestones.iter().map(milestone).collect(),
    }
}

pub(crate) fn message(text: &str) -> NewMessage {
    NewMessage {
        content: Content::parse(text).expect("a valid text"),
        attachments: Vec::new(),
        client_message_id: None,
    }
}

pub(crate) fn named(name: &str, text: &str) -> NewMessage {
    NewMessage {
        client_message_id: Some(name.parse().expect("a valid name")),
        ..message(text)
    }
}

pub(crate) fn user(id: &str) -> UserId {
    id.parse().expect("a valid id")
}

pub(crate) fn contract_id(id: &str) -> ContractId {
    id.parse().expect("a valid id")
}

pub(crate) fn milestone_id(id: &str) -> MilestoneId {
    id.parse().expect("a valid id")
}

/// Asserts that the log of each conversation is 1, 2, 3 … and returns how many messages there are.
pub(crate) async fn assert_gapless(raw: &Database, key: &ConversationKey) -> u64 {
    use futures_util::TryStreamExt;
    use mongodb::bson::{doc, oid::ObjectId};
    let id = ObjectId::from_bytes(key.id().bytes());
    let log = raw
        .collection::<Document>("messages")
        .find(doc! { "c": id })
        .sort(doc! { "seq": 1 })
        .await
        .unwrap();
    let log: Vec<Document> = log.try_collect().await.unwrap();
    let (mut client, mut freelancer) = (0, 0);
    for (index, message) in log.iter().enumerate() {
        assert_eq!(message.get_i64("seq").unwrap(), index as i64 + 1);
        match message.get_str("sender").unwrap() {
            "client" => client += 1,
            _ => freelancer += 1,
        }
        assert_eq!(message.get_i64("nc").unwrap(), client);
        assert_eq!(message.get_i64("nf").unwrap(), freelancer);
    }
    log.len() as u64
}
