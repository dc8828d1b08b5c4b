use std::{
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{Cluster, SECRET, tokens};

const SCRIPT_BOUND: Duration = Duration::from_secs(240);

/// Begins a line by which a scenario asks its test to do something.
const QUESTION: &str = "? ";

/// A scenario that runs in node.
pub(crate) struct Script {
    name: String,
    child: Child,
    answers: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    output: Vec<String>,
}

impl Script {
    /// Starts `tests/e2e/scenarios/NAME.js`, `name` being the name and what else the scenario is told.
    pub(crate) fn start<V: fmt::Display>(
        name: &str,
        variables: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        let folder = folder();
        assert!(
            folder.join("node_modules/.package-lock.json").is_file(),
            "the packages of tests/e2e are not installed: run `make test`, or `npm ci` in {}",
            folder.display()
        );
        let mut words = name.split(' ');
        let file = format!("scenarios/{}.js", words.next().expect("a name"));
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exec node \"$@\" 2>&1", "node", &file])
            .args(words)
            .envs(
                variables
                    .into_iter()
                    .map(|(name, value)| (name, value.to_string())),
            )
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("/bin/sh can be run");
        let stdout = child.stdout.take().expect("it is piped");
        Self {
            name: name.to_owned(),
            answers: child.stdin.take().expect("it is piped"),
            lines: BufReader::new(stdout).lines(),
            child,
            output: Vec::new(),
        }
    }

    /// Runs a scenario against a cluster; panics with its output when it does not succeed.
    pub(crate) async fn run(name: &str, cluster: &Cluster) {
        let script = Self::start(name, variables(cluster));
        let ended = script
            .play(async |question| panic!("nobody is there to {question}"))
            .await;
        ended.unwrap_or_else(|output| panic!("{output}\n{:#?}", cluster.complaints()));
    }

    /// As [`run`](Self::run), doing what the scenario asks for.
    pub(crate) async fn run_with(
        name: &str,
        cluster: &mut Cluster,
        mut act: impl AsyncFnMut(&str, &mut Cluster),
    ) {
        let script = Self::start(name, variables(cluster));
        let ended = script
            .play(async |question| act(question, &mut *cluster).await)
            .await;
        ended.unwrap_or_else(|output| panic!("{output}\n{:#?}", cluster.complaints()));
    }

    /// Plays a scenario to its end.
    ///
    /// # Errors
    /// The output, when it did not succeed in time.
    pub(crate) async fn play(mut self, act: impl AsyncFnMut(&str)) -> Result<(), String> {
        let ended = timeout(SCRIPT_BOUND, self.follow(act)).await;
        let output = self.output.join("\n");
        match ended {
            Ok(true) => {
                println!("{output}");
                Ok(())
            }
            Ok(false) => Err(format!("the scenario {} failed:\n{output}", self.name)),
            Err(_) => Err(format!(
                "the scenario {} did not end within {SCRIPT_BOUND:?}:\n{output}",
                self.name
            )),
        }
    }

    async fn follow(&mut self, mut act: impl AsyncFnMut(&str)) -> bool {
        while let Some(line) = self.lines.next_line().await.expect("its output is text") {
            if let Some(question) = line.strip_prefix(QUESTION) {
                act(question).await;
                self.answers
                    .write_all(b"done\n")
                    .await
                    .expect("the scenario listens");
            }
            self.output.push(line);
        }
        self.child.wait().await.expect("it is our child").success()
    }
}

/// Where the scenarios and their packages are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e")
}

fn variables(cluster: &Cluster) -> impl Iterator<Item = (&'static str, String)> {
    let more = [
        ("TOKENS", tokens().to_string()),
        ("JWT_SECRET", SECRET.to_owned()),
    ];
    cluster.addresses().into_iter().chain(more)
}
