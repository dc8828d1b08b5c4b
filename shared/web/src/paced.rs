use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may take to begin to read an answer, or to go on.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How fast it must read from then on, in bytes a second: less than the slowest of mobile networks.
const READ_BYTES_PER_SECOND: u32 = 4 * 1024;

/// A stream whose peer must read what it is sent, at some pace, or writing to it fails.
///
/// hyper has a time for the head of a request and none for an answer, so a client that asks for something large and reads
/// none of it would hold it in memory for as long as it likes; so would one that reads a byte now and then.
#[derive(Debug)]
pub struct PacedStream<S> {
    stream: S,
    /// There while the peer takes less than it is sent.
    behind: Option<Behind>,
}

#[derive(Debug)]
struct Behind {
    deadline: Instant,
    /// Rarely in use, so not a part of every connection.
    timer: Pin<Box<Sleep>>,
}

impl<S> PacedStream<S> {
    /// Nothing is due yet.
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            behind: None,
        }
    }

    /// The stream, for something that paces its peer by itself.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// The peer has taken some bytes, with which it has earned itself some time, but never more than it had at first.
    fn took(&mut self, bytes: usize) {
        if let Some(behind) = &mut self.behind {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let earned = Duration::from_secs(1) * (bytes / READ_BYTES_PER_SECOND)
                + Duration::from_secs(1) * (bytes % READ_BYTES_PER_SECOND) / READ_BYTES_PER_SECOND;
            behind.deadline = (behind.deadline + earned).min(Instant::now() + READ_TIMEOUT);
        }
    }

    /// The peer takes nothing at the moment: an error if it has had its time.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let behind = self.behind.get_or_insert_with(|| {
            let deadline = Instant::now() + READ_TIMEOUT;
            Behind {
                deadline,
                timer: Box::pin(sleep_until(deadline)),
            }
        });
        if behind.timer.deadline() != behind.deadline {
            behind.timer.as_mut().reset(behind.deadline);
        }
        ready!(behind.timer.as_mut().poll(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        ))
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => return self.wait(cx).map(Err),
            Poll::Ready(Ok(bytes)) => self.took(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all that it had.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.behind = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;

    const ROOM: usize = 1_024;

    fn streams() -> (PacedStream<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(ROOM);
        (PacedStream::new(near), far)
    }

    async fn read_every(far: &mut DuplexStream, interval: Duration, bytes: usize) {
        let mut buffer = vec![0; bytes];
        loop {
            sleep(interval).await;
            far.read_exact(&mut buffer).await.expect("more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let ((mut near, _far), begun) = (streams(), Instant::now());
        let written = near.write_all(&[0; 10_000]).await;
        let error = written.expect_err("it did not read");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), READ_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_a_little_now_and_then_is_given_up() {
        let ((mut near, mut far), begun) = (streams(), Instant::now());
        let written = tokio::select! {
            written = near.write_all(&[0; 100_000]) => written,
            () = read_every(&mut far, Duration::from_secs(10), 100) => unreachable!("it never ends"),
        };
        written.expect_err("it hardly read");
        assert!(begun.elapsed() < 2 * READ_TIMEOUT, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_but_does_is_served_however_long_it_takes() {
        let ((mut near, mut far), begun) = (streams(), Instant::now());
        let written = tokio::select! {
            written = near.write_all(&[0; 1_000_000]) => written,
            () = read_every(&mut far, Duration::from_millis(100), 500) => unreachable!("it never ends"),
        };
        written.expect("it read");
        assert!(begun.elapsed() > 5 * READ_TIMEOUT, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_read_all_begins_anew() {
        let (mut near, mut far) = streams();
        for _ in 0..3 {
            let reads = async {
                sleep(READ_TIMEOUT - Duration::from_secs(1)).await;
                far.read_exact(&mut vec![0; 2 * ROOM]).await
            };
            let writes = async {
                near.write_all(&[0; 2 * ROOM]).await?;
                near.flush().await
            };
            let (written, read) = tokio::join!(writes, reads);
            written.expect("it read");
            read.expect("it came");
        }
    }
}
