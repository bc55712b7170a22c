//! `password/change/` over HTTP.

use ::http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{self, Answer, Call, Endpoint, Guard, Operation};

use super::flow;

/// `POST password/change/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    Endpoint::new("password/change", "Password Change")
        .described("Sets a new password and ends every other session of the account.")
        .guarded(Guard::User)
        .with(Operation::new(Method::POST, |call| Box::pin(post(call))).taking(flow::form(auth)))
}

async fn post(call: Call) -> Result<Answer> {
    let renewed = flow::change(&call.auth, &call.who, call.caller()?, &call.values()?).await?;
    let answer = Answer::says(200, Message::PasswordSaved);
    http::renewed(&call.auth, answer, call.caller()?.user.id, renewed.as_ref()).await
}
