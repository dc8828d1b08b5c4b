use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::connection::{CloseReason, Link, Opcode, Taken, append_frame};

/// The most bytes taken out of the outbox at a time: what is taken can no longer make way for something else.
const BATCH_BYTES: usize = 64 * 1024;
/// The most frames in one system call.
const SLICES_MAX: usize = 64;

/// Writes what waits until the link is closed, then the close frame.
pub(super) async fn write<S: AsyncWrite + Unpin>(sink: &mut S, link: &Link) -> io::Result<()> {
    loop {
        match poll_fn(|cx| link.poll_take(cx, BATCH_BYTES)).await {
            Taken::Frames(frames) => {
                let (bytes, count) = (frames.iter().map(Bytes::len).sum(), frames.len());
                write_frames(sink, frames.into()).await?;
                sink.flush().await?;
                link.sent(bytes, count);
            }
            Taken::Closed(CloseReason::TransportAborted) => return Ok(()),
            Taken::Closed(reason) => {
                sink.write_all(&close_frame(reason)).await?;
                return sink.flush().await;
            }
        }
    }
}

async fn write_frames<S: AsyncWrite + Unpin>(
    sink: &mut S,
    mut frames: VecDeque<Bytes>,
) -> io::Result<()> {
    while !frames.is_empty() {
        let mut written = if frames.len() == 1 {
            sink.write(&frames[0]).await?
        } else {
            let slices: Vec<_> = frames
                .iter()
                .take(SLICES_MAX)
                .map(|frame| IoSlice::new(frame))
                .collect();
            sink.write_vectored(&slices).await?
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while let Some(first) = frames.front_mut().filter(|_| written > 0) {
            let length = first.len().min(written);
            first.advance(length);
            written -= length;
            if first.is_empty() {
                frames.pop_front();
            }
        }
    }
    Ok(())
}

fn close_frame(reason: CloseReason) -> Vec<u8> {
    const NO_CODE: u16 = 1005;
    let mut frame = Vec::with_capacity(4);
    match reason.close_code() {
        NO_CODE => append_frame(&mut frame, Opcode::Close, &[]),
        code => append_frame(&mut frame, Opcode::Close, &code.to_be_bytes()),
    }
    frame
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn frames_arrive_in_order_however_little_the_peer_takes_at_a_time() {
        let (mut near, mut far) = tokio::io::duplex(7);
        let frames: VecDeque<_> = (0..100_u8)
            .map(|n| Bytes::from(vec![n; usize::from(n % 13) + 1]))
            .collect();
        let expected: Vec<_> = frames.iter().flatten().copied().collect();
        let mut received = Vec::new();
        let write = async {
            write_frames(&mut near, frames).await.expect("written");
            drop(near);
        };
        let (_, read) = tokio::join!(write, far.read_to_end(&mut received));
        read.expect("read");
        assert_eq!(received, expected);
    }
}
