//! The body of an answer, which keeps its request counted as running until the last byte is handed over.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BoxError;
use super::activity::Running;

pin_project_lite::pin_project! {
    pub(super) struct Guarded<B> {
        #[pin]
        inner: B,
        running: Running,
    }
}

impl<B: Body> Guarded<B> {
    /// `bodiless` is true for the answer to a HEAD request, whose body is dropped without being read.
    pub fn new(inner: B, mut running: Running, bodiless: bool) -> Self {
        if bodiless || inner.is_end_stream() {
            running.finish();
        }
        Self { inner, running }
    }
}

impl<B> Body for Guarded<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        let last = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers() || this.inner.is_end_stream(),
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        if last {
            this.running.finish();
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
