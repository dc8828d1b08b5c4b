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
