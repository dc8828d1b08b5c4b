//! The importer as an operator runs it: the real binary between two databases of a real replica set.

mod again;
mod beside;
mod files;
mod killed;
mod oddities;
mod served;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod whole;

use std::path::PathBuf;

use support::World;
use support::old_data::{Documents, Talk};

/// The importer that belongs to this test.
fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_messaging-import").into()
}

/// Two databases, of which the old one has these conversations.
async fn world(talks: &[Talk]) -> World {
    let world = World::new(binary()).await;
    let mut documents = Documents::default();
    talks.iter().for_each(|talk| talk.add_to(&mut documents));
    documents.insert(&world.old).await;
    world
}
