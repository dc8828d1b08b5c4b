//! A key set in a file, which somebody replaces.

use std::path::{Path, PathBuf};

use messaging_auth::TokenError;
use tempfile::TempDir;

use crate::keys::{ED_1, P256_1, P256_2, RSA_1, set};
use crate::process::Process;

struct File {
    folder: TempDir,
}

impl File {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Self { folder };
        file.write(content);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }

    fn write(&self, content: &str) {
        std::fs::write(self.path(), content).expect("it can be written");
    }

    /// Puts another file in its place, as those do who care for readers.
    fn replace(&self, content: &str) {
        let other = self.folder.path().join("new");
        std::fs::write(&other, content).expect("it can be written");
        std::fs::rename(other, self.path()).expect("it can be renamed");
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_is_read_again_at_once_for_a_new_kid() {
    let file = File::new(&set(&[P256_1.public()]));
    let process = Process::at_file(&file.path());
    assert!(process.is_ready());
    process.accepts(&P256_1.token()).await;
    file.replace(&set(&[P256_1.public(), P256_2.public()]));
    process.accepts(&P256_2.token()).await;
    file.write(&set(&[ED_1.public(), RSA_1.public()]));
    process.accepts(&ED_1.token()).await;
    process.refuses(&P256_2.token()).await;
    assert_eq!(process.keys(), 2);
    process.stop().await;
}

#[tokio::test]
async fn a_key_that_is_taken_out_of_the_file_is_forgotten() {
    let file = File::new(&set(&[P256_1.public(), P256_2.public()]));
    let process = Process::at_file(&file.path());
    process.accepts(&P256_1.token()).await;
    file.replace(&set(&[P256_2.public()]));
    let gone = Err(TokenError::Invalid);
    process
        .until("the key is gone", &P256_1.token(), gone)
        .await;
    process.accepts(&P256_2.token()).await;
}

#[tokio::test]
async fn whatever_becomes_of_the_file_the_last_good_keys_are_kept() {
    let good = set(&[P256_1.public()]);
    let file = File::new(&good);
    let process = Process::at_file(&file.path());
    for (number, bad) in ["", "{", r#"{"keys": []}"#].into_iter().enumerate() {
        let before = process.readings("unusable");
        file.write(bad);
        process.until_readings("unusable", before + 1).await;
        process.accepts(&P256_1.token()).await;
        assert_eq!(process.keys(), 1, "{number}");
    }
    remove(&file.path());
    process.until_readings("unreachable", 1).await;
    process.accepts(&P256_1.token()).await;
    assert!(process.is_ready());
    file.replace(&set(&[P256_2.public()]));
    process.accepts(&P256_2.token()).await;
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("it is there");
}
