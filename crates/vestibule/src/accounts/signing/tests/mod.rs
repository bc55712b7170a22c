//! Tokens and keys without a request.

mod keys;
mod legacy;
mod mutations;
mod reading;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::ground::{Clock, Entropy};
use crate::testing::app::{BEGINNING, settings};
use crate::testing::databases::{self, TestDb};

pub(super) const ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256];

pub(super) const SID: &str = "0123456789abcdef0123456789abcdef";

/// What signs, on a database of its own, with a clock that is moved by hand.
pub(super) struct Place {
    pub(super) signing: Signing,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) database: TestDb,
}

pub(super) fn master() -> MasterKey {
    MasterKey::new(&"a-test-key-of-32-characters-or-more".into()).unwrap()
}

impl Place {
    pub(super) async fn new(change: impl Fn(&mut Settings)) -> Self {
        Self::on(databases::fresh_sqlite().await, change).await
    }

    pub(super) async fn on(database: TestDb, change: impl Fn(&mut Settings)) -> Self {
        let mut settings = settings(&database.url);
        change(&mut settings);
        let clock = Clock::manual(BEGINNING);
        let signing = open(&database, &settings, &clock).await.unwrap();
        Self { signing, settings, clock, database }
    }

    /// What another process would be.
    pub(super) async fn twin(&self) -> Signing {
        open(&self.database, &self.settings, &self.clock).await.unwrap()
    }

    pub(super) async fn access(&self) -> String {
        let ends = BEGINNING.plus(Duration::from_secs(86_400));
        let minted = self.signing.access(UserId::from_i64(42), SID, ends, &Map::new()).await.unwrap();
        minted.token.expose().to_owned()
    }

    pub(super) async fn refresh(&self, number: i64) -> String {
        let (issued_at, expires_at) = (BEGINNING, BEGINNING.plus(Duration::from_secs(86_400)));
        let generation = Generation { user: UserId::from_i64(42), sid: SID, number, issued_at, expires_at };
        self.signing.refresh(generation).await.unwrap().token.expose().to_owned()
    }

    /// A token with these claims, signed by the key that signs.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&claims.to_string())
    }

    pub(super) fn sign_text(&self, payload: &str) -> String {
        let ring = self.signing.current();
        ring.signer(self.clock.now()).unwrap().sign(payload).unwrap().expose().to_owned()
    }

    /// Claims that count for an hour.
    pub(super) fn claims(&self) -> Value {
        let now = self.clock.now().millis() / 1000;
        json!({ "token_type": "access", "exp": now + 3600, "iat": now, "jti": "j", "user_id": "42", "sid": SID })
    }
}

pub(super) async fn open(database: &TestDb, settings: &Settings, clock: &Clock) -> Result<Signing, String> {
    // Two processes never draw the same key.
    static SEED: AtomicU64 = AtomicU64::new(1);
    let entropy = Entropy::seeded(SEED.fetch_add(1, Ordering::Relaxed));
    Signing::open(settings, &database.db, &master(), clock, &entropy).await
}

/// The parts of a token as JSON.
pub(super) fn opened(token: &str) -> (Value, Value) {
    use base64::Engine as _;
    let part = |number: usize| {
        let text = token.split('.').nth(number).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    (part(0), part(1))
}
