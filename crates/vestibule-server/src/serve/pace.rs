//! How long the present step of a connection may take.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use tokio::time::{Instant, sleep_until};

use super::Limits;

/// What one connection is doing, since when, and so when it is overdue.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests inside the router.
    handling: usize,
    /// Requests whose answer is being sent.
    answering: usize,
    /// Whether there has been a request yet.
    asked: bool,
    /// Whether many requests share the connection, so that bytes need not belong to a request's head.
    shared: bool,
    /// The last time something was finished: accepted, a part of an answer taken, an answer complete.
    since: Instant,
    /// When the head that is being read began.
    head: Option<Instant>,
    /// Since when the client takes no bytes.
    stuck: Option<Instant>,
}

impl Pace {
    /// A connection that was accepted just now.
    pub(super) fn new(limits: Limits) -> Self {
        let state =
            State { handling: 0, answering: 0, asked: false, shared: false, since: Instant::now(), head: None, stuck: None };
        Self { limits, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes arrived.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if state.handling + state.answering == 0 && state.head.is_none() {
            state.head = Some(Instant::now());
        }
    }

    /// The client took bytes, or has no room for more.
    pub(super) fn sent(&self, any: bool) {
        let mut state = self.state();
        match any {
            true => state.stuck = None,
            false => state.stuck = state.stuck.or_else(|| Some(Instant::now())),
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(self: &Arc<Self>, shared: bool) -> Turn {
        let mut state = self.state();
        state.handling += 1;
        state.asked = true;
        state.shared |= shared;
        state.head = None;
        drop(state);
        Turn { pace: Arc::clone(self), answering: false }
    }

    /// When the present step is overdue. The router's own time is not limited here: every wait inside it has its own bound.
    fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        let stuck = state.stuck.map(|at| at + self.limits.body_timeout);
        let step = if state.handling > 0 {
            None
        } else if state.answering > 0 {
            Some(state.since + self.limits.body_timeout)
        } else if !state.asked {
            Some(state.since + self.limits.header_timeout)
        } else if let Some(head) = state.head.filter(|_| !state.shared) {
            Some(head + self.limits.header_timeout)
        } else {
            Some(state.since + self.limits.idle_timeout)
        };
        stuck.into_iter().chain(step).min()
    }

    /// Ready when the connection is overdue.
    ///
    /// The deadline is read again whenever the connection's task runs, which is whenever it can have changed to an earlier one. The
    /// timer is set anew only then: a deadline that moved away is noticed when the old one passes.
    pub(super) async fn overdue(&self) {
        let mut timer = pin!(sleep_until(self.deadline().unwrap_or_else(Instant::now)));
        poll_fn(|cx| {
            loop {
                let Some(at) = self.deadline() else { return Poll::Pending };
                if at < timer.deadline() || timer.is_elapsed() {
                    timer.as_mut().reset(at);
                }
                ready!(timer.as_mut().poll(cx));
                if Instant::now() >= at {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }
}

/// One request's part in a [`Pace`], from its head until the answer is sent or given up.
#[derive(Debug)]
pub(super) struct Turn {
    pace: Arc<Pace>,
    answering: bool,
}

impl Turn {
    /// The router is done; what follows is in the client's hands.
    pub(super) fn answer(&mut self) {
        let mut state = self.pace.state();
        state.handling -= 1;
        state.answering += 1;
        state.since = Instant::now();
        drop(state);
        self.answering = true;
    }

    /// The client took a part of the answer.
    pub(super) fn proceed(&self) {
        self.pace.state().since = Instant::now();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        match self.answering {
            true => state.answering -= 1,
            false => state.handling -= 1,
        }
        state.since = Instant::now();
    }
}
