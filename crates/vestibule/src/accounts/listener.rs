//! Tells the host what happened, when it is safe and without anybody waiting for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::ground::meters;
use crate::hooks::AnyHooks;

use super::audit::Event;

/// How many events may wait; what comes on top is dropped and counted.
const WAITING: usize = 1_024;

/// How long the host may take for one event.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where events go. Its task ends with the last of its copies.
#[derive(Clone, Debug)]
pub(crate) struct Listener(Sender<Event>);

impl Listener {
    /// Begins to tell the hooks; nothing where there are none.
    pub(crate) fn start(hooks: &Arc<dyn AnyHooks>) -> Option<Self> {
        if hooks.are_none() {
            return None;
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell_all(hooks.clone(), receiver));
        Some(Self(sender))
    }

    /// Puts an event in line. Never waits, never fails: the audit trail has the event in any case.
    pub(crate) fn tell(&self, event: &Event) {
        if let Err(TrySendError::Full(event)) = self.0.try_send(event.clone()) {
            metrics::counter!(meters::EVENTS_DROPPED).increment(1);
            tracing::warn!(event = event.name(), "the host's on_event is too slow, so it was not told");
        }
    }
}

/// One after another, in their order. A task for each, so that a panic stays its own.
async fn tell_all(hooks: Arc<dyn AnyHooks>, mut events: Receiver<Event>) {
    while let Some(event) = events.recv().await {
        let (hooks, name) = (hooks.clone(), event.name());
        let mut told = tokio::spawn(async move { hooks.on_event(&event).await });
        match tokio::time::timeout(PATIENCE, &mut told).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!(event = name, "the host's on_event panicked"),
            Err(_) => {
                told.abort();
                tracing::warn!(event = name, "the host's on_event took too long and was given up");
            }
        }
    }
}
