//! What is done behind the server's back, through the library on the same database.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::runtime::{self, Runtime};
use vestibule::accounts::sessions::Method;
use vestibule::accounts::tokens::{self, Purpose};
use vestibule::accounts::users::User;
use vestibule::accounts::{Client, UserId, admin, identities, login, pairs};
use vestibule::ground::names::EmailAddress;
use vestibule::ground::secrets::Digest;
use vestibule::ground::{Clock, Entropy, Error, Secret};
use vestibule::{Auth, Settings, params};

use crate::compare;

/// How long the outbox may take to be empty.
const DRAIN: Duration = Duration::from_secs(5);

/// The library on the database of a running server.
pub struct Library {
    auth: Auth,
    runtime: Runtime,
}

/// What a fixture needs to know of one account.
struct Account {
    id: UserId,
    epoch: i64,
}

impl Library {
    /// Opens the database of a server with the server's own settings.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open(settings: &Value) -> Result<Self, String> {
        let settings: Settings = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let auth = runtime.block_on(Auth::builder(settings).build()).map_err(|error| error.to_string())?;
        Ok(Self { auth, runtime })
    }

    /// Makes an account; its number. An address that another account holds is left out, as no two accounts have one here.
    ///
    /// # Errors
    /// What the library says.
    pub fn create_user(&self, args: &Value) -> Result<i64, String> {
        let text = |name: &str| args.get(name).and_then(Value::as_str).map(str::to_owned);
        let email = text("email").filter(|email| self.user(email).is_err());
        let account = admin::NewAccount {
            username: text("username"),
            email,
            email_verified: args.get("email_address").and_then(Value::as_str) == Some("verified"),
            password: text("password").map(Secret::from),
            is_staff: args.get("is_staff") == Some(&Value::Bool(true)),
            profile: self.profile(args.as_object()),
        };
        let user = self.runtime.block_on(admin::create_user(&self.auth, account)).map_err(told)?;
        if args.get("is_active") == Some(&Value::Bool(false)) {
            self.runtime.block_on(admin::disable(&self.auth, user.id)).map_err(told)?;
        }
        Ok(user.id.as_i64())
    }

    fn profile(&self, args: Option<&Map<String, Value>>) -> Vec<(String, String)> {
        let declared = &self.auth.settings().user.fields;
        let given = args.into_iter().flatten();
        let given = given.filter(|(name, _)| declared.iter().any(|field| field.name == **name));
        given.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    fn user(&self, name: &str) -> Result<User, String> {
        self.runtime.block_on(admin::find(&self.auth, name)).map_err(|error| format!("{name}: {}", told(error)))
    }

    fn account(&self, name: &str) -> Result<Account, String> {
        self.user(name).map(|user| Account { id: user.id, epoch: user.epoch })
    }

    /// Enables or disables an account.
    ///
    /// # Errors
    /// What the library says.
    pub fn set_active(&self, name: &str, active: bool) -> Result<(), String> {
        let account = self.account(name)?;
        let done = self.runtime.block_on(async {
            if active { admin::enable(&self.auth, account.id).await } else { admin::disable(&self.auth, account.id).await }
        });
        done.map(|_| ()).map_err(told)
    }

    /// Takes the password away.
    ///
    /// # Errors
    /// What the database says.
    pub fn remove_password(&self, name: &str) -> Result<(), String> {
        let account = self.account(name)?;
        self.run(move |id| (("UPDATE auth_users SET password = NULL WHERE id = $1"), vec![id]), account.id)
    }

    /// Removes an account with all that belongs to it.
    ///
    /// # Errors
    /// What the database says.
    pub fn delete_user(&self, name: &str) -> Result<(), String> {
        let account = self.account(name)?;
        self.run(|id| ("DELETE FROM auth_users WHERE id = $1", vec![id]), account.id)
    }

    /// Connects an identity at a provider to an account.
    ///
    /// # Errors
    /// What the database says.
    pub fn connect(&self, name: &str, provider: &str, subject: &str) -> Result<(), String> {
        let (account, now) = (self.account(name)?, self.auth.clock().now());
        let (provider, subject) = (provider.to_owned(), subject.to_owned());
        let done = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            let issuer = format!("https://{provider}.recorded.example");
            let claimed = identities::claim(&tx, &provider, &issuer, &subject, now).await?;
            let claimed = claimed.ok_or_else(|| Error::internal("the identity is somebody's"))?;
            identities::give(&tx, claimed, account.id, true).await
        }));
        done.map_err(told)
    }

    /// Marks an address as proven or not.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_email_verified(&self, name: &str, verified: bool) -> Result<(), String> {
        let account = self.account(name)?;
        let now = self.auth.clock().now().millis();
        if verified {
            let sql = "UPDATE auth_users SET email_verified_at = $2, email_owner = email_key WHERE id = $1";
            return self.run(move |id| (sql, vec![id, now]), account.id);
        }
        self.run(|id| ("UPDATE auth_users SET email_verified_at = NULL WHERE id = $1", vec![id]), account.id)
    }

    fn run(&self, statement: impl FnOnce(i64) -> (&'static str, Vec<i64>), id: UserId) -> Result<(), String> {
        let (sql, numbers) = statement(id.as_i64());
        let done = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            let params: Vec<vestibule::db::Param<'_>> = numbers.iter().map(|number| (*number).into()).collect();
            tx.run(sql, &params).await.map_err(Error::from)
        }));
        match done {
            Ok(1) => Ok(()),
            Ok(rows) => Err(format!("{rows} rows instead of one: {sql}")),
            Err(error) => Err(told(error)),
        }
    }

    /// Opens a session of an account, also of a disabled one; its key.
    ///
    /// # Errors
    /// What the database says.
    pub fn make_token(&self, name: &str) -> Result<String, String> {
        let account = self.account(name)?;
        let key = hex::encode(Entropy::System.bytes::<20>().map_err(told)?);
        let sid = hex::encode(Entropy::System.bytes::<16>().map_err(told)?);
        let hash = Digest::of(key.as_bytes());
        let now = self.auth.clock().now();
        let ends = now.plus(self.auth.settings().tokens.absolute_ttl.duration());
        let sql = concat!(
            "INSERT INTO auth_sessions (key_hash, sid, user_id, epoch, created_at, last_seen_at, expires_at, method) ",
            "VALUES ($1, $2, $3, $4, $5, $5, $6, 'password')"
        );
        let made = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            let (id, epoch) = (account.id.as_i64(), account.epoch);
            tx.run(sql, params![hash.as_bytes(), sid.as_str(), id, epoch, now.millis(), ends.millis()]).await.map_err(Error::from)
        }));
        made.map_err(told)?;
        Ok(key)
    }

    /// Makes what a mail would have carried: the name of the account in links, and the token. One that was made `age` seconds
    /// ago may have expired.
    ///
    /// # Errors
    /// What the library says.
    pub fn make_link(&self, purpose: Purpose, name: &str, age: i64) -> Result<(String, String), String> {
        let user = self.user(name)?;
        let uid = self.auth.uid(user.id);
        let address = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok()).ok_or("no address")?;
        let auth = self.auth.clone();
        let made = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            let issued = tokens::issue(&auth, &tx, purpose, &user, (address.shown(), address.key())).await?;
            let sql = "UPDATE auth_tokens SET expires_at = expires_at - $2 WHERE hash = $1";
            let hash = Digest::of(issued.token.expose().as_bytes());
            tx.run(sql, params![hash.as_bytes(), age.saturating_mul(1_000)]).await?;
            Ok::<_, Error>(issued.token.expose().to_owned())
        }));
        made.map(|token| (uid, token)).map_err(told)
    }

    /// Makes a JSON Web Token of an account as a login made it `age` seconds ago; for another account's number, one that counts
    /// for nobody.
    ///
    /// # Errors
    /// What the library says.
    pub fn make_jwt(&self, name: &str, kind: &str, age: i64, instead: Option<i64>) -> Result<String, String> {
        let user = self.user(name)?;
        let (auth, id, epoch) = (self.auth.clone(), user.id, user.epoch);
        let (ago, user_is_active) = (Duration::from_secs(age.unsigned_abs()), user.is_active);
        let granted = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            // A token of a disabled account was made before.
            tx.run("UPDATE auth_users SET is_active = TRUE WHERE id = $1", params![id.as_i64()]).await?;
            let granted = login::finish(&auth, &tx, &Client::command_line(), id, epoch, Method::Password).await?;
            tx.run("UPDATE auth_users SET is_active = $2 WHERE id = $1", params![id.as_i64(), user_is_active]).await?;
            Ok::<_, Error>(granted)
        }));
        let mut session = granted.map_err(told)?.session;
        session.generation_at = session.generation_at.minus(ago);
        let whose = instead.map_or(user.id, UserId::from_i64);
        let then = self.auth.clock().now().minus(ago);
        let pair = self.runtime.block_on(async {
            let settings = self.auth.settings().clone();
            let past = Auth::builder(settings).clock(Clock::manual(then)).build().await.map_err(|error| error.to_string())?;
            pairs::of(&past, whose, &session).await.map_err(told)
        })?;
        let minted = if kind == "refresh" { pair.refresh.ok_or("no refresh token")? } else { pair.access };
        Ok(minted.token.expose().to_owned())
    }

    /// By what an account may be called in a request, in small letters.
    pub fn names(&self, name: &str) -> Vec<String> {
        let Ok(user) = self.user(name) else { return vec![name.to_lowercase()] };
        [user.username, user.email].into_iter().flatten().map(|name| name.to_lowercase()).collect()
    }

    /// The address of the account whose session a key opens.
    ///
    /// # Errors
    /// What the database says.
    pub fn address_of(&self, key: &str) -> Result<Option<String>, String> {
        let hash = Digest::of(key.as_bytes());
        let sql = "SELECT u.email FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id WHERE s.key_hash = $1";
        let found = self.runtime.block_on(self.auth.db().one::<(Option<String>,)>(sql, params![hash.as_bytes()]));
        found.map(|row| row.and_then(|(email,)| email)).map_err(|error| format!("{error:?}"))
    }

    /// Keeps aside what a request may change that should change nothing: sessions, links, and of each account its password, its
    /// proof and its epoch.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep(&self) -> Result<(), String> {
        self.statements(&[
            "DROP TABLE IF EXISTS kept_users",
            "DROP TABLE IF EXISTS kept_sessions",
            "DROP TABLE IF EXISTS kept_tokens",
            "CREATE TABLE kept_users AS SELECT id, password, email_verified_at, email_owner, epoch FROM auth_users",
            "CREATE TABLE kept_sessions AS SELECT * FROM auth_sessions",
            "CREATE TABLE kept_tokens AS SELECT * FROM auth_tokens",
        ])
    }

    /// Puts that back.
    ///
    /// # Errors
    /// What the database says.
    pub fn restore(&self) -> Result<(), String> {
        self.statements(&[
            concat!(
                "UPDATE auth_users SET password = k.password, email_verified_at = k.email_verified_at, email_owner = k.email_owner, ",
                "epoch = k.epoch FROM kept_users k WHERE k.id = auth_users.id"
            ),
            "DELETE FROM auth_sessions",
            "INSERT INTO auth_sessions SELECT * FROM kept_sessions",
            "DELETE FROM auth_tokens",
            "INSERT INTO auth_tokens SELECT * FROM kept_tokens",
        ])
    }

    fn statements(&self, all: &'static [&'static str]) -> Result<(), String> {
        let done = self.runtime.block_on(self.auth.db().unit(move |tx| async move {
            for sql in all {
                tx.run(sql, params![]).await?;
            }
            Ok::<_, Error>(())
        }));
        done.map_err(told)
    }

    /// Waits until no mail is left to be sent.
    ///
    /// # Errors
    /// What the database says, and when it takes too long.
    pub fn wait_for_mail(&self) -> Result<(), String> {
        let sql = "SELECT count(*) FROM auth_jobs WHERE given_up_at IS NULL";
        let began = Instant::now();
        while began.elapsed() < DRAIN {
            let left = self.runtime.block_on(self.auth.db().one::<(i64,)>(sql, params![]));
            match left.map_err(|error| format!("{error:?}"))? {
                Some((0,)) | None => return Ok(()),
                Some(_) => sleep(Duration::from_millis(3)),
            }
        }
        Err(format!("mails are still waiting after {} s", DRAIN.as_secs()))
    }

    /// Whether a key or a token still opens a session.
    ///
    /// # Errors
    /// What the database says.
    pub fn is_live(&self, key: &str) -> Result<bool, String> {
        let hash = Digest::of(key.as_bytes());
        let sid = compare::session(key).unwrap_or_default();
        let sql = concat!(
            "SELECT s.user_id FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id AND u.epoch = s.epoch ",
            "WHERE s.key_hash = $1 OR s.sid = $2"
        );
        let found = self.runtime.block_on(self.auth.db().one::<(i64,)>(sql, params![hash.as_bytes(), sid.as_str()]));
        found.map(|row| row.is_some()).map_err(|error| format!("{error:?}"))
    }
}

fn told(error: Error) -> String {
    format!("{error:?}")
}
