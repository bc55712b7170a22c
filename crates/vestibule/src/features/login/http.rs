//! `login/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::Result;
use crate::http::{Answer, Call, Endpoint, Gives, Operation};

use super::flow;

/// `POST login/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    Endpoint::new("login", "Login")
        .described(
            "Checks the credentials and answers with the key of a new session, or with the tokens that the settings call for.",
        )
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post(call)))
                .called("login", "Log in")
                .taking(flow::form())
                .gives(Gives::session(200, "A session is open.", auth)),
        )
}

async fn post(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let granted = flow::login(&call.auth, &call.who, &values, errors).await?;
    Ok(Answer::key(200, &granted.key))
}
