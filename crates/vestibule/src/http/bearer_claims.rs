//! Access tokens verified in another service, which needs the published keys and no database.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use tokio::sync::Mutex;

use crate::accounts::signing::elsewhere::{Expected, PublicKeys, Unverified};
use crate::accounts::signing::{Claims, Fault};
use crate::ground::{Clock, Message};

use super::authorization::{self, Presented};
use super::render;

/// What the access token of a request says, verified with a [`Jwks`] of the application's state. The handler is not called
/// without one that counts: the answer is 401, or 503 while there are no keys.
///
/// It counts until it ends (`jwt.access_ttl`), also when its session was ended meanwhile. Where that is too long, ask the server's
/// `token/introspect/`.
///
/// ```
/// use axum::{Router, routing::get};
/// use vestibule::http::{BearerClaims, Jwks};
///
/// async fn orders(BearerClaims(claims): BearerClaims) -> String {
///     format!("the orders of account {}", claims.user)
/// }
///
/// fn app(keys: Jwks) -> Router {
///     Router::new().route("/orders", get(orders)).with_state(keys)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BearerClaims(pub Claims);

type Fetched = Result<Vec<u8>, Box<dyn StdError + Send + Sync>>;
type Fetch = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send + Sync>;

/// The keys that a Vestibule publishes at `/.well-known/jwks.json`, and what its tokens must say. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct Jwks(Arc<Shared>);

struct Shared {
    expected: Expected,
    fetch: Fetch,
    clock: Clock,
    keys: RwLock<Arc<PublicKeys>>,
    /// When they were had last, in milliseconds.
    had_at: AtomicI64,
    /// When they were asked for last, in milliseconds.
    asked_at: AtomicI64,
    asking: Mutex<()>,
}

/// For how long the keys are taken as they are: the server's `max-age`, so a new key is known here before it signs.
const FRESH: i64 = 600_000;

/// How often an unknown key, or a failure, makes us ask again at most, in milliseconds.
const PATIENCE: i64 = 10_000;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

impl Jwks {
    /// Keys that `fetch` gets: the bytes of the document, by whatever HTTP client the service has. It is called when a token is to be
    /// verified and the keys are missing or ten minutes old, or a token names an unknown key, and then at most once in ten seconds.
    /// While it fails, the keys that are known go on.
    pub fn fetched_by<F, Fut>(fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Fetched> + Send + 'static,
    {
        Self::new(Expected::default(), Box::new(move || Box::pin(fetch())), Clock::System)
    }

    fn new(expected: Expected, fetch: Fetch, clock: Clock) -> Self {
        let never = || AtomicI64::new(i64::MIN);
        let (keys, asking) = (RwLock::default(), Mutex::new(()));
        Self(Arc::new(Shared { expected, fetch, clock, keys, had_at: never(), asked_at: never(), asking }))
    }

    fn changed(self, change: impl FnOnce(&mut Expected, &mut Clock)) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(mut shared) => {
                change(&mut shared.expected, &mut shared.clock);
                Self(Arc::new(shared))
            }
            // Somebody uses the keys already, so they stay as they are there.
            Err(shared) => {
                let (mut expected, mut clock) = (shared.expected.clone(), shared.clock.clone());
                change(&mut expected, &mut clock);
                Self::new(expected, Box::new(move || (shared.fetch)()), clock)
            }
        }
    }

    /// Tokens of this issuer count: the server's `jwt.issuer`. Without this, tokens without one.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.changed(|expected, _| expected.issuer(issuer))
    }

    /// Tokens for this audience count: the server's `jwt.audience`. Without this, tokens without one.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.changed(|expected, _| expected.audience(audience))
    }

    /// The claim that names the account: the server's `user.id_claim`.
    #[must_use]
    pub fn id_claim(self, name: impl Into<String>) -> Self {
        self.changed(|expected, _| expected.id_claim(name))
    }

    /// How far clocks may differ; a minute at most, nothing by default.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.changed(|expected, _| expected.leeway(leeway))
    }

    /// Goes by another clock (tests).
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.changed(|_, own| *own = clock)
    }

    /// What an access token says.
    ///
    /// # Errors
    /// Why it does not count; [`Fault::Failed`] when no keys could be had.
    pub async fn verify(&self, token: &str) -> Result<Claims, Fault> {
        if self.0.since(&self.0.had_at) >= FRESH {
            self.0.renew().await;
        }
        match self.0.look(token) {
            Err(Unverified::UnknownKey) => {
                self.0.ask().await;
                match self.0.look(token) {
                    Ok(claims) => Ok(claims),
                    Err(Unverified::Fault(fault)) => Err(fault),
                    Err(Unverified::UnknownKey) => Err(self.0.unknown()),
                }
            }
            Err(Unverified::Fault(fault)) => Err(fault),
            Ok(claims) => Ok(claims),
        }
    }
}

