//! `registration/` over HTTP.

use ::http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{self, Answer, Call, Endpoint, Gives, Guard, Operation};
use crate::settings::{Registration, Verification};

use super::flow::{self, Registered};

/// `POST registration/`; where registration is closed, for staff alone.
pub fn endpoint(auth: &Auth) -> Endpoint {
    let endpoint = Endpoint::new("registration", "Register").described("Makes an account.").giving_cookies().with(
        Operation::new(Method::POST, |call| Box::pin(post(call)))
            .called("register", "Sign up")
            .taking(flow::form(auth))
            .gives(gives(auth)),
    );
    match auth.settings().account.registration {
        Registration::Open => endpoint.forgiving(),
        Registration::Closed => endpoint.guarded(Guard::Staff),
    }
}

fn gives(auth: &Auth) -> Gives {
    if auth.settings().account.email_verification == Verification::Mandatory {
        return Gives::says(201, "A mail to prove the address is on its way.", &Message::VerificationSent);
    }
    Gives::session(201, "The account is made, and a session is open.", auth)
}

async fn post(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    match flow::register(&call.auth, &call.who, values, errors, &call.language).await? {
        Registered::LoggedIn(granted) => http::granted(&call.auth, 201, &granted).await,
        Registered::ToVerify => Ok(Answer::says(201, Message::VerificationSent)),
    }
}
