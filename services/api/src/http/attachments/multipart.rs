use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use messaging_domain::limits::OPAQUE_ID_LENGTH_MAX;
use messaging_wire::{ErrorCode, Fault};
use tokio::time::timeout;

use super::metered::{Meter, TooLong};

/// How long a client may take for the next bytes of its body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Parts of a body, known or not.
const PARTS_MAX: usize = 16;

/// The most bytes up to the end of a part's headers, and the most that are taken at a time of a part that is no file.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of a file that are taken at a time.
const FILE_BYTES_AT_A_TIME: usize = 64 * 1024;

/// The longest value of a text part, in bytes.
const TEXT_BYTES_MAX: usize = 4 * OPAQUE_ID_LENGTH_MAX;

/// What takes the bytes of a file as they come.
pub trait FileSink {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Why the file is refused; nothing more is offered then.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The conversation that an upload is for, as the parts before the file name it, unchecked.
#[derive(Debug, Default)]
pub struct Place {
    /// The contract.
    pub contract: Option<String>,
    /// The milestone, if the conversation is about one.
    pub milestone: Option<String>,
}

/// A file whose bytes have been taken, to be made known once the body has turned out to be whole.
#[derive(Debug)]
pub struct Received<S> {
    /// What took them.
    pub sink: S,
    /// What the client calls it.
    pub filename: String,
    /// The type that the client says it has.
    pub claimed_type: Option<String>,
}

/// Reads a body with one file, which is begun with what stands before it.
///
/// It reads to the end: a body that breaks off after the file is not one that the client meant to send. What it holds of the
/// body at any time does not depend on the body's size.
///
/// # Errors
/// What the client is told.
pub async fn read_parts<S: FileSink>(
    request: Request,
    begin: impl AsyncFnOnce(Place) -> Result<S, Fault>,
) -> Result<Received<S>, Fault> {
    let (request, meter) = Meter::install(request);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| {
        Fault::new(
            ErrorCode::UnsupportedMediaType,
            "the body must be sent as Content-Type: multipart/form-data",
        )
    })?;
    let (mut place, mut begin, mut received) = (Place::default(), Some(begin), None);
    for _ in 0..PARTS_MAX {
        let next = meter.at_most(HEADER_BYTES_MAX, within_idle_time(parts.next_field()));
        let part = next.await.map_err(too_long)??;
        let Some(part) = part else {
            return received.ok_or_else(|| invalid("file", "is missing"));
        };
        match part.name() {
            Some("file") => {
                let begin = begin
                    .take()
                    .ok_or_else(|| invalid("file", "must be one file"))?;
                let begun = begin(std::mem::take(&mut place)).await;
                received = Some(read_file(part, begun, &meter).await?);
            }
            Some("contractId") => place.contract = Some(text("contractId", part, &meter).await?),
            Some("milestoneId") => place.milestone = Some(text("milestoneId", part, &meter).await?),
            _ => skip(part, &meter).await?,
        }
    }
    Err(invalid(
        "body",
        format!("must have at most {PARTS_MAX} parts"),
    ))
}

async fn skip(mut part: Field<'_>, meter: &Meter) -> Result<(), Fault> {
    while next_bytes(&mut part, meter, HEADER_BYTES_MAX)
        .await?
        .is_some()
    {}
    Ok(())
}

async fn text(name: &str, mut part: Field<'_>, meter: &Meter) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next_bytes(&mut part, meter, HEADER_BYTES_MAX).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(invalid(name, "is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(name, "must be UTF-8"))
}

/// Takes the bytes of a file.
///
/// Of a file that is refused the rest is read, too, as far as the bound of the body goes: a client that is not heard out may
/// never read the answer.
async fn read_file<S: FileSink>(
    mut file: Field<'_>,
    begun: Result<S, Fault>,
    meter: &Meter,
) -> Result<Received<S>, Fault> {
    let filename = unescaped(file.file_name().unwrap_or_default());
    let claimed_type = file.content_type().map(str::to_owned);
    let mut taking = begun;
    while let Some(chunk) = next_bytes(&mut file, meter, FILE_BYTES_AT_A_TIME).await? {
        if let Ok(sink) = &mut taking
            && let Err(fault) = sink.write(&chunk).await
        {
            taking = Err(fault);
        }
    }
    Ok(Received {
        sink: taking?,
        filename,
        claimed_type,
    })
}

