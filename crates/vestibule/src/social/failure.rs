//! Why a provider's word did not come, or does not count.

use std::fmt;

use crate::outgoing::Trouble;

/// What went wrong, and in whose house. The texts are for the log; a client gets the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The provider cannot be reached, or answers with what is no answer.
    Unavailable(String),
    /// The provider does not take the code or the token: it is old, used, or another's.
    Refused(String),
    /// The provider does not know this service as it introduces itself: client, secret or redirect.
    Misconfigured(String),
    /// What came is not proven to be meant for this service, or by whom it should be.
    Untrusted(String),
}

impl Failure {
    /// The stable name, as it stands in error addresses.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "provider_unavailable",
            Self::Refused(_) => "code_refused",
            Self::Misconfigured(_) => "provider_misconfigured",
            Self::Untrusted(_) => "token_invalid",
        }
    }

    /// The same about a document of that name.
    pub(super) fn of(trouble: &Trouble, what: &str) -> Self {
        Self::Unavailable(format!("{what}: {trouble}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) | Self::Refused(why) | Self::Misconfigured(why) | Self::Untrusted(why) => f.write_str(why),
        }
    }
}
