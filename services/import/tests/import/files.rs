use std::fs;
use std::path::PathBuf;

use mongodb::bson::{Bson, Document, doc};
use serde_json::json;

use crate::support::World;
use crate::support::log::Log;
use crate::support::old_data::{
    Documents, client, contract, contract_document, conversation_document, message_document,
};
use crate::world;

/// A world with one message that says nothing and has these attachments, and the folder of their files.
async fn world_with_attachments(attachments: Vec<Bson>) -> (World, PathBuf) {
    let world = world(&[]).await;
    let mut documents = Documents::default();
    documents.add("contracts", contract_document(0));
    documents.add("conversations", conversation_document(0, 0));
    let mut message = message_document(1, 0, client(0), "", 5_000);
    message.insert("attachments", attachments);
    documents.add("messages", message);
    documents.insert(&world.old).await;
    let uploads = world.folder.path().join("uploads");
    fs::create_dir(&uploads).expect("the folder can be made");
    (world, uploads)
}

#[tokio::test]
async fn files_that_are_there_are_stored_and_the_others_linked() {
    let brief = doc! { "url": "/uploads/1-brief.pdf", "filename": "brief.pdf", "mimetype": "application/pdf", "size": 300_000 };
    let gone = doc! { "url": "/uploads/gone.png", "filename": "gone.png" };
    let (world, uploads) = world_with_attachments(vec![brief.into(), gone.into()]).await;
    // More than one chunk of GridFS.
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    fs::write(uploads.join("1-brief.pdf"), &bytes).unwrap();

    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    let run = world.import(&arguments).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(
        (
            run.number("/attachments/uploaded"),
            run.number("/attachments/linked")
        ),
        (1, 1)
    );
    let log = Log::find(&world.new, contract(0), None)
        .await
        .expect("a conversation");
    assert_eq!(log.contents(), ["gone.png: /uploads/gone.png"]);
    let file = log.messages[0].get_array("attachments").unwrap()[0]
        .as_document()
        .unwrap();
    assert_eq!(file["filename"], Bson::from("brief.pdf"));
    assert_eq!(file["contentType"], Bson::from("application/pdf"));
    assert_eq!(file["size"], Bson::from(300_000_i64));
    let id = file.get_object_id("id").unwrap();
    let of_file = world.new.collection::<Document>("attachments.files");
    let of_file = of_file
        .find_one(doc! { "_id": id })
        .await
        .unwrap()
        .expect("the bytes");
    assert_eq!(of_file["length"], Bson::from(300_000_i64));

    let before = world.dump().await;
    let run = world.import(&arguments).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn what_a_killed_run_left_of_a_file_is_replaced() {
    let (world, uploads) = world_with_attachments(vec!["/uploads/a.txt".into()]).await;
    fs::write(uploads.join("a.txt"), "the file").unwrap();
    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    world.import(&arguments).await;

    // As it is between the first byte and the name: no message, no name, some bytes.
    let of = |name: &str| world.new.collection::<Document>(name);
    of("messages").delete_many(doc! {}).await.unwrap();
    of("attachments")
        .update_many(doc! {}, doc! { "$unset": { "file": "" } })
        .await
        .unwrap();
    of("attachments.files").delete_many(doc! {}).await.unwrap();
    let run = world.import(&arguments).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(
        of("attachments.chunks")
            .count_documents(doc! {})
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        of("attachments.files")
            .count_documents(doc! {})
            .await
            .unwrap(),
        1
    );
    let stored = of("attachments")
        .find_one(doc! {})
        .await
        .unwrap()
        .expect("one");
    assert_eq!(
        stored.get_document("file").unwrap()["filename"],
        Bson::from("a.txt")
    );
}

/// Sets fields of the one message in the old system.
async fn set(world: &World, set: Document) {
    let messages = world.old.collection::<Document>("messages");
    let set = messages.update_one(doc! {}, doc! { "$set": set }).await;
    assert_eq!(set.expect("it works").matched_count, 1);
}

/// The text of the one message, and its files by name and size.
async fn message(world: &World) -> (String, Vec<(String, i64)>) {
    let log = Log::find(&world.new, contract(0), None).await;
    let message = log.expect("a conversation").messages.remove(0);
    let files = message.get_array("attachments");
    let files = files.ok().into_iter().flatten().map(|file| {
        let file = file.as_document().expect("a file");
        let name = file.get_str("filename").expect("a name").to_owned();
        (name, file.get_i64("size").expect("a number"))
    });
    let text = message.get_str("content").expect("a text").to_owned();
    (text, files.collect())
}

fn named(files: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = |(name, size): &(&str, i64)| ((*name).to_owned(), *size);
    files.iter().map(owned).collect()
}

#[tokio::test]
async fn an_edited_message_has_the_files_it_has_there() {
    let old = vec!["/uploads/a".into(), "/uploads/b".into()];
    let (world, uploads) = world_with_attachments(old).await;
    for (name, bytes) in [("a", "1"), ("b", "22"), ("c", "333")] {
        fs::write(uploads.join(name), bytes).unwrap();
    }
    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    world.import(&arguments).await;
    assert_eq!(message(&world).await.1, named(&[("a", 1), ("b", 2)]));

    // One is replaced, and not a word of the text is other than before.
    set(&world, doc! { "attachments": ["/uploads/c", "/uploads/b"] }).await;
    let run = world.import(&arguments).await;
    assert_eq!(run.number("/messages/changed"), 1, "{run:#?}");
    assert_eq!(message(&world).await.1, named(&[("c", 3), ("b", 2)]));

    // It comes back before it is swept.
    set(&world, doc! { "attachments": ["/uploads/a", "/uploads/b"] }).await;
    world.import(&arguments).await;
    assert_eq!(message(&world).await.1, named(&[("a", 1), ("b", 2)]));
    let run = world.import(&arguments).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
}

#[tokio::test]
async fn a_file_that_was_not_there_at_first_is_not_taken_for_another() {
    let old = vec!["/uploads/a".into(), "/uploads/b".into()];
    let (world, uploads) = world_with_attachments(old).await;
    fs::write(uploads.join("b"), "22").unwrap();
    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    world.import(&arguments).await;
    let (text, files) = message(&world).await;
    assert_eq!((text.as_str(), files), ("/uploads/a", named(&[("b", 2)])));

    fs::write(uploads.join("a"), "1").unwrap();
    set(&world, doc! { "content": "edited" }).await;
    world.import(&arguments).await;
    let (text, files) = message(&world).await;
    let both = named(&[("a", 1), ("b", 2)]);
    assert_eq!((text.as_str(), files), ("edited", both));
}

#[tokio::test]
async fn an_edit_that_is_read_without_the_folder_costs_no_file() {
    let old = vec!["/uploads/a".into(), "/uploads/gone".into()];
    let (world, uploads) = world_with_attachments(old).await;
    fs::write(uploads.join("a"), "1").unwrap();
    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    world.import(&arguments).await;
    set(&world, doc! { "content": "edited" }).await;
    let run = world.import(&[]).await;
    assert_eq!(run.number("/messages/changed"), 1, "{run:#?}");
    let (text, files) = message(&world).await;
    let edited = "edited\n/uploads/gone";
    assert_eq!((text.as_str(), files), (edited, named(&[("a", 1)])));
}

#[tokio::test]
async fn the_eleventh_file_of_a_message_is_linked_and_one_link_is_one_file() {
    let mut old: Vec<Bson> = (0..11).map(|n| format!("/uploads/{n}").into()).collect();
    old.insert(1, "/uploads/0".into());
    let (world, uploads) = world_with_attachments(old).await;
    for n in 0..11 {
        fs::write(uploads.join(n.to_string()), "1").unwrap();
    }
    let arguments = ["--attachments-dir", uploads.to_str().expect("a text")];
    let run = world.import(&arguments).await;
    assert_eq!(run.number("/attachments/uploaded"), 10, "{run:#?}");
    let (text, files) = message(&world).await;
    let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(text, "/uploads/10");
    assert_eq!(
        files.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names
    );
}
