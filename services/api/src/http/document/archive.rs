use bytes::{BufMut, Bytes, BytesMut};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

/// A central directory entry without its name: PKWARE's APPNOTE.TXT, section 4.3.12.
const ENTRY_BYTES: usize = 46;

/// A local file header without its name: section 4.3.7.
const HEADER_BYTES: usize = 30;

/// The method of a file that is compressed by DEFLATE: section 4.4.5.
const DEFLATE: u16 = 8;

/// The head of a gzip file of nothing but DEFLATE data: RFC 1952, section 2.3.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A file of Swagger UI in the form of gzip.
///
/// The archive has it as DEFLATE data with a checksum and a length, which is what gzip puts a head and a tail around. So nothing
/// is unpacked, neither in the build nor here. `None` for a name that is not in the archive, or is there in another form.
pub(super) fn gzip_of(name: &str) -> Option<Bytes> {
    entries(SWAGGER_UI_VENDORED)
        .find(|entry| entry.name.ends_with(name.as_bytes()))?
        .gzip(SWAGGER_UI_VENDORED)
}

/// What the central directory says of a file.
struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    checksum: u32,
    packed_bytes: usize,
    bytes: u32,
    header_offset: usize,
}

impl Entry<'_> {
    fn gzip(&self, archive: &[u8]) -> Option<Bytes> {
        if self.method != DEFLATE {
            return None;
        }
        let header = archive.get(self.header_offset..)?;
        let name_bytes = usize::from(u16_at(header, 26)?);
        let extra_bytes = usize::from(u16_at(header, 28)?);
        let packed = header
            .get(HEADER_BYTES + name_bytes + extra_bytes..)?
            .get(..self.packed_bytes)?;
        let mut gzip = BytesMut::with_capacity(packed.len() + GZIP_HEAD.len() + 8);
        gzip.put_slice(&GZIP_HEAD);
        gzip.put_slice(packed);
        gzip.put_u32_le(self.checksum);
        gzip.put_u32_le(self.bytes);
        Some(gzip.freeze())
    }
}

fn entries(archive: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = directory(archive).unwrap_or_default();
    std::iter::from_fn(move || {
        let (entry, next) = split_entry(rest)?;
        rest = next;
        Some(entry)
    })
}

/// The central directory, which the end of the archive tells the place of: section 4.3.16.
fn directory(archive: &[u8]) -> Option<&[u8]> {
    let end = archive
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")?;
    let end = &archive[end..];
    let (bytes, offset) = (u32_at(end, 12)? as usize, u32_at(end, 16)? as usize);
    archive.get(offset..)?.get(..bytes)
}

fn split_entry(directory: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let name_bytes = usize::from(u16_at(directory, 28)?);
    let extra_bytes = usize::from(u16_at(directory, 30)?);
    let comment_bytes = usize::from(u16_at(directory, 32)?);
    let entry = Entry {
        name: directory.get(ENTRY_BYTES..)?.get(..name_bytes)?,
        method: u16_at(directory, 10)?,
        checksum: u32_at(directory, 16)?,
        packed_bytes: u32_at(directory, 20)? as usize,
        bytes: u32_at(directory, 24)?,
        header_offset: u32_at(directory, 42)? as usize,
    };
    let next = directory.get(ENTRY_BYTES + name_bytes + extra_bytes + comment_bytes..)?;
    Some((entry, next))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_compressed_in_the_archive_are_given_out() {
        let gzip = gzip_of("/dist/swagger-ui.css").expect("it is there");
        assert_eq!(gzip[..3], [0x1f, 0x8b, 8]);
        assert!(gzip_of("/dist/favicon-16x16.png").is_none());
        assert!(gzip_of("/dist/no-such-file").is_none());
    }

    #[test]
    fn bytes_that_are_no_archive_have_no_entries() {
        for bytes in [
            &b""[..],
            b"PK\x05\x06",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(entries(bytes).count(), 0);
        }
    }
}
