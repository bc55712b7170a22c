//! What a form of a page says beside its fields: another method than `POST`, or a body as JSON. Only our own forms can say so; their
//! token shows it (design decision 17, T46).

use axum::body::Body;
use http::HeaderMap;

use crate::forms::Input;
use crate::ground::Result;

use super::super::body;

/// The member that names the method.
const METHOD: &str = "_method";

/// The member that holds a body as JSON.
const CONTENT: &str = "_content";

/// A request whose body is still to be read, or was read to see what it asks for.
pub(in crate::http) enum Submitted {
    /// Nothing was looked at.
    Unread(Body),
    /// What the body says, or why it says nothing.
    Read(Result<Input>),
}

impl Submitted {
    /// Reads the body now or hands over what was read.
    ///
    /// # Errors
    /// Those of [`body::read`].
    pub(in crate::http) async fn input(self, headers: &HeaderMap, max: usize) -> Result<Input> {
        match self {
            Self::Unread(sent) => body::read(headers, sent, max).await,
            Self::Read(input) => input,
        }
    }
}

/// Whether a form says more than its fields.
pub(in crate::http) fn says_more(form: &Input) -> bool {
    form.get(METHOD).is_some() || form.get(CONTENT).is_some()
}
