//! Writes `docs/asyncapi.yaml`: the events of both dialects, made of the wire types, the golden files and the defaults.
//!
//! `make asyncapi` runs it; a test here fails while the file in the tree is another one.

mod client_event;
mod document;
mod envelope;
#[cfg(test)]
mod guide;
mod limits;
mod schemas;
mod server_event;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    std::fs::write(file(), yaml::written(&document::document()))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/asyncapi.yaml")
}
