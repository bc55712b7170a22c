//! `email/change/` and `email/change/confirm/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Guard, Operation};

use super::flow;

/// `POST email/change/`.
pub fn request(_: &Auth) -> Endpoint {
    Endpoint::new("email/change", "Email Change")
        .described(
            "Mails a link to a new address, which becomes the account's when it is confirmed. Takes the password unless it was proven within ten minutes.",
        )
        .guarded(Guard::User)
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_request(call)))
                .called("changeEmail", "Ask for another e-mail address")
                .taking(flow::request_form())
                .gives(Gives::says(200, "A link was mailed to the new address.", &Message::EmailChangeSent))
                .gives(Gives::says(403, "The password was proven too long ago.", &Message::ReauthenticationNeeded)),
        )
}

async fn post_request(call: Call) -> Result<Answer> {
    flow::request(&call.auth, &call.who, call.caller()?, &call.values()?).await?;
    Ok(Answer::says(200, Message::EmailChangeSent))
}

/// `POST email/change/confirm/`.
pub fn confirm(_: &Auth) -> Endpoint {
    Endpoint::new("email/change/confirm", "Email Change Confirm")
        .described(
            "Gives an account its new address, with the key, or with the code and the address, of the mail that was sent to it.",
        )
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_confirm(call)))
                .called("confirmEmailChange", "Confirm another address")
                .taking(flow::confirm_form())
                .either(&["key"])
                .either(&["code", "email"])
                .gives(Gives::says(200, "The account has its new address.", &Message::EmailChanged)),
        )
}

async fn post_confirm(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    flow::confirm(&call.auth, &call.who, &values, errors).await?;
    Ok(Answer::says(200, Message::EmailChanged))
}
