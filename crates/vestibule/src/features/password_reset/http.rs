//! `password/reset/` and `password/reset/confirm/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Operation};

use super::flow;

/// `POST password/reset/`.
pub fn request(_: &Auth) -> Endpoint {
    Endpoint::new("password/reset", "Password Reset")
        .described("Mails a link to set a new password, if the address has an account. Answers alike for every address.")
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_request(call)))
                .called("requestPasswordReset", "Ask for a mail to reset the password")
                .taking(flow::request_form())
                .gives(Gives::says(200, "If the address has an account, a mail is on its way.", &Message::ResetSent)),
        )
}

async fn post_request(call: Call) -> Result<Answer> {
    flow::request(&call.auth, &call.who, &call.values()?).await?;
    Ok(Answer::says(200, Message::ResetSent))
}

/// `POST password/reset/confirm/`.
pub fn confirm(auth: &Auth) -> Endpoint {
    Endpoint::new("password/reset/confirm", "Password Reset Confirm")
        .described("Sets a new password with what the mail carried, and ends every session.")
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_confirm(call)))
                .called("confirmPasswordReset", "Set a new password with what the mail carried")
                .taking(flow::confirm_form(auth))
                .gives(Gives::says(200, "The new password counts.", &Message::PasswordReset)),
        )
}

async fn post_confirm(call: Call) -> Result<Answer> {
    flow::confirm(&call.auth, &call.who, &call.values()?).await?;
    Ok(Answer::says(200, Message::PasswordReset))
}
