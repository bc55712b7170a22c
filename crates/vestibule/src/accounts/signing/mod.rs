//! JSON Web Tokens: the keys that sign them, what they say, and who believes them (RFC 7519, RFC 8725).
//!
//! A key signs from a moment on that all processes know in advance, so a rotation logs nobody out ([`rotation`]). Whatever reads a
//! token here takes the algorithm from the key and the key from the database, never from the token. That a token is sound does not
//! mean that it counts: whoever calls [`Signing::read_access`] asks the session's row.

mod cache;
mod claims;
pub mod elsewhere;
mod jws;
mod legacy;
mod low_s;
mod pair;
mod public;
mod ring;
pub mod rotation;
mod store;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::db::{Db, Tx};
use crate::ground::seal::SealingKey;
use crate::ground::secrets::{Digest, MasterKey};
use crate::ground::{Clock, Entropy, Error, Result, Secret, Time};
use crate::settings::{Algorithm, Settings, TokenMode, read_secret_file};

use super::{Auth, User, UserId};
use cache::{Signed, Verified};
use claims::{Draft, Kind, Rules};
use jws::Parts;
use legacy::Legacy;
use pair::KeyPair;
use ring::Ring;

pub use claims::Claims;
pub use jws::LONGEST;
pub use public::Jwk;

/// How old what this process knows of the keys may be, in milliseconds. The database is asked at most so often, however many
/// tokens name keys that nobody knows (T33).
const FRESH: i64 = 1_000;

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It was one of ours, and is over.
    Expired,
    /// It is a token of the other kind.
    WrongType,
    /// It is no token of ours.
    Invalid,
    /// It could not be judged now.
    Failed(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A token that was made, and when it ends.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token. Shown once.
    pub token: Secret,
    /// When it ends; whole seconds.
    pub expires_at: Time,
}

/// One generation of a session's refresh token (design decision 7). The same values make the same claims again.
#[derive(Clone, Copy, Debug)]
pub struct Generation<'a> {
    /// The account.
    pub user: UserId,
    /// The session.
    pub sid: &'a str,
    /// Which refresh token of the session it is.
    pub number: i64,
    /// When this generation began.
    pub issued_at: Time,
    /// When it ends, if it is not spent before.
    pub expires_at: Time,
}

/// Makes and reads tokens.
pub struct Signing {
    algorithm: Algorithm,
    /// Nothing when the owner gave the key.
    made: Option<Made>,
    rules: Rules,
    legacy: Option<Legacy>,
    access_ttl: Duration,
    names: hmac::Key,
    ring: RwLock<Arc<Ring>>,
    /// Rises whenever other keys count.
    generation: AtomicU64,
    verified: Verified,
    signed: Signed,
    clock: Clock,
    entropy: Entropy,
}

/// Keys that we made ourselves, in the database.
struct Made {
    db: Db,
    seal: SealingKey,
    /// When the database was asked last.
    read_at: AtomicI64,
    /// Whether it had no answer.
    failing: AtomicBool,
    reading: Mutex<()>,
}

impl Signing {
    /// Takes the owner's key, or the keys of the database, where the first is made if there is none (one of several processes
    /// that start at once makes it).
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(crate) async fn open(
        settings: &Settings,
        db: &Db,
        master: &MasterKey,
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, String> {
        let unopened = |error: Error| match error {
            Error::Internal(why) => format!("the signing keys: {why}"),
            other => format!("the signing keys: {other:?}"),
        };
        let algorithm = settings.jwt.algorithm;
        let (made, ring) = match owners_key(settings)? {
            Some(pair) => (None, Ring::of_owner(pair)),
            None => {
                let made = Made::new(db, master).map_err(unopened)?;
                let rows = rotation::first(&made, algorithm, longest(settings), clock.now(), entropy).await.map_err(unopened)?;
                let ring = Ring::of_rows(algorithm, rows, &made.seal, None).map_err(unopened)?;
                (Some(made), ring)
            }
        };
        if let Some(made) = &made {
            made.read_at.store(clock.now().millis(), Ordering::Relaxed);
        }
        Ok(Self {
            algorithm,
            made,
            rules: Rules::new(settings),
            legacy: Legacy::new(settings),
            access_ttl: settings.jwt.access_ttl.duration(),
            names: hmac::Key::new(hmac::HMAC_SHA256, master.derive("refresh token names").map_err(unopened)?.as_ref()),
            ring: RwLock::new(Arc::new(ring)),
            generation: AtomicU64::new(0),
            verified: Verified::default(),
            signed: Signed::default(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        })
    }

    /// Whether [`Signing::open`] would find the keys sound. Makes none, and writes nothing.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(crate) async fn examine(settings: &Settings, db: &Db, master: &MasterKey) -> Result<(), String> {
        let unsound = |error: Error| format!("the signing keys: {error:?}");
        if owners_key(settings)?.is_some() {
            return Ok(());
        }
        let (made, algorithm) = (Made::new(db, master).map_err(unsound)?, settings.jwt.algorithm);
        let rows = store::all(db, algorithm).await.map_err(unsound)?;
        if rows.is_empty() { Ok(()) } else { Ring::of_rows(algorithm, rows, &made.seal, None).map(drop).map_err(unsound) }
    }

    /// An access token of that session. It ends with the session at the latest. `more` is what the `claims` hook says.
    ///
    /// # Errors
    /// [`Error::Internal`] when `more` sets a claim of ours or makes the token too large for a cookie, and those of the database.
    pub async fn access(&self, user: UserId, sid: &str, session_ends: Time, more: &Map<String, Value>) -> Result<Minted> {
        let now = self.clock.now();
        let expires_at = now.plus(self.access_ttl).min(session_ends);
        let jti = hex::encode(self.entropy.bytes::<16>()?);
        let draft = Draft { kind: Kind::Access, user, sid, jti: &jti, issued_at: now, expires_at, more };
        self.mint(&draft).await
    }

    /// A generation of a session's refresh token.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn refresh(&self, generation: Generation<'_>) -> Result<Minted> {
        let Generation { user, sid, number, issued_at, expires_at } = generation;
        let jti = self.jti(sid, number);
        self.mint(&Draft { kind: Kind::Refresh, user, sid, jti: &jti, issued_at, expires_at, more: &Map::new() }).await
    }

