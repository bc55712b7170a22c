//! What clients bring, what is connected and what is missing, over HTTP.

use ::http::Method;
use serde_json::{Value, json};

use crate::accounts::Auth;
use crate::accounts::identities::Identity;
use crate::accounts::login::Door;
use crate::ground::{Error, Message, Result, Time};
use crate::http::{self, Answer, Call, Endpoint, Gives, Guard, Operation};
use crate::social::Provider;

use super::flow::{Entrance, Outcome, Rest};
use super::http_crossing::browser;
use super::{connections, details, flow};

/// `POST {provider}/`.
pub(super) fn login(auth: &Auth, provider: &Provider) -> Endpoint {
    let operation = Operation::new(Method::POST, |call| Box::pin(post_login(call)))
        .called(provider.paths.login_id, "Log in with a provider")
        .taking(flow::form())
        .gives(Gives::session(200, "A session is open.", auth))
        .gives(Gives::says(201, "An account is made, whose address must be proven.", &Message::VerificationSent))
        .gives(incomplete());
    Endpoint::new(provider.id, provider.paths.name)
        .described("Logs in with a code, an ID token or an access token that the provider gave to the client.")
        .forgiving()
        .giving_cookies()
        .with(operation)
}

async fn post_login(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let outcome = flow::login(&call.auth, &call.who, call.path(), &values, errors, &call.language).await?;
    answer(&call, outcome).await
}

/// The answer in the way that the settings call for.
async fn answer(call: &Call, outcome: Outcome) -> Result<Answer> {
    match outcome {
        Outcome::LoggedIn(granted) => http::granted(&call.auth, 200, &granted).await,
        Outcome::Code(_) => Err(Error::internal("an endpoint gives a session and no code for one")),
        Outcome::ToVerify => Ok(Answer::says(201, Message::VerificationSent)),
        Outcome::Incomplete(token, missing) => Ok(Answer::json(
            403,
            json!({
                "detail": Message::RegistrationIncomplete.in_language(&call.language),
                "missing": missing,
                (details::TOKEN): token.expose(),
            }),
        )),
    }
}

fn incomplete() -> Gives {
    let schema = json!({
        "type": "object", "required": ["detail", "missing", details::TOKEN],
        "properties": {
            "detail": { "type": "string" },
            "missing": { "type": "array", "items": { "type": "string" } },
            (details::TOKEN): { "type": "string" },
        },
    });
    let example = json!({
        "detail": Message::RegistrationIncomplete.text(), "missing": ["phone_number"],
        (details::TOKEN): "0f8fad5bd9cb469fa165708677289508f8fad5bd9cb469f1",
    });
    Gives::named(403, "The provider did not tell all that an account needs.", "RegistrationIncomplete", schema, example)
}

/// `POST {provider}/connect/`.
pub(super) fn connect(auth: &Auth, provider: &Provider) -> Endpoint {
    let operation = Operation::new(Method::POST, |call| Box::pin(post_connect(call)))
        .called(provider.paths.connect_id, "Connect a provider to one's account")
        .taking(flow::form())
        .gives(Gives::session(200, "The provider is connected, and a session is open.", auth))
        .gives(Gives::says(403, "The login was too long ago.", &Message::ReauthenticationNeeded));
    Endpoint::new(provider.paths.connect, provider.paths.connect_name)
        .described("Connects what the provider gave to the client to the account, within ten minutes of logging in.")
        .guarded(Guard::User)
        .with(operation)
}

async fn post_connect(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let id = call.path().split('/').next().unwrap_or_default();
    let granted = connections::connect(&call.auth, &call.who, id, call.caller()?, &values, errors).await?;
    answer(&call, Outcome::LoggedIn(Box::new(granted))).await
}

/// `POST registration/complete/`.
pub(super) fn complete(auth: &Auth) -> Endpoint {
    let operation = Operation::new(Method::POST, |call| Box::pin(post_complete(call)))
        .called("completeRegistration", "Tell what a provider did not")
        .taking(details::form(auth))
        .gives(Gives::session(200, "The account is made, and a session is open.", auth))
        .gives(Gives::says(201, "The account is made, and its address must be proven.", &Message::VerificationSent))
        .gives(Gives::says(404, "The token does not count (any more).", &Message::NotFound));
    Endpoint::new("registration/complete", "Complete Registration")
        .described("Makes the account of somebody whom a provider has told of, with what it did not tell.")
        .forgiving()
        .giving_cookies()
        .with(operation)
}

async fn post_complete(call: Call) -> Result<Answer> {
    let (values, errors) = call.read()?;
    let rest = Rest { values, errors, browser: browser(&call.auth, |name| call.cookie(name)) };
    let outcome = flow::complete(&call.auth, &call.who, rest, Entrance::Session(Door::Endpoint), &call.language).await?;
    answer(&call, outcome).await
}

/// `GET socialaccounts/`.
pub(super) fn list() -> Endpoint {
    let operation = Operation::new(Method::GET, |call| Box::pin(get_list(call)))
        .called("listSocialAccounts", "What is connected")
        .gives(Gives::named(200, "What is connected to the account.", "SocialAccount", schema(), example()).listed());
    Endpoint::new("socialaccounts", "Social Account List")
        .described("The providers' accounts with which one can log in to one's account.")
        .guarded(Guard::User)
        .with(operation)
}

async fn get_list(call: Call) -> Result<Answer> {
    let all = connections::list(&call.auth, call.caller()?.user.id).await?;
    Ok(Answer::json(200, all.iter().map(view).collect()))
}

fn view(identity: &Identity) -> Value {
    json!({
        "id": identity.id,
        "provider": identity.provider,
        "uid": identity.subject,
        "last_login": written(identity.last_login_at),
        "date_joined": written(identity.created_at),
    })
}

fn written(time: Time) -> String {
    let at = jiff::Timestamp::from_millisecond(time.millis()).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn schema() -> Value {
    let time = json!({ "type": "string", "format": "date-time" });
    json!({
        "type": "object", "required": ["id", "provider", "uid", "last_login", "date_joined"],
        "properties": {
            "id": { "type": "integer" }, "provider": { "type": "string" }, "uid": { "type": "string" },
            "last_login": time, "date_joined": time,
        },
    })
}

fn example() -> Value {
    json!({
        "id": 1, "provider": "github", "uid": "1234", "last_login": "2026-01-31T12:00:00.000000Z",
        "date_joined": "2026-01-01T12:00:00.000000Z",
    })
}

/// `POST socialaccounts/{pk}/disconnect/`.
pub(super) fn disconnect() -> Endpoint {
    let operation = Operation::new(Method::POST, |call| Box::pin(post_disconnect(call)))
        .called("disconnectSocialAccount", "Disconnect a provider")
        .gives(Gives::named(200, "It is disconnected.", "Nothing", json!({ "type": "object" }), json!({})))
        .gives(Gives::says(404, "There is no such thing.", &Message::NotFound));
    Endpoint::new("socialaccounts/{pk}/disconnect", "Social Account Disconnect")
        .described("Takes a provider's account away from one's account. The last way to log in stays.")
        .guarded(Guard::User)
        .with(operation)
}

async fn post_disconnect(call: Call) -> Result<Answer> {
    let id = call.parameter().and_then(|text| text.parse().ok()).ok_or(Error::Refused(404, Message::NotFound))?;
    connections::disconnect(&call.auth, &call.who, call.caller()?, id).await?;
    Ok(Answer::json(200, json!({})))
}
