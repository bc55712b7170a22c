//! `reauthenticate/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Guard, Operation};

use super::flow;

/// `POST reauthenticate/`.
pub fn endpoint(_: &Auth) -> Endpoint {
    Endpoint::new("reauthenticate", "Reauthenticate")
        .described(
            "Proves the password once more; for ten minutes the session may then change the address without it. A browser gets new cookies.",
        )
        .guarded(Guard::User)
        .giving_cookies()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post(call)))
                .called("reauthenticate", "Prove the password once more")
                .taking(flow::form())
                .gives(Gives::says(200, "The password was right.", &Message::Reauthenticated)),
        )
}

async fn post(call: Call) -> Result<Answer> {
    let renewed = flow::reauthenticate(&call.auth, &call.who, call.caller()?, &call.values()?).await?;
    call.renewed(Answer::says(200, Message::Reauthenticated), renewed.as_ref()).await
}
