//! `user/` over HTTP.

use http::Method;

use crate::accounts::Auth;
use crate::ground::Result;
use crate::http::{Answer, Call, Endpoint, Gives, Guard, Operation};

use super::flow;

/// `GET`, `PUT` and `PATCH user/`.
pub fn endpoint(auth: &Auth) -> Endpoint {
    let details = &auth.shapes.details;
    let gives = || Gives::form(200, "The account.", "User", details);
    Endpoint::new("user", "User Details")
        .described("The account of whoever sends the request: shown, and edited where a field may be.")
        .guarded(Guard::User)
        .with(Operation::new(Method::GET, |call| Box::pin(get(call))).called("getUser", "See one's own account").gives(gives()))
        .with(
            Operation::new(Method::PUT, |call| Box::pin(edit(call)))
                .called("replaceUser", "Edit one's own account as a whole")
                .taking(details.clone())
                .gives(gives()),
        )
        .with(
            Operation::new(Method::PATCH, |call| Box::pin(edit(call)))
                .called("updateUser", "Edit parts of one's own account")
                .taking(details.clone())
                .partially()
                .gives(gives()),
        )
}

async fn get(call: Call) -> Result<Answer> {
    Ok(Answer::written(200, call.auth.shapes.written(&call.caller()?.user)?))
}

async fn edit(call: Call) -> Result<Answer> {
    let user = flow::edit(&call.auth, &call.who, call.caller()?, call.values()?).await?;
    Ok(Answer::written(200, call.auth.shapes.written(&user)?))
}
