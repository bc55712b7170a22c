//! `password/change/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Guard, Operation};

use super::flow;

/// `POST password/change/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    Endpoint::new("password/change", "Password Change")
        .described("Sets a new password and ends every other session of the account.")
        .guarded(Guard::User)
        .giving_cookies()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post(call)))
                .called("changePassword", "Change the password")
                .taking(flow::form(auth))
                .gives(Gives::says(200, "The new password counts.", &Message::PasswordSaved)),
        )
}

async fn post(call: Call) -> Result<Answer> {
    let renewed = flow::change(&call.auth, &call.who, call.caller()?, &call.values()?).await?;
    let answer = call.still_known(Answer::says(200, Message::PasswordSaved))?;
    call.renewed(answer, renewed.as_ref()).await
}
