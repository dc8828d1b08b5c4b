//! The folder with the files of old attachments.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use messaging_domain::Filename;
use messaging_store::Uploaded;
use percent_encoding::percent_decode_str;

use crate::convert::OldFile;

/// Where files of old attachments are found.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The folder, without links on the way to it.
    folder: Option<PathBuf>,
}

/// A file that was found, and how it is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) uploaded: Uploaded,
}

const UNKNOWN_TYPE: &str = "application/octet-stream";

impl Files {
    /// No file is found.
    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self { folder: None }
    }

    /// Those of a folder, if there is one.
    pub(crate) fn of(folder: Option<&Path>) -> io::Result<Self> {
        let folder = folder.map(Path::canonicalize).transpose()?;
        Ok(Self { folder })
    }

    /// The file that a link leads to: the one at its path within the folder, or at the end of that path.
    ///
    /// The whole path counts first, so that files of one name in different folders stay apart. Nothing outside of the folder is
    /// ever found, whatever a link says.
    pub(crate) fn find(&self, old: &OldFile) -> Option<Found> {
        let folder = self.folder.as_deref()?;
        let segments = segments(&old.url)?;
        let path = (0..segments.len()).find_map(|skipped| {
            let path: PathBuf = segments[skipped..].iter().map(Cow::as_ref).collect();
            let path = folder.join(path).canonicalize().ok()?;
            (path.starts_with(folder) && path.is_file()).then_some(path)
        })?;
        let last = segments.last().map_or("", Cow::as_ref);
        let name = old.filename.as_deref().unwrap_or(last);
        Some(Found {
            path,
            uploaded: Uploaded {
                filename: Filename::clean(name).into_string(),
                content_type: old
                    .content_type
                    .clone()
                    .unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
            },
        })
    }
}

/// The names in a link's path; none if one of them is no plain name.
fn segments(url: &str) -> Option<Vec<Cow<'_, str>>> {
    let path = url.split(['?', '#']).next()?;
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => path,
    };
    let names = path.split('/').filter(|name| !name.is_empty());
    let names: Option<Vec<_>> = names.map(plain_name).collect();
    names.filter(|names| !names.is_empty())
}

fn plain_name(segment: &str) -> Option<Cow<'_, str>> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    let is_plain = !matches!(name.as_ref(), "." | "..") && !name.contains(['/', '\\', '\0']);
    is_plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn old(url: &str, filename: Option<&str>) -> OldFile {
        OldFile {
            url: url.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: None,
        }
    }

    #[test]
    fn a_file_is_found_by_the_longest_end_of_its_path_and_never_outside() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("files");
        fs::create_dir_all(folder.join("b")).expect("a folder");
        for name in ["x.pdf", "b/x.pdf", "a b.txt"] {
            fs::write(folder.join(name), name).expect("a file");
        }
        fs::write(outer.path().join("secret"), "secret").expect("a file");
        std::os::unix::fs::symlink("../secret", folder.join("link")).expect("a link");
        let files = Files::of(Some(&folder)).expect("the folder is there");
        let check = |url: &str, expected: Option<&str>| {
            let found = files
                .find(&old(url, None))
                .map(|found| fs::read_to_string(found.path));
            assert_eq!(
                found.map(|text| text.expect("readable")).as_deref(),
                expected,
                "{url}"
            );
        };
        check("https://h.example/uploads/x.pdf?token=1", Some("x.pdf"));
        check("/uploads/b/x.pdf", Some("b/x.pdf"));
        check("/uploads/c/x.pdf", Some("x.pdf"));
        check("a%20b.txt#page", Some("a b.txt"));
        for none in [
            "",
            "/",
            "https://h.example",
            "/nowhere",
            "/b",
            "/link",
            "../secret",
            "/b/..%2F..%2Fsecret",
            "/%00",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn it_is_called_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("1"), "").expect("a file");
        let files = Files::of(Some(folder.path())).expect("the folder is there");
        let name = |filename| {
            let found = files.find(&old("/u/1", filename)).expect("found");
            found.uploaded.filename
        };
        assert_eq!(name(Some("../brief.pdf")), "brief.pdf");
        assert_eq!(name(None), "1");
        assert_eq!(Files::none().find(&old("/u/1", None)), None);
    }
}
