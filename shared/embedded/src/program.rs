//! Where the server programs are.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use thiserror::Error;

/// A server that this crate starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// MongoDB, 6.0 or newer.
    Mongod,
    /// NATS with JetStream, 2.11 or newer.
    NatsServer,
}

/// No usable program.
#[derive(Debug, Error)]
#[error(
    "{} is not on PATH, or older than {}.{}: run `make tools`, or set {}",
    program.name(), program.minimum().0, program.minimum().1, program.url_variable()
)]
pub struct ProgramError {
    program: Program,
}

impl Program {
    /// The name of the executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mongod => "mongod",
            Self::NatsServer => "nats-server",
        }
    }

    /// Finds the program on `PATH`, then in the checkout's `.tools/bin`, and passes over what is
    /// too old.
    ///
    /// Runs each candidate with `--version`, so it blocks for some milliseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "PATH is how programs are found, no setting of ours"
    )]
    pub fn find(self) -> Result<PathBuf, ProgramError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
        env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .chain([fetched])
            .map(|folder| folder.join(self.name()))
            .filter(|candidate| candidate.is_file())
            .find(|candidate| version(candidate).is_some_and(|version| version >= self.minimum()))
            .ok_or(ProgramError { program: self })
    }

    fn minimum(self) -> (u32, u32) {
        match self {
            Self::Mongod => (6, 0),
            Self::NatsServer => (2, 11),
        }
    }

    fn url_variable(self) -> &'static str {
        match self {
            Self::Mongod => "MONGODB_URI",
            Self::NatsServer => "NATS_URL",
        }
    }
}

fn version(program: &Path) -> Option<(u32, u32)> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `6.0` out of `db version v6.0.5` and the like.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let word = text.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        word.starts_with(|first: char| first.is_ascii_digit())
            .then_some(word)
    })?;
    let mut parts = word.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_write_them() {
        let check = |text, expected| assert_eq!(parse_version(text), expected, "{text}");
        check("db version v6.0.5\nBuild Info: {", Some((6, 0)));
        check("nats-server: v2.15.1\n", Some((2, 15)));
        check("mongod is not here", None);
        check("", None);
    }
}
