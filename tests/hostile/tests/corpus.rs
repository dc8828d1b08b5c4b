//! Every input that was worth keeping, through the decoder that it is for.

use std::fs;
use std::path::Path;

use messaging_hostile::TARGETS;

/// One test for all, since each decoder is held to the memory that it takes and so must run alone.
#[test]
fn every_kept_input_is_read_or_refused_within_its_limits() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, decode) in TARGETS {
        let folder = corpus.join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|_| panic!("no inputs for {name}"));
        let mut count = 0;
        for file in files {
            let path = file.expect("a folder that can be read").path();
            println!("{}", path.display());
            decode(&fs::read(&path).expect("a file that can be read"));
            count += 1;
        }
        assert!(count > 0, "no inputs for {name}");
    }
}
