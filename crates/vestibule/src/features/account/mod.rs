//! `account/`: the page that says who is signed in, and leads to what can be changed.

use minijinja::context;

use crate::ground::Result;
use crate::http::page::{Page, PageCall, Shown};

/// `account/`.
pub fn page() -> Page {
    Page { path: "account", run: |call| Box::pin(show(call)) }
}

async fn show(call: PageCall) -> Result<Shown> {
    let Some(caller) = call.caller().await? else { return call.to_sign_in("account") };
    let user = context! { username => caller.user.username, email => caller.user.email };
    call.form(200, "pages/account.html", context! { user })
}
