use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use messaging_api::http::attachments::{FileSink, read_parts};
use messaging_wire::{ErrorCode, Fault};
use tokio::runtime::{Builder, Runtime};

use crate::bounded::bounded;
use crate::chunks::Chunks;

/// What an upload may hold, whatever its size: it is streamed.
const HELD_BYTES_MAX: usize = 256 * 1_024;

/// What may come behind the input without an end in sight: far more than may be held.
const TAIL_BYTES: usize = 2 * 1_024 * 1_024;

/// The most bytes that the sink takes.
const FILE_BYTES_MAX: usize = 64 * 1_024;

/// The body of an upload with boundary `x`, in pieces as the first three bytes say; the first one also says whether it goes on.
pub fn multipart_upload(input: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_time().build();
        runtime.expect("a thread of its own")
    });
    let Some((lengths, body)) = input.split_first_chunk::<3>() else {
        return;
    };
    let goes_on = lengths[0] % 2 == 1;
    let lengths = lengths.map(|length| 16 * usize::from(length) + 1);
    let body = Bytes::copy_from_slice(body);
    let piece = Bytes::from_static(&[b'x'; 8 * 1_024]);
    let pieces = if goes_on { TAIL_BYTES / piece.len() } else { 0 };
    let tail = std::iter::repeat_n(piece, pieces);
    let body_length = body.len() + if goes_on { TAIL_BYTES } else { 0 };
    let request = Request::builder()
        .header(CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Chunks::new(body, &lengths).into_body(tail))
        .expect("a request");
    LazyLock::force(&RUNTIME);
    let begin = async |_| Ok(Counter(0));
    let received = bounded(HELD_BYTES_MAX, || {
        RUNTIME.block_on(read_parts(request, begin))
    });
    if let Ok(received) = received {
        assert!(received.sink.0 <= FILE_BYTES_MAX.min(body_length));
    }
}

struct Counter(usize);

impl FileSink for Counter {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0 += bytes.len();
        if self.0 > FILE_BYTES_MAX {
            return Err(Fault::new(ErrorCode::PayloadTooLarge, "enough"));
        }
        Ok(())
    }
}