/// A filename as the user knows it: browsers write these three characters so (the HTML standard, "multipart form data").
fn unescaped(filename: &str) -> String {
    filename
        .replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

async fn next_bytes(
    part: &mut Field<'_>,
    meter: &Meter,
    bytes_at_a_time: usize,
) -> Result<Option<Bytes>, Fault> {
    let chunk = meter.at_a_time(bytes_at_a_time, within_idle_time(part.chunk()));
    chunk.await.map_err(too_long)?
}

fn too_long(_: TooLong) -> Fault {
    let limit = format!("the headers of a part are larger than {HEADER_BYTES_MAX} bytes");
    Fault::new(ErrorCode::ValidationFailed, limit)
}

async fn within_idle_time<T>(
    read: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, Fault> {
    match timeout(IDLE_TIMEOUT, read).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Fault::new(
            ErrorCode::PayloadTooLarge,
            "the body is larger than the limit",
        )),
        Ok(Err(_)) => Err(Fault::new(
            ErrorCode::ValidationFailed,
            "the body is not well-formed multipart/form-data, or did not arrive whole",
        )),
        Err(_) => Err(Fault::new(
            ErrorCode::ValidationFailed,
            "the body did not arrive whole",
        )),
    }
}

fn invalid(field: &str, message: impl std::fmt::Display) -> Fault {
    Fault::invalid_field(field, message.to_string())
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::body::Body;
    use axum::http::header::CONTENT_TYPE;
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    struct Bytewise(Vec<u8>);

    impl FileSink for Bytewise {
        async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn part(head: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    /// Reads a body that comes in pieces of so many bytes; returns the file, its name and the contract.
    fn read(body: &[u8], piece: usize) -> Result<(Vec<u8>, String, Option<String>), Fault> {
        let pieces: Vec<_> = body.chunks(piece).map(Bytes::copy_from_slice).collect();
        let request = Request::builder()
            .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(Body::from_stream(stream::iter(
                pieces.into_iter().map(Ok::<_, io::Error>),
            )))
            .expect("a request");
        let mut contract = None;
        let begin = async |place: Place| {
            contract = place.contract;
            Ok(Bytewise(Vec::new()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a thread of its own");
        let received = runtime.block_on(read_parts(request, begin))?;
        Ok((received.sink.0, received.filename, contract))
    }

    fn refusal(body: &[u8]) -> Fault {
        read(body, 1_000).expect_err("it is refused")
    }

    #[test]
    fn a_part_whose_headers_do_not_end_is_refused() {
        let endless = [b"--x\r\nX: ".as_slice(), &[b'x'; 20_000]].concat();
        for body in [endless, vec![b'x'; 20_000]] {
            let fault = refusal(&body);
            assert_eq!(fault.code, ErrorCode::ValidationFailed);
            assert!(fault.message.contains("16384 bytes"), "{fault}");
        }
    }

    #[test]
    fn a_body_that_breaks_off_or_has_no_file_or_two_is_refused() {
        let file = part("name=\"file\"; filename=\"a\"", b"hello");
        let end = b"--x--\r\n".as_slice();
        assert!(read(&[&*file, end].concat(), 7).is_ok());
        assert!(refusal(&file).message.contains("did not arrive whole"));
        assert_eq!(refusal(end).errors[0].field, "file");
        assert_eq!(
            refusal(&[&*file, &*file, end].concat()).errors[0].field,
            "file"
        );
        let long = part("name=\"contractId\"", &[b'c'; 300]);
        assert_eq!(
            refusal(&[&*long, &*file, end].concat()).errors[0].field,
            "contractId"
        );
    }

    proptest! {
        #[test]
        fn however_a_body_is_cut_its_file_arrives_whole(
            content in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'y'), any::<u8>()], 0..400),
            others in 0_usize..14,
            piece in 1_usize..300,
        ) {
            prop_assume!(!content.windows(5).any(|bytes| bytes == b"\r\n--x"));
            let mut body = b"a preamble\r\n".to_vec();
            body.extend(part("name=\"contractId\"", b"c-1"));
            for _ in 0..others {
                body.extend(part("name=\"other\"", &[b'o'; 100]));
            }
            body.extend(part("name=\"file\"; filename=\"a%22.txt\"", &content));
            body.extend(b"--x--\r\n");
            let expected = (content, "a\".txt".to_owned(), Some("c-1".to_owned()));
            prop_assert_eq!(read(&body, piece), Ok(expected));
        }
    }
}
