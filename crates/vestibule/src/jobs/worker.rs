//! Sends the mails of the outbox.
//!
//! A round claims what is due, makes each mail (its token and code are made here and nowhere else), and hands it over. Between
//! the claim and the answer nothing is locked: a process that dies leaves its lease to run out.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::accounts::limits::{self, Action, Reservation};
use crate::accounts::{Auth, Client, tokens};
use crate::ground::{Error, Result, meters};
use crate::mail::SendError;

use super::breaker::{self, Allowed};
use super::letters::{self, Plan, Planned};
use super::outbox::{self, Job};

/// How often a process looks for mails that others asked for; its own ring a bell.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a process may hold a mail: longer than any transport may take for one (30 s), whatever else it waits for.
const LEASE: Duration = Duration::from_secs(90);

/// How long a mail that is being sent may still take when the process is told to stop: a stop as a whole must end within 30 s (T89).
pub const LAST_MAIL: Duration = Duration::from_secs(5);

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Mails that went out.
    pub sent: usize,
    /// Mails that are tried again later.
    pub later: usize,
    /// Mails that are not to be sent: nobody to send to, or too many for the address.
    pub dropped: usize,
    /// Mails that were asked for too long ago.
    pub expired: usize,
    /// Mails that were given up.
    pub given_up: usize,
}

#[derive(Clone, Copy)]
enum Outcome {
    Sent,
    Later,
    Nobody,
    TooMany,
    Expired,
    GivenUp,
}

impl Round {
    fn count(&mut self, outcome: Outcome) {
        let (place, word) = match outcome {
            Outcome::Sent => (&mut self.sent, "sent"),
            Outcome::Later => (&mut self.later, "failed"),
            Outcome::Nobody => (&mut self.dropped, "nobody"),
            Outcome::TooMany => (&mut self.dropped, "limited"),
            Outcome::Expired => (&mut self.expired, "expired"),
            Outcome::GivenUp => (&mut self.given_up, "given_up"),
        };
        *place += 1;
        metrics::counter!(meters::MAILS, "outcome" => word).increment(1);
    }
}

/// How often one turn of [`deliver_some`] claims mails.
const CLAIMS_A_TURN: usize = 10;

/// Sends what is due.
///
/// # Errors
/// Those of the database; what was claimed and not answered is tried again when its lease has run out.
pub async fn deliver_due(auth: &Auth) -> Result<Round> {
    let mut round = Round::default();
    while claim_and_send(auth, &mut round).await? {}
    Ok(round)
}

/// Sends some of what is due, for a process that has other work besides: where mails come faster than they leave, there is always
/// another one. If there may be more, the bell is rung.
///
/// # Errors
/// As [`deliver_due`].
pub async fn deliver_some(auth: &Auth) -> Result<Round> {
    let mut round = Round::default();
    for _ in 0..CLAIMS_A_TURN {
        if !claim_and_send(auth, &mut round).await? {
            return Ok(round);
        }
    }
    auth.courier.bell.notify_one();
    Ok(round)
}

/// Whether there was anything to send, and mail goes out at present.
async fn claim_and_send(auth: &Auth, round: &mut Round) -> Result<bool> {
    let limit = match auth.courier.breaker.allows(auth.clock.now()) {
        Allowed::All => i64::from(auth.courier.at_once),
        Allowed::Probe => 1,
        Allowed::Nothing(_) => return Ok(false),
    };
    if !outbox::is_due(&auth.db, auth.clock.now()).await? {
        return Ok(false);
    }
    let jobs = outbox::claim(&auth.db, &auth.courier.name, limit, LEASE, auth.clock.now()).await?;
    if jobs.is_empty() {
        return Ok(false);
    }
    let mut sending = JoinSet::new();
    for job in jobs {
        let auth = auth.clone();
        sending.spawn(async move { deliver(&auth, &job).await });
    }
    let mut failure = Ok(());
    while let Some(done) = sending.join_next().await {
        match done.unwrap_or_else(|error| Err(Error::internal(error.to_string()))) {
            Ok(outcome) => round.count(outcome),
            Err(error) => failure = Err(error),
        }
    }
    failure.map(|()| true)
}

async fn deliver(auth: &Auth, job: &Job) -> Result<Outcome> {
    // The batch was claimed while mail went out; rows are not touched while it does not.
    if matches!(auth.courier.breaker.allows(auth.clock.now()), Allowed::Nothing(_)) {
        return put_back(auth, job, "mail does not go out at present").await;
    }
    match to_reader(auth, job).await {
        // The log has the cause and no client hears of it (T79).
        Err(Error::Internal(why)) => failed(auth, job, SendError::Later(why)).await,
        other => other,
    }
}

