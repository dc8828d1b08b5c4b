//! An old and a new database on one server, and the importer between them.

pub(crate) mod log;
pub(crate) mod old_data;

use std::path::PathBuf;

use futures_util::TryStreamExt;
use messaging_test_support::{MongoServer, ServiceProcess, unique_prefix};
use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) uri: String,
    pub(crate) old: Database,
    pub(crate) new: Database,
    pub(crate) folder: TempDir,
    binary: PathBuf,
}

/// What a run of the importer came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    /// What it printed at its end; null if it did not come to that.
    pub(crate) report: Value,
    pub(crate) log: Vec<String>,
}

impl World {
    /// Two empty databases on the server that all tests of this process share.
    pub(crate) async fn new(binary: PathBuf) -> Self {
        Self::at(MongoServer::shared().await.uri(), binary).await
    }

    pub(crate) async fn at(uri: String, binary: PathBuf) -> Self {
        let client = Client::with_uri_str(&uri).await.expect("a valid address");
        Self {
            old: client.database(&unique_prefix()),
            new: client.database(&unique_prefix()),
            uri,
            folder: tempfile::tempdir().expect("a folder"),
            binary,
        }
    }

    pub(crate) fn uri_of(&self, database: &Database) -> String {
        self.uri
            .replacen("/?", &format!("/{}?", database.name()), 1)
    }

    pub(crate) fn rejects(&self) -> PathBuf {
        self.folder.path().join("rejects.jsonl")
    }

    /// The lines of the file of rejects.
    pub(crate) fn rejected(&self) -> Vec<Value> {
        json_lines(&self.rejects())
    }

    /// Starts the importer.
    pub(crate) fn start(&self, arguments: &[&str]) -> ServiceProcess {
        let rejects = self.rejects().display().to_string();
        let settings = [
            ("IMPORT_FROM_URI", self.uri_of(&self.old)),
            ("MONGODB_URI", self.uri_of(&self.new)),
            ("IMPORT_REJECTS_FILE", rejects),
        ];
        ServiceProcess::spawn(&self.binary, arguments, settings)
    }

    /// Runs the importer to its end.
    pub(crate) async fn import(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.start(arguments)).await
    }

    /// Everything in the new database, by collection and id.
    pub(crate) async fn dump(&self) -> Vec<(String, Vec<Document>)> {
        let mut names = self.new.list_collection_names().await.expect("an answer");
        names.sort();
        let mut dump = Vec::new();
        for name in names {
            let collection = self.new.collection::<Document>(&name);
            let all = collection.find(doc! {}).sort(doc! { "_id": 1 });
            let all = all.await.expect("an answer");
            dump.push((name, all.try_collect().await.expect("documents")));
        }
        dump
    }

    /// How many messages the new database has.
    pub(crate) async fn message_count(&self) -> u64 {
        let messages = self.new.collection::<Document>("messages");
        messages.count_documents(doc! {}).await.expect("an answer")
    }
}

impl Run {
    pub(crate) async fn of(process: &mut ServiceProcess) -> Self {
        let code = process.exited().await;
        let log = process.log_lines();
        let report = log.iter().find(|line| line.starts_with("{\"from\":"));
        let report = report.map_or(Value::Null, |line| {
            serde_json::from_str(line).expect("JSON")
        });
        Self { code, report, log }
    }

    /// A number of the report, by its path.
    pub(crate) fn number(&self, path: &str) -> u64 {
        let value = self.report.pointer(path).and_then(Value::as_u64);
        assert!(value.is_some(), "{path} is no number: {self:#?}");
        value.unwrap_or_default()
    }
}

/// The values of a file of JSON lines.
pub(crate) fn json_lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let parse = |line| serde_json::from_str(line).expect("a line of JSON");
    text.lines().map(parse).collect()
}
