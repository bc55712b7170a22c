//! `sessions/`: one's own sessions, and ending them.

use http::Method;
use serde_json::{Value, json};

use crate::accounts::Auth;
use crate::accounts::session_list::{self, Listed, Why};
use crate::ground::{Error, Message, Result};
use crate::http::{Answer, Call, Endpoint, Gives, Guard, Operation};

/// `GET sessions/`.
pub fn list(_: &Auth) -> Endpoint {
    let example = shown(
        &Listed {
            sid: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned(),
            created_at: crate::ground::Time::from_millis(1_767_225_600_000),
            last_used_at: crate::ground::Time::from_millis(1_767_229_200_000),
            expires_at: crate::ground::Time::from_millis(1_775_001_600_000),
            ip: Some("192.0.2.7".to_owned()),
            device: Some("Firefox, Linux".to_owned()),
            method: "password".to_owned(),
        },
        true,
    );
    let gives = Gives::named(200, "The sessions that count, the latest first.", "Session", schema(), example).listed();
    Endpoint::new("sessions", "Sessions")
        .described("The sessions of whoever sends the request: when and from where they were opened, and with what.")
        .guarded(Guard::User)
        .with(Operation::new(Method::GET, |call| Box::pin(get(call))).called("listSessions", "List sessions").gives(gives))
}

/// `DELETE sessions/{id}/`.
pub fn one(_: &Auth) -> Endpoint {
    let operation = Operation::new(Method::DELETE, |call| Box::pin(end(call)))
        .called("endSession", "End a session")
        .gives(Gives::nothing(204, "The session has ended."))
        .gives(Gives::says(404, "No session of one's own has that name.", &Message::NotFound));
    Endpoint::new("sessions/{id}", "Session")
        .described("One session of whoever sends the request.")
        .guarded(Guard::User)
        .with(operation)
}

/// `POST sessions/end-others/`.
pub fn others(_: &Auth) -> Endpoint {
    let schema = json!({
        "type": "object", "required": ["ended"],
        "properties": { "ended": { "type": "integer", "description": "How many sessions have ended." } },
    });
    let operation = Operation::new(Method::POST, |call| Box::pin(end_others(call)))
        .called("endOtherSessions", "End all other sessions")
        .gives(Gives::named(200, "All other sessions have ended.", "Ended", schema, json!({ "ended": 2 })));
    Endpoint::new("sessions/end-others", "End Other Sessions")
        .described("Ends every session of the account but the one that the request carries, and every link that was mailed.")
        .guarded(Guard::User)
        .giving_cookies()
        .with(operation)
}

async fn get(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let listed = session_list::of(&call.auth, caller.user.id).await?;
    let shown: Vec<Value> = listed.iter().map(|session| shown(session, session.sid == caller.session.sid)).collect();
    Ok(Answer::json(200, shown.into()))
}

async fn end(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let sid = call.parameters.first().ok_or_else(|| Error::internal("a path without its parameter"))?;
    // Another's is answered as one that does not exist (T30).
    if !session_list::end(&call.auth, &call.who, caller.user.id, sid, Why::Ended).await? {
        return Err(Error::Refused(404, Message::NotFound));
    }
    let answer = Answer::empty(204);
    Ok(if *sid == caller.session.sid { answer.with_cookies(call.removed_cookies()) } else { answer })
}

async fn end_others(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let (ended, renewed) = session_list::end_others(&call.auth, &call.who, caller).await?;
    let answer = call.still_known(Answer::json(200, json!({ "ended": ended })))?;
    call.renewed(answer, renewed.as_ref()).await
}

fn shown(session: &Listed, current: bool) -> Value {
    let mut shown = session.as_json();
    shown["current"] = current.into();
    shown
}

fn schema() -> Value {
    let at = |what: &str| json!({ "type": "string", "format": "date-time", "description": what });
    let text = |what: &str| json!({ "type": "string", "description": what });
    let maybe = |what: &str| json!({ "type": ["string", "null"], "description": what });
    json!({
        "type": "object",
        "required": ["id", "created_at", "last_used_at", "expires_at", "ip", "device", "method", "current"],
        "properties": {
            "id": text("Names the session; it opens nothing."),
            "created_at": at("When it was opened."),
            "last_used_at": at("When it was last used."),
            "expires_at": at("When it ends, however much it is used."),
            "ip": maybe("The address that it was opened from."),
            "device": maybe("What it was opened with, in words."),
            "method": text("How it was opened: `password`, `registration`, …"),
            "current": { "type": "boolean", "description": "Whether it is the one that this request carries." },
        },
    })
}
