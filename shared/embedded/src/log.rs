//! A server's log file: kept small, and read for its last words.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// A log that has grown past this is set aside at the next start; one older log is kept.
const LOG_BYTES_MAX: u64 = 8 << 20;
const LAST_WORDS_BYTES: u64 = 64 << 10;

/// Sets a long log aside, and says where the next run's lines will begin.
pub(crate) fn rotate(log: &Path) -> io::Result<u64> {
    let length = match fs::metadata(log) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    if length <= LOG_BYTES_MAX {
        return Ok(length);
    }
    fs::rename(log, log.with_extension("log.old"))?;
    Ok(0)
}

/// The end of what was written since `start`; empty when it cannot be read.
pub(crate) fn last_words(log: &Path, start: u64) -> String {
    read_from(log, start).unwrap_or_default()
}

fn read_from(log: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        start.max(length.saturating_sub(LAST_WORDS_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
