//! The clients: node processes, each with some of the devices.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
};

use crate::{
    history::{Entry, Event},
    plan::{Device, EVERY_MS, Plan, Size},
};

/// Where clients find the system.
pub(crate) struct Places {
    pub(crate) front: String,
    pub(crate) api: String,
}

/// All devices of a run. They end with it.
pub(crate) struct Clients {
    workers: Vec<Worker>,
    record: Arc<Mutex<Record>>,
    _reading: JoinSet<()>,
}

struct Worker {
    orders: ChildStdin,
    /// Killed when dropped; it ends by itself as well when its standard input does.
    _child: Child,
}

/// What the workers told so far.
struct Record {
    entries: Vec<Entry>,
    file: BufWriter<File>,
    /// By worker: what is not finished; none as long as it has said nothing since the last order.
    waits_for: BTreeMap<usize, Vec<String>>,
    /// By device and conversation: the last `seq` seen.
    seen: BTreeMap<(String, String), u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    History(Entry),
    Status {
        #[serde(rename = "waitsFor")]
        waits_for: Vec<String>,
    },
}

impl Clients {
    /// Starts the devices of a plan, and writes their history into a file as it comes.
    pub(crate) async fn start(
        plan: &Plan,
        (size, seed): (&Size, u64),
        places: &Places,
        file: &Path,
    ) -> Self {
        let file = File::create(file).expect("the temporary folder can be written");
        let record = Arc::new(Mutex::new(Record {
            entries: Vec::new(),
            file: BufWriter::new(file),
            waits_for: BTreeMap::new(),
            seen: BTreeMap::new(),
        }));
        let (mut workers, mut reading) = (Vec::new(), JoinSet::new());
        for index in 0..size.workers {
            let of_worker = plan.devices.iter().skip(index).step_by(size.workers);
            let first = json!({
                "front": places.front,
                "api": places.api,
                "seed": seed as u32,
                "pace": size.every_ms as f64 / EVERY_MS as f64,
                "devices": of_worker.collect::<Vec<&Device>>(),
            });
            let (mut worker, output) = Worker::spawn();
            worker.tell(&first.to_string()).await;
            workers.push(worker);
            reading.spawn(follow(output, index, Arc::clone(&record)));
        }
        Self {
            workers,
            record,
            _reading: reading,
        }
    }

    pub(crate) async fn order(&mut self, order: &str) {
        self.record().waits_for.clear();
        for worker in &mut self.workers {
            worker.tell(order).await;
        }
    }

    /// What is not finished yet.
    pub(crate) fn waits_for(&self) -> Vec<String> {
        let record = self.record();
        if record.waits_for.len() < self.workers.len() {
            return vec!["a word of each worker".to_owned()];
        }
        record.waits_for.values().flatten().cloned().collect()
    }

    /// The last `seq` that a device saw of a conversation.
    pub(crate) fn last_seen(&self, device: &str, conversation: &str) -> u64 {
        let key = (device.to_owned(), conversation.to_owned());
        self.record().seen.get(&key).copied().unwrap_or(0)
    }

    /// What can be told from everything that happened so far.
    pub(crate) fn with_history<T>(&self, tell: impl FnOnce(&[Entry]) -> T) -> T {
        tell(&self.record().entries)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn spawn() -> (Self, ChildStdout) {
        let mut child = Command::new("node")
            .arg("chaos/worker.js")
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the checker, whose end is that of the pipe.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("node can be run");
        let orders = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        (
            Self {
                orders,
                _child: child,
            },
            output,
        )
    }

    async fn tell(&mut self, line: &str) {
        let line = format!("{line}\n");
        let written = self.orders.write_all(line.as_bytes()).await;
        written.expect("the worker listens");
    }
}

impl Record {
    fn take(&mut self, worker: usize, text: &str) {
        let line = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("a worker wrote {text}: {error}"));
        match line {
            Line::Status { waits_for } => {
                // What is known of a run that ends early is in the file.
                self.file.flush().expect("the history can be written");
                self.waits_for.insert(worker, waits_for);
            }
            Line::History(entry) => {
                writeln!(self.file, "{text}").expect("the history can be written");
                match &entry.event {
                    Event::Message(seen) => self.note_seen(&entry, &seen.conversation, seen.seq),
                    Event::Joined {
                        conversation, last, ..
                    } => {
                        self.note_seen(&entry, conversation, *last);
                    }
                    _ => {}
                }
                self.entries.push(entry);
            }
        }
    }

    fn note_seen(&mut self, entry: &Entry, conversation: &str, seq: u64) {
        let key = (entry.device.clone(), conversation.to_owned());
        let seen = self.seen.entry(key).or_default();
        *seen = seq.max(*seen);
    }
}

async fn follow(output: ChildStdout, worker: usize, record: Arc<Mutex<Record>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.take(worker, &line);
    }
}

/// Where the clients and their packages are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e")
}
