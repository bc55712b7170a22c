//! What the connections ask for with JSON Web Tokens.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use memchr::memmem;
use serde::Deserialize;

use super::connection::{Connection, Reply};
use super::work::{bearing, expect, post};
use super::{Measured, Plan, Work, drive};
use crate::Result;
use crate::random::Random;
use crate::tokens::{Holder, Pair};

/// `GET user/` with an access token.
pub(crate) struct Bearers {
    path: Arc<str>,
    tokens: Arc<[String]>,
    order: Order,
    random: Random,
}

/// Which token is next.
#[derive(Clone)]
pub(crate) enum Order {
    /// Any of them, each as likely.
    Drawn,
    /// The one behind the last that any connection took: where there are more than the server remembers, it has forgotten each
    /// when its turn comes again.
    InTurn(Arc<AtomicU64>),
}

impl Bearers {
    /// Reads with that many connections.
    ///
    /// # Errors
    /// When the client's own runtime cannot be made.
    pub(crate) fn drive(plan: Plan, connections: u64, path: &str, tokens: &Arc<[String]>, order: &Order) -> Result<Measured> {
        let path = Arc::<str>::from(path);
        let one = |seed| Self { path: path.clone(), tokens: tokens.clone(), order: order.clone(), random: Random::new(seed) };
        drive(plan, (1..=connections).map(one).collect())
    }
}

impl Work for Bearers {
    fn request(&mut self, out: &mut Vec<u8>) {
        let count = u64::try_from(self.tokens.len()).unwrap_or(1).max(1);
        let at = match &self.order {
            Order::Drawn => self.random.below(count),
            Order::InTurn(next) => next.fetch_add(1, Ordering::Relaxed) % count,
        };
        let token = usize::try_from(at).ok().and_then(|at| self.tokens.get(at));
        bearing(out, &self.path, token.map_or("", String::as_str));
    }

    fn check(&mut self, reply: &Reply<'_>) -> std::result::Result<(), String> {
        expect(reply, 200)
    }
}

/// `POST token/refresh/`: each connection keeps sessions of its own alive, one after the other, each with the token that it was given
/// last.
pub(crate) struct Refreshes {
    path: Arc<str>,
    holders: Arc<[Holder]>,
    at: usize,
    step: usize,
    sent: Pair,
}

/// The answer, as far as it is looked at.
#[derive(Deserialize)]
struct Refreshed<'a> {
    access: &'a str,
    refresh: &'a str,
}

impl Refreshes {
    /// Refreshes with that many connections.
    ///
    /// # Errors
    /// When there are fewer sessions than connections, and when the client's own runtime cannot be made.
    pub(crate) fn drive(plan: Plan, connections: u64, path: &str, holders: &Arc<[Holder]>) -> Result<Measured> {
        let (path, step) = (Arc::<str>::from(path), usize::try_from(connections)?);
        if holders.len() < step {
            return Err("fewer sessions than connections".into());
        }
        let one = |at| Self { path: path.clone(), holders: holders.clone(), at, step, sent: Pair::default() };
        drive(plan, (0..step).map(one).collect())
    }
}

impl Work for Refreshes {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.at += self.step;
        if self.at >= self.holders.len() {
            self.at %= self.step;
        }
        self.sent = self.holders.get(self.at).map(Holder::pair).unwrap_or_default();
        post(out, &self.path, &format!(r#"{{"refresh":"{}"}}"#, self.sent.refresh));
    }

    fn check(&mut self, reply: &Reply<'_>) -> std::result::Result<(), String> {
        expect(reply, 200)?;
        let answer: Refreshed<'_> = serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
        if answer.refresh == self.sent.refresh || answer.access == self.sent.access {
            return Err("a token was given out again".into());
        }
        if let Some(holder) = self.holders.get(self.at) {
            let given = Pair { access: answer.access.to_owned(), refresh: answer.refresh.to_owned() };
            *holder.pair.lock().unwrap_or_else(PoisonError::into_inner) = given;
        }
        Ok(())
    }
}

/// Reads `user/` once with the access token that each session was given last, and looks whether it shows the right account. How many
/// there were.
///
/// # Errors
/// What is wrong with an answer.
pub(crate) fn prove(address: SocketAddr, path: &str, holders: &[Holder]) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut connection, mut request, mut seen) = (Connection::new(address), Vec::new(), 0);
        for holder in holders {
            let access = holder.pair().access;
            if access.is_empty() {
                continue;
            }
            request.clear();
            bearing(&mut request, path, &access);
            let reply = connection.ask(&request).await?;
            let account = format!(r#""pk":{},"#, holder.user);
            if reply.status != 200 || memmem::find(reply.body, account.as_bytes()).is_none() {
                let body = String::from_utf8_lossy(reply.body);
                return Err(format!("a new token of account {} gives {} {body}", holder.user, reply.status).into());
            }
            seen += 1;
        }
        Ok(seen)
    })
}
