//! `user/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::Result;
use crate::http::{Answer, Call, Endpoint, Guard, Operation};

use super::flow;

/// `GET`, `PUT` and `PATCH user/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    let details = &auth.shapes.details;
    Endpoint::new("user", "User Details")
        .described("The account of whoever sends the request: shown, and edited where a field may be.")
        .guarded(Guard::User)
        .with(Operation::new(Method::GET, |call| Box::pin(get(call))))
        .with(Operation::new(Method::PUT, |call| Box::pin(edit(call))).taking(details.clone()))
        .with(Operation::new(Method::PATCH, |call| Box::pin(edit(call))).taking(details.clone()).partially())
}

async fn get(call: Call) -> Result<Answer> {
    Ok(Answer::written(200, call.auth.shapes.written(&call.caller()?.user)?))
}

async fn edit(call: Call) -> Result<Answer> {
    let user = flow::edit(&call.auth, &call.who, call.caller()?, call.values()?).await?;
    Ok(Answer::written(200, call.auth.shapes.written(&user)?))
}