impl Shared {
    /// How long ago that was.
    fn since(&self, at: &AtomicI64) -> i64 {
        let age = self.clock.now().millis().saturating_sub(at.load(Ordering::Relaxed));
        // A clock that was set back makes nothing young.
        if age < 0 { i64::MAX } else { age }
    }

    fn known(&self) -> Arc<PublicKeys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look(&self, token: &str) -> Result<Claims, Unverified> {
        self.expected.verify(&self.known(), token, self.clock.now())
    }

    /// Asks for newer keys. While one request does, the others go on with what is known, if anything is.
    async fn renew(&self) {
        match self.asking.try_lock() {
            Ok(_alone) => self.ask_alone().await,
            Err(_) if self.known().is_empty() => drop(self.asking.lock().await),
            Err(_) => {}
        }
    }

    /// Asks for the keys. Whoever comes meanwhile waits, and takes what came of it.
    async fn ask(&self) {
        let _alone = self.asking.lock().await;
        self.ask_alone().await;
    }

    async fn ask_alone(&self) {
        if self.since(&self.asked_at) < PATIENCE {
            return;
        }
        let now = self.clock.now().millis();
        self.asked_at.store(now, Ordering::Relaxed);
        let keys = match tokio::time::timeout(ANSWER, (self.fetch)()).await {
            Ok(Ok(document)) => PublicKeys::from_json(&document),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {ANSWER:?}")),
        };
        // Once more: whoever waited must not find that an answer which was long in coming is long ago.
        self.asked_at.store(self.clock.now().millis(), Ordering::Relaxed);
        match keys {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                self.had_at.store(now, Ordering::Relaxed);
            }
            Err(why) => tracing::warn!(why, "the published keys could not be had; those that are known go on"),
        }
    }

    fn unknown(&self) -> Fault {
        if self.known().is_empty() {
            Fault::Failed(crate::ground::Error::Unavailable(Duration::from_secs(1)))
        } else {
            Fault::Invalid
        }
    }
}

/// Why a request was not let in, as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotVerified(Option<Fault>);

impl IntoResponse for NotVerified {
    fn into_response(self) -> Response {
        let (status, message, challenge) = match self.0 {
            Some(Fault::Failed(_)) => return render::plain(503, Message::Unavailable.text()),
            Some(_) => (401, Message::InvalidToken, r#"Bearer error="invalid_token""#),
            None => (401, Message::NotAuthenticated, "Bearer"),
        };
        let mut response = render::plain(status, message.text());
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for BearerClaims
where
    Jwks: FromRef<S>,
{
    type Rejection = NotVerified;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotVerified> {
        match authorization::presented(&parts.headers) {
            Presented::Nothing => Err(NotVerified(None)),
            Presented::Malformed(..) => Err(NotVerified(Some(Fault::Invalid))),
            Presented::Key(_, token) => {
                Jwks::from_ref(state).verify(token.expose()).await.map(Self).map_err(|fault| NotVerified(Some(fault)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use tokio::sync::Semaphore;
    use tokio::task::{JoinSet, yield_now};

    use super::*;
    use crate::ground::Time;

    #[tokio::test]
    async fn t33_t57_whoever_waits_for_a_server_that_hangs_takes_what_came_of_it() {
        let clock = Clock::manual(Time::from_millis(1_767_225_600_000));
        let (asked, hangs, later) = (Arc::new(AtomicI64::new(0)), Arc::new(Semaphore::new(0)), clock.clone());
        let (count, gate) = (asked.clone(), hangs.clone());
        let keys = Jwks::fetched_by(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (gate, later) = (gate.clone(), later.clone());
            async move {
                later.advance(ANSWER);
                let _open = gate.acquire().await?;
                Err("no answer".into())
            }
        });
        let keys = keys.clock(clock);
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", encode(r#"{"alg":"ES256","typ":"JWT","kid":"x"}"#), encode("{}"), encode("signature"));
        let mut waiting = JoinSet::new();
        for _ in 0..8 {
            let (keys, token) = (keys.clone(), token.clone());
            waiting.spawn(async move { keys.verify(&token).await });
        }
        for _ in 0..100 {
            yield_now().await;
        }
        hangs.add_permits(100);
        while let Some(answer) = waiting.join_next().await {
            assert!(matches!(answer.unwrap(), Err(Fault::Failed(_))), "503: there are no keys");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(matches!(keys.verify(&token).await, Err(Fault::Failed(_))));
        assert_eq!(asked.load(Ordering::SeqCst), 1, "nor does whoever comes a moment later ask again");
    }
}
