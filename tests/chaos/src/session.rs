//! All runs of one invocation, and what is kept of those that fail.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use tempfile::TempDir;
use tokio::task::{JoinSet, LocalSet};

use crate::{
    arguments::Arguments,
    cluster::{Build, Cluster},
    fault::Fault,
    oracle::{Kind, Violation},
    plan::Size,
    report::{self, Row},
    run::{self, Outcome},
};

/// Violations of one run that are printed; the file has all.
const PRINTED_MAX: usize = 12;

/// Mutants: the name, the fault that shows it, and as what.
const MUTANTS: [(&str, &str, Kind); 3] = [
    ("refill", "cut-gateway-nats", Kind::Lost),
    ("idempotency", "lost-answers", Kind::Doubled),
    ("ordering", "delay-api-nats", Kind::Swapped),
];

/// Runs what was asked for, prints the table, and says how it went.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    if arguments.mutants {
        return mutants(&arguments).await;
    }
    let build = Build {
        folder: arguments.binaries.clone(),
        mutant: None,
        drain_seconds: arguments.drain_seconds,
    };
    let mut session = Session::new(build, &arguments);
    let mut rows = Vec::new();
    for (name, fault) in arguments.faults() {
        let mut row = Row::new(name);
        for seed in arguments.seed..arguments.seed + arguments.seeds {
            row.add(&session.run(name, fault, seed).await);
        }
        rows.push(row);
    }
    report::print(&rows);
    match session.failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs each mutant until it is found, with so many seeds at most.
async fn mutants(arguments: &Arguments) -> ExitCode {
    let mut rows = Vec::new();
    let mut escaped = 0;
    for (mutant, name, kind) in MUTANTS {
        let build = Build {
            folder: arguments.binaries.clone(),
            mutant: Some(mutant.to_owned()),
            drain_seconds: arguments.drain_seconds,
        };
        let mut session = Session::new(build, arguments);
        let (_, fault) = crate::fault::find(name).expect("it is one of them");
        let mut row = Row::new(&format!("{mutant} ({name})"));
        let mut is_found = false;
        for seed in arguments.seed..arguments.seed + arguments.seeds {
            let outcome = session.run(name, fault, seed).await;
            row.add(&outcome);
            is_found = has(&outcome.violations, kind);
            if is_found {
                break;
            }
        }
        let verdict = if is_found { "found" } else { "NOT FOUND" };
        println!("mutant {mutant}: {verdict} as {kind:?}");
        escaped += usize::from(!is_found);
        rows.push(row);
    }
    report::print(&rows);
    match escaped {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn has(violations: &[Violation], kind: Kind) -> bool {
    violations.iter().any(|violation| violation.kind == kind)
}

/// A cluster that serves one run after the other, as long as they go well.
struct Session {
    build: Build,
    size: Size,
    /// The options by which a run is like those of this session.
    again: String,
    keep: PathBuf,
    keep_all: bool,
    changes_may_be_missed: bool,
    cluster: Option<Cluster>,
    runs: usize,
    failures: usize,
}

impl Session {
    fn new(build: Build, arguments: &Arguments) -> Self {
        let temporary = || std::env::temp_dir().join("messaging-chaos-failures");
        Self {
            build,
            size: arguments.size(),
            again: arguments.again(),
            keep: arguments.keep.clone().unwrap_or_else(temporary),
            keep_all: arguments.keep_all,
            changes_may_be_missed: arguments.changes_may_be_missed,
            cluster: None,
            runs: 0,
            failures: 0,
        }
    }

    /// One run; whatever it dies of is a violation, too.
    async fn run(&mut self, name: &str, fault: Fault, seed: u64) -> Outcome {
        self.runs += 1;
        let folder = TempDir::with_prefix("messaging-chaos-").expect("it can be written");
        let mut cluster = match self.cluster.take() {
            Some(cluster) => cluster,
            None => Cluster::start(&self.build).await,
        };
        let (of_run, size) = (format!("r{}", self.runs), self.size.clone());
        let (path, keep_all) = (folder.path().to_owned(), self.keep_all);
        // A task of its own, so that a run that panics ends alone.
        let (local, mut running) = (LocalSet::new(), JoinSet::new());
        let of_task = async move {
            let outcome = run::run(&mut cluster, (fault, seed), &of_run, &size, &path).await;
            if keep_all || !outcome.violations.is_empty() {
                cluster.keep_logs(&path).expect("it can be written");
            }
            (cluster, outcome)
        };
        running.spawn_local_on(of_task, &local);
        let ended = local.run_until(running.join_next()).await;
        let ended = ended.expect("there is one");
        let (cluster, outcome) = match ended {
            Ok((cluster, outcome)) => (Some(cluster), outcome),
            Err(error) => {
                let what = format!("the run ended early: {error}");
                (None, Outcome::stuck(vec![what]))
            }
        };
        println!(
            "{name} --seed {seed}: {} sent, {} acked, {}, longest silence {:.1} s, {}",
            outcome.sent,
            outcome.acked,
            counts(&outcome.violations),
            outcome.silence.as_secs_f64(),
            outcome.healing.map_or_else(
                || "never healed".to_owned(),
                |time| format!("healed in {:.1} s", time.as_secs_f64())
            ),
        );
        // A cluster in which something went wrong serves no other run.
        if outcome.violations.is_empty() {
            self.cluster = cluster;
            if self.keep_all {
                self.keep(name, seed, &[], folder);
            }
            return outcome;
        }
        let mut kinds = outcome.violations.iter().map(|violation| violation.kind);
        let may_be = |kind| kind == Kind::ChangeMissed && self.changes_may_be_missed;
        let has_failed = kinds.any(|kind| !may_be(kind));
        self.failures += usize::from(has_failed);
        self.report(name, seed, &outcome.violations, folder);
        outcome
    }

    /// Tells of a run that failed, and keeps what is known of it.
    fn report(&self, name: &str, seed: u64, violations: &[Violation], folder: TempDir) {
        for violation in violations.iter().take(PRINTED_MAX) {
            println!("  {violation}");
        }
        if violations.len() > PRINTED_MAX {
            println!("  and {} more", violations.len() - PRINTED_MAX);
        }
        self.keep(name, seed, violations, folder);
        let again = &self.again;
        println!("  again: make chaos ARGS=\"--fault {name} --seed {seed} {again}\"");
    }

    fn keep(&self, name: &str, seed: u64, violations: &[Violation], folder: TempDir) {
        let target = self.keep.join(format!("{name}-{seed}"));
        match keep(folder, &target, violations) {
            Ok(()) => println!("  kept in {}", target.display()),
            Err(error) => println!("  it cannot be kept in {}: {error}", target.display()),
        }
    }
}

/// How many violations there are of each kind.
fn counts(violations: &[Violation]) -> String {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for violation in violations {
        *kinds.entry(violation.kind).or_default() += 1;
    }
    if kinds.is_empty() {
        return "no violations".to_owned();
    }
    let counts = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {kind:?}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// Moves the history and the logs of a run to where they stay, and writes down what is wrong.
fn keep(folder: TempDir, target: &Path, violations: &[Violation]) -> io::Result<()> {
    std::fs::create_dir_all(target)?;
    for file in std::fs::read_dir(folder.path())? {
        let file = file?;
        std::fs::copy(file.path(), target.join(file.file_name()))?;
    }
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    std::fs::write(target.join("violations.txt"), lines.join("\n"))
}