    /// The name of a generation of a session's refresh token: who knows one cannot name the next.
    pub fn jti(&self, sid: &str, generation: i64) -> String {
        let tag = hmac::sign(&self.names, format!("{sid}\0{generation}").as_bytes());
        hex::encode(&tag.as_ref()[..16])
    }

    async fn mint(&self, draft: &Draft<'_>) -> Result<Minted> {
        let payload = self.rules.write(draft)?;
        let ring = self.keys().await;
        let token = ring.signer(self.clock.now())?.sign(&payload)?;
        if token.expose().len() > LARGEST {
            return Err(Error::internal(format!("the claims make a token of more than {LARGEST} bytes")));
        }
        if self.verifies_slowly() {
            self.signed.put(Digest::of(token.expose().as_bytes()));
        }
        Ok(Minted { token, expires_at: Time::from_millis(draft.expires_at.millis().div_euclid(1000) * 1000) })
    }

    /// What an access token says. The session is still to be asked for.
    ///
    /// # Errors
    /// Why it does not count.
    pub async fn read_access(&self, token: &str) -> Result<Arc<Claims>, Fault> {
        if token.len() > LONGEST {
            return Err(Fault::Invalid);
        }
        self.keep_fresh().await;
        let (digest, generation) = (Digest::of(token.as_bytes()), self.generation.load(Ordering::Acquire));
        if let Some(claims) = self.verified.get(&digest, generation) {
            return if self.rules.is_over(claims.expires_at, self.clock.now()) { Err(Fault::Expired) } else { Ok(claims) };
        }
        let claims = Arc::new(self.read(Kind::Access, token).await?);
        // Tokens of the system before this one are few, and count until a certain day only. A large one costs its memory.
        if claims.sid.is_some() && token.len() <= LARGEST_REMEMBERED {
            self.verified.put(digest, generation, &claims);
        }
        Ok(claims)
    }

    /// What a refresh token says. Which generation it is, [`Signing::jti`] tells; whether that counts, the session's row.
    ///
    /// # Errors
    /// Why it does not count.
    pub async fn read_refresh(&self, token: &str) -> Result<Claims, Fault> {
        self.read(Kind::Refresh, token).await
    }

    /// The public keys, for others to verify access tokens with. None for `HS256`.
    pub async fn public_keys(&self) -> Vec<Jwk> {
        self.keys().await.public(self.clock.now())
    }

    async fn read(&self, kind: Kind, token: &str) -> Result<Claims, Fault> {
        let parts = Parts::of(token).ok_or(Fault::Invalid)?;
        let Some(kid) = &parts.header.kid else {
            let legacy = self.legacy.as_ref().ok_or(Fault::Invalid)?;
            return legacy.read(&self.rules, kind, &parts, self.clock.now());
        };
        if parts.header.alg != self.algorithm.word() {
            return Err(Fault::Invalid);
        }
        let ring = self.ring_with(kid).await?;
        let key = ring.find(kid, self.clock.now()).ok_or(Fault::Invalid)?;
        let signature = parts.signature().ok_or(Fault::Invalid)?;
        let is_ours = self.verifies_slowly() && self.signed.has(&Digest::of(token.as_bytes()));
        if !is_ours && !key.verifies(parts.message, &signature) {
            return Err(Fault::Invalid);
        }
        self.rules.read(kind, &parts.payload().ok_or(Fault::Invalid)?, self.clock.now())
    }

