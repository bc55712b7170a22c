//! `registration/verify-email/` and `registration/resend-email/` over HTTP.

use http::Method;
use serde_json::json;

use crate::accounts::Auth;
use crate::ground::{Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Operation};

use super::flow;

/// `POST registration/verify-email/`.
pub fn verify(_: &Auth) -> Endpoint {
    Endpoint::new("registration/verify-email", "Verify Email")
        .described("Proves an address with the key, or with the code and the address, of the mail that was sent to it.")
        .allowing("POST, OPTIONS, HEAD")
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_verify(call)))
                .called("verifyEmail", "Prove an address")
                .taking(flow::form())
                .either(&["key"])
                .either(&["code", "email"])
                .gives(Gives::ok("The address is proven."))
                .gives(Gives::says(404, "The key does not count, or it counts no more.", &Message::NotFound)),
        )
}

async fn post_verify(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    flow::verify(&call.auth, &call.who, &values, errors).await?;
    Ok(Answer::json(200, json!({ "detail": "ok" })))
}

/// `POST registration/resend-email/`.
pub fn resend(auth: &Auth) -> Endpoint {
    Endpoint::new("registration/resend-email", "Resend Email Verification")
        .described("Sends another mail to an address that is not proven yet. Answers alike for every address.")
        .forgiving()
        .with(
            Operation::new(Method::POST, |call| Box::pin(post_resend(call)))
                .called("resendVerification", "Ask for another mail to prove an address")
                .taking(flow::resend_form(auth))
                .gives(Gives::ok("If the address waits for a proof, a mail is on its way.")),
        )
}

async fn post_resend(call: Call) -> Result<Answer> {
    flow::resend(&call.auth, &call.who, &call.values()?).await?;
    Ok(Answer::json(200, json!({ "detail": "ok" })))
}
