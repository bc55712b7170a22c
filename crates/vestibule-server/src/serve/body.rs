//! The two bodies of a request: what comes in must come in time, and as long as the answer goes out, its turn lasts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::pace::Turn;

/// A request's body that fails when it is not complete in time (T74).
#[derive(Debug)]
pub(super) struct Timed {
    body: Incoming,
    timer: Pin<Box<Sleep>>,
    late: Arc<AtomicBool>,
}

impl Timed {
    /// A body whose time runs from now. The flag is raised when it was too slow, whatever the router makes of that.
    pub(super) fn new(body: Incoming, within: Duration) -> (Self, Arc<AtomicBool>) {
        let late = Arc::new(AtomicBool::new(false));
        (Self { body, timer: Box::pin(sleep(within)), late: Arc::clone(&late) }, late)
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err("the request body did not arrive in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, which holds the request's [`Turn`] until it is sent or dropped.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    turn: Turn,
}

impl Answer {
    /// The body of the answer that ends `turn`.
    pub(super) fn new(body: Body, mut turn: Turn) -> Self {
        turn.answer();
        Self { body, turn }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.turn.proceed();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
