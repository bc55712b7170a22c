//! JSON Web Tokens for the sessions of a filled database, signed by the library itself with the keys that its servers use.

use std::sync::{Mutex, PoisonError};

use serde_json::Map;
use vestibule::accounts::signing::Generation;
use vestibule::ground::Time;
use vestibule::settings::{Algorithm, Span, TokenMode};
use vestibule::{Auth, Settings, UserId};

use crate::Result;

/// What makes the tokens of a database.
pub(crate) struct Signer {
    auth: Auth,
    sessions: Vec<Session>,
}

struct Session {
    sid: String,
    user: i64,
    created_at: Time,
    expires_at: Time,
}

/// Whoever keeps a session alive.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The account's number.
    pub(crate) user: i64,
    /// The tokens that were given out last.
    pub(crate) pair: Mutex<Pair>,
}

/// The tokens of a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pair {
    /// For requests; nothing before the first refresh.
    pub(crate) access: String,
    /// For the next pair.
    pub(crate) refresh: String,
}

impl Holder {
    /// The tokens that were given out last.
    pub(crate) fn pair(&self) -> Pair {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Signer {
    /// Makes the rows of a filled database those of logins that give tokens, as a server with these settings writes them, and
    /// makes the key if there is none.
    ///
    /// # Errors
    /// When the settings ask for no tokens, and those of the database.
    pub(crate) async fn open(settings: Settings) -> Result<Self> {
        let auth = Auth::builder(settings).build().await?;
        let sql = "UPDATE auth_sessions SET key_hash = substr(key_hash, 1, 16) WHERE length(key_hash) > 16";
        auth.db().unit(move |tx| async move { tx.run(sql, &[]).await }).await?;
        let sql = "SELECT sid, user_id, created_at, expires_at FROM auth_sessions ORDER BY sid";
        let rows = auth.db().all::<(String, i64, i64, i64)>(sql, &[]).await?;
        let session = |(sid, user, created, expires)| Session {
            sid,
            user,
            created_at: Time::from_millis(created),
            expires_at: Time::from_millis(expires),
        };
        Ok(Self { auth, sessions: rows.into_iter().map(session).collect() })
    }

    /// So many access tokens of each session, those of one session not beside each other.
    ///
    /// # Errors
    /// Those of the library.
    pub(crate) async fn access(&self, of_each: u64) -> Result<Vec<String>> {
        let signing = self.auth.signing().map_err(told)?;
        let mut tokens = Vec::new();
        for _ in 0..of_each {
            for Session { sid, user, expires_at, .. } in &self.sessions {
                let minted = signing.access(UserId::from_i64(*user), sid, *expires_at, &Map::new()).await.map_err(told)?;
                tokens.push(minted.token.expose().to_owned());
            }
        }
        Ok(tokens)
    }

    /// The first refresh token of every session.
    ///
    /// # Errors
    /// Those of the library.
    pub(crate) async fn holders(&self) -> Result<Vec<Holder>> {
        let signing = self.auth.signing().map_err(told)?;
        let lives = self.auth.settings().jwt.refresh_ttl.duration();
        let mut holders = Vec::new();
        for Session { sid, user, created_at, expires_at } in &self.sessions {
            let (issued_at, ends) = (*created_at, created_at.plus(lives).min(*expires_at));
            let generation = Generation { user: UserId::from_i64(*user), sid, number: 0, issued_at, expires_at: ends };
            let refresh = signing.refresh(generation).await.map_err(told)?.token.expose().to_owned();
            holders.push(Holder { user: *user, pair: Mutex::new(Pair { access: String::new(), refresh }) });
        }
        Ok(holders)
    }
}

/// The settings of a service that gives tokens. Access tokens live for a day, so that none ends while it is measured.
pub(crate) fn settings(url: &str, secret_key: &str, algorithm: Algorithm) -> Settings {
    let mut settings = Settings { secret_key: Some(secret_key.into()), ..Settings::default() };
    settings.database.url = url.into();
    settings.tokens.mode = TokenMode::Jwt;
    (settings.jwt.algorithm, settings.jwt.access_ttl) = (algorithm, Span::days(1));
    settings
}

/// The same for a server, beside those that every server has.
pub(crate) fn environment(algorithm: Algorithm) -> [(&'static str, &'static str); 3] {
    [("TOKENS__MODE", "jwt"), ("JWT__ALGORITHM", algorithm.word()), ("JWT__ACCESS_TTL", "1d")]
}

fn told(error: vestibule::Error) -> String {
    format!("{error:?}")
}
