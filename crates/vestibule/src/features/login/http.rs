//! `login/` over HTTP.

use ::http::Method;

use crate::accounts::Auth;
use crate::ground::Result;
use crate::http::{self, Answer, Call, Endpoint, Operation};

use super::flow;

/// `POST login/`.
pub fn endpoint(_: &Auth) -> Endpoint {
    Endpoint::new("login", "Login")
        .described(
            "Checks the credentials and answers with the key of a new session, or with the tokens that the settings call for.",
        )
        .forgiving()
        .giving_cookies()
        .with(Operation::new(Method::POST, |call| Box::pin(post(call))).taking(flow::form()))
}

async fn post(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let granted = flow::login(&call.auth, &call.who, &values, errors).await?;
    http::granted(&call.auth, 200, &granted).await
}
