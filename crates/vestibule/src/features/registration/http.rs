//! `registration/` over HTTP.

use ::http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{self, Answer, Call, Endpoint, Guard, Operation};
use crate::settings::Registration;

use super::flow::{self, Registered};

/// `POST registration/`; where registration is closed, for staff alone.
pub fn endpoint(auth: &Auth) -> Endpoint {
    let endpoint = Endpoint::new("registration", "Register")
        .described("Makes an account.")
        .giving_cookies()
        .with(Operation::new(Method::POST, |call| Box::pin(post(call))).taking(flow::form(auth)));
    match auth.settings().account.registration {
        Registration::Open => endpoint.forgiving(),
        Registration::Closed => endpoint.guarded(Guard::Staff),
    }
}

async fn post(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    match flow::register(&call.auth, &call.who, values, errors, &call.language).await? {
        Registered::LoggedIn(granted) => http::granted(&call.auth, 201, &granted).await,
        Registered::ToVerify => Ok(Answer::says(201, Message::VerificationSent)),
    }
}
