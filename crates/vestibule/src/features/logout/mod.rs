//! `logout/`: ends the session in hand, at once and in every process. Without a session there is nothing to end, and that is
//! answered alike.

use http::Method;

use crate::accounts::audit::Event;
use crate::accounts::sessions::{self, Caller};
use crate::accounts::{Auth, Client};
use crate::ground::{Error, Message, Result, meters};
use crate::http::{Answer, Call, Endpoint, Gives, Operation};

/// `POST logout/`, and `GET` only where `account.logout_on_get` says so: a link or an image must not log anybody out (T46).
pub fn endpoint(auth: &Auth) -> Endpoint {
    let endpoint = Endpoint::new("logout", "Logout")
        .described("Ends the session that the request carries.")
        .giving_cookies()
        .allowing("GET, POST, HEAD, OPTIONS")
        .with(operation(Method::POST).called("logout", "Log out"));
    if auth.settings().account.logout_on_get {
        endpoint.with(operation(Method::GET).called("logoutByLink", "Log out by a link"))
    } else {
        endpoint
    }
}

fn operation(method: Method) -> Operation {
    let gives = Gives::says(200, "The session is ended, or there was none.", &Message::LoggedOut);
    Operation::new(method, |call| Box::pin(post(call))).gives(gives)
}

async fn post(call: Call) -> Result<Answer> {
    if let Some(caller) = &call.caller {
        logout(&call.auth, &call.who, caller).await?;
    }
    Ok(Answer::says(200, Message::LoggedOut).with_cookies(call.removed_cookies()))
}

/// Ends the caller's session. Whoever comes second finds it ended, which is what was asked for.
///
/// # Errors
/// Those of the database.
pub async fn logout(auth: &Auth, who: &Client, caller: &Caller) -> Result<()> {
    let (sender, now, sid) = (who.clone(), auth.clock.now(), caller.session.sid.clone());
    let event = Event::about(caller.user.id, "session.ended").with("sid", sid.as_str());
    let row = event.clone();
    let ended = auth
        .db
        .unit(move |tx| async move {
            let ended = sessions::end(&tx, &sid).await?;
            if ended {
                row.record(&tx, now, &sender).await?;
            }
            Ok::<_, Error>(ended)
        })
        .await?;
    if ended {
        metrics::counter!(meters::SESSIONS_ENDED, "why" => "logout").increment(1);
        event.log(who);
    }
    Ok(())
}
