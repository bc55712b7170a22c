//! `login/` over HTTP.

use ::http::Method;

use crate::accounts::Auth;
use crate::ground::Result;
use crate::http::{self, Answer, Call, Endpoint, Gives, Operation};

use super::flow;

/// `POST login/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    let methods = &auth.settings().account.login_methods;
    let operation = Operation::new(Method::POST, |call| Box::pin(post(call))).called("login", "Log in").taking(flow::form());
    let operation = methods.iter().fold(operation, |operation, method| operation.either(&[method.word(), "password"]));
    Endpoint::new("login", "Login")
        .described(
            "Checks the credentials and answers with the key of a new session, or with the tokens that the settings call for.",
        )
        .forgiving()
        .giving_cookies()
        .with(operation.gives(Gives::session(200, "A session is open.", auth)))
}

async fn post(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let granted = flow::login(&call.auth, &call.who, &values, errors).await?;
    http::granted(&call.auth, 200, &granted).await
}