    /// Whether to verify a signature costs much more than to know it again; an HMAC is a digest itself.
    fn verifies_slowly(&self) -> bool {
        self.algorithm != Algorithm::Hs256
    }

    /// The keys, with that one among them if this process can know of it.
    async fn ring_with(&self, kid: &str) -> Result<Arc<Ring>, Fault> {
        let ring = self.keys().await;
        let Some(made) = &self.made else { return Ok(ring) };
        if ring.find(kid, self.clock.now()).is_some() {
            return Ok(ring);
        }
        // Another request may be reading it in just now.
        drop(made.reading.lock().await);
        if made.failing.load(Ordering::Relaxed) {
            return Err(Fault::Failed(Error::Unavailable(Duration::from_secs(1))));
        }
        Ok(self.current())
    }

    fn current(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn keys(&self) -> Arc<Ring> {
        self.keep_fresh().await;
        self.current()
    }

    /// Reads the keys again if what is known of them is old. One request does, the others go on with what is known.
    async fn keep_fresh(&self) {
        let Some(made) = &self.made else { return };
        let (now, read_at) = (self.clock.now().millis(), made.read_at.load(Ordering::Relaxed));
        // A clock that was set back does not make what is known fresh for years.
        if (0..FRESH).contains(&now.saturating_sub(read_at)) {
            return;
        }
        if made.read_at.compare_exchange(read_at, now, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            let read = Box::pin(self.read_keys(made)).await;
            made.failing.store(read.is_err(), Ordering::Relaxed);
            if let Err(error) = read {
                tracing::warn!(?error, "the signing keys could not be read again; those that are known go on");
            }
        }
    }

    async fn read_keys(&self, made: &Made) -> Result<()> {
        let _alone = made.reading.lock().await;
        let (rows, known) = (store::all(&made.db, self.algorithm).await?, self.current());
        if known.is(&rows) {
            return Ok(());
        }
        let ring = Ring::of_rows(self.algorithm, rows, &made.seal, Some(&known))?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

impl Made {
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(unreachable_code, unused_variables, reason = "built without a database, there is none to keep keys in")
    )]
    fn new(db: &Db, master: &MasterKey) -> Result<Self> {
        let seal = SealingKey::new(master, "signing keys")?;
        Ok(Self { db: db.clone(), seal, read_at: AtomicI64::new(0), failing: AtomicBool::new(false), reading: Mutex::new(()) })
    }
}

/// The most bytes of a token that we make: beside its name and attributes it fits into a cookie of 4096 bytes (T41).
const LARGEST: usize = 3_800;

/// The most bytes of a token that is remembered as verified: what is remembered of all stays under some 40 MiB.
const LARGEST_REMEMBERED: usize = 1_024;

/// How long any token of these settings lives at most, in milliseconds.
fn longest(settings: &Settings) -> i64 {
    let ttl = settings.jwt.access_ttl.max(settings.jwt.refresh_ttl).duration();
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
}

/// The key that the settings give, if they do.
fn owners_key(settings: &Settings) -> Result<Option<KeyPair>, String> {
    let jwt = &settings.jwt;
    if jwt.algorithm == Algorithm::Hs256 {
        let pair = jwt.secret.as_ref().map(|secret| KeyPair::from_secret(secret).ok_or("jwt.secret: is no key"));
        return Ok(pair.transpose()?);
    }
    let Some(path) = &jwt.private_key_file else { return Ok(None) };
    let pem = read_secret_file(path).map_err(|wrong| format!("jwt.private_key_file {}. {}", wrong.what, wrong.remedy))?;
    let pair = KeyPair::from_pem(jwt.algorithm, &pem);
    pair.map(Some).map_err(|what| format!("jwt.private_key_file names the file {}, which {what}.", path.display()))
}

/// Whether anything here makes or takes tokens.
pub(crate) fn is_needed(settings: &Settings) -> bool {
    settings.tokens.mode != TokenMode::Opaque || settings.jwt.accept_legacy_until.is_some()
}

/// What the host's `claims` hook says of that user, for [`Signing::access`]. Runs in the unit of the flow.
///
/// # Errors
/// The hook's own.
pub async fn more_claims(auth: &Auth, tx: &Tx, user: &User) -> Result<Map<String, Value>> {
    let mut more = Map::new();
    auth.hooks.claims(tx, user, &mut more).await?;
    Ok(more)
}

impl Auth {
    /// What makes and reads tokens.
    ///
    /// # Errors
    /// [`Error::Internal`] where nothing needs it: `tokens.mode` is `opaque` and `jwt.accept_legacy_until` is not set.
    pub fn signing(&self) -> Result<&Signing> {
        self.signing.as_ref().ok_or_else(|| Error::internal("no setting asks for JSON Web Tokens"))
    }
}
