//! A mailbox in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mail::{Mail, SendError, SendMail};

/// Keeps every mail that is sent. Its clones are the same mailbox.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    failure: Option<SendError>,
}

impl Mailbox {
    /// All mails, in their order.
    pub fn mails(&self) -> Vec<Mail> {
        self.state().mails.clone()
    }

    /// The mails to one address, in their order.
    pub fn to(&self, address: &str) -> Vec<Mail> {
        self.state().mails.iter().filter(|mail| mail.to == address).cloned().collect()
    }

    /// The latest mail to one address.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn last_to(&self, address: &str) -> Mail {
        self.to(address).pop().unwrap_or_else(|| panic!("no mail to {address}"))
    }

    /// Forgets all mails.
    pub fn clear(&self) {
        self.state().mails.clear();
    }

    /// Refuses every mail so from now on, or takes them again.
    pub fn fail(&self, failure: Option<SendError>) {
        self.state().failure = failure;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendMail for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let mut state = self.state();
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                state.mails.push(mail.clone());
                Ok(())
            }
        }
    }
}