async fn to_reader(auth: &Auth, job: &Job) -> Result<Outcome> {
    let plan = match letters::plan(auth, job).await? {
        Planned::For(plan) => plan,
        Planned::Nobody => return drop_it(auth, job, Outcome::Nobody).await,
        Planned::Expired => return drop_it(auth, job, Outcome::Expired).await,
    };
    // Before anything is issued: a mail that does not leave must not leave a token behind either (T18, T24).
    let reserved = match reserve(auth, &plan).await {
        Ok(reserved) => reserved,
        Err(Error::Limited(_)) => {
            tracing::info!(job = job.id, kind = job.kind.name(), "a mail beyond limits.mail is not sent");
            return drop_it(auth, job, Outcome::TooMany).await;
        }
        Err(other) => return Err(other),
    };
    let sent = attempt(auth, job, &plan).await;
    if !matches!(sent, Ok(Ok(()))) {
        // Else a mail that is tried often uses up what its own address may get, and is dropped instead of sent (T86). A process
        // that dies before this leaves one mail too many counted.
        reserved.give_back(auth).await?;
    }
    match sent? {
        Ok(()) => {
            auth.courier.breaker.close();
            outbox::done(&auth.db, &auth.courier.name, job.id).await?;
            Ok(Outcome::Sent)
        }
        Err(error) => failed(auth, job, error).await,
    }
}

/// At most so many mails for one address, of all kinds together (T69). Nobody is told.
async fn reserve(auth: &Auth, plan: &Plan) -> Result<Reservation> {
    limits::reserve(auth, Action::Mail, &Client::command_line(), Some(plan.address_key())).await
}

async fn attempt(auth: &Auth, job: &Job, plan: &Plan) -> Result<Result<(), SendError>> {
    let issued = letters::issue(auth, plan).await?;
    let token = issued.as_ref().map(|issued| tokens::hash_of(&issued.token));
    let sent = caught(async {
        let mail = letters::write(auth, job, plan, issued)?;
        auth.courier.transport.send(&mail).await
    })
    .await;
    if let (Err(error), Some(token)) = (&sent, token) {
        withdraw(auth, token, error).await?;
    }
    Ok(sent)
}

/// What `work` gives. A panic in it, be it in a template function or a transport of the host's, fails this mail alone, which is then
/// tried later and given up in the end like any other.
async fn caught(work: impl Future<Output = Result<(), SendError>>) -> Result<(), SendError> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => {
            metrics::counter!(meters::PANICS, "where" => "mail").increment(1);
            Poll::Ready(Err(SendError::Later("a panic while it was written or sent".into())))
        }
    })
    .await
}

/// Every try issues anew, so what an earlier one issued must not go on beside it. Where the connection broke, the mail may have
/// left all the same, and its link goes on.
async fn withdraw(auth: &Auth, token: Vec<u8>, error: &SendError) -> Result<()> {
    let may_have_left = matches!(error, SendError::Transport(_));
    auth.db
        .unit(move |tx| async move {
            if may_have_left { tokens::end_code(&tx, &token).await } else { tokens::forget(&tx, &token).await }
        })
        .await
}

async fn failed(auth: &Auth, job: &Job, error: SendError) -> Result<Outcome> {
    let now = auth.clock.now();
    tracing::warn!(job = job.id, kind = job.kind.name(), %error, "a mail was not sent");
    if let SendError::Transport(_) = error {
        auth.courier.breaker.open(now, &auth.entropy);
    }
    let why = error.to_string();
    let too_old = now >= job.created_at.plus(auth.settings.email.give_up_after.duration());
    if matches!(error, SendError::Recipient(_)) || too_old {
        outbox::give_up(&auth.db, &auth.courier.name, job.id, &why, now).await?;
        return Ok(Outcome::GivenUp);
    }
    put_back(auth, job, &why).await
}

async fn put_back(auth: &Auth, job: &Job, why: &str) -> Result<Outcome> {
    let tries = u32::try_from(job.attempts).unwrap_or(u32::MAX).saturating_add(1);
    let run_at = auth.clock.now().plus(breaker::pause(tries, &auth.entropy));
    outbox::later(&auth.db, &auth.courier.name, job.id, run_at, why).await?;
    Ok(Outcome::Later)
}

async fn drop_it(auth: &Auth, job: &Job, why: Outcome) -> Result<Outcome> {
    outbox::done(&auth.db, &auth.courier.name, job.id).await?;
    Ok(why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{TestApp, databases};

    use super::*;

    #[tokio::test]
    async fn a_turn_leaves_mails_for_the_next_and_rings_for_it() {
        let app = TestApp::on(databases::fresh_sqlite().await, |_| {}).await;
        app.register("ana").await;
        for _ in 0..CLAIMS_A_TURN {
            app.post("password/reset/", json!({ "email": "ana@example.org" })).send().await.expect(200);
        }
        let rung = async || tokio::time::timeout(Duration::from_millis(1), app.auth.courier.bell.notified()).await.is_ok();
        assert!(rung().await, "by the requests");
        assert_eq!(deliver_some(&app.auth).await.unwrap().sent, CLAIMS_A_TURN);
        assert!(rung().await, "there is one left");
        assert_eq!(deliver_some(&app.auth).await.unwrap().sent, 1);
        assert!(!rung().await);
    }
}
