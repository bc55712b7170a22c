//! The audit trail: rows that commit with the change they tell of (T81), and the same event in the log.

use serde_json::{Value, json};

use super::{Client, UserId};
use crate::db::Tx;
use crate::ground::{Result, Time, meters};
use crate::params;

/// Something that happened to an account.
#[derive(Clone, Debug)]
pub struct Event {
    name: &'static str,
    user: Option<UserId>,
    data: Value,
}

impl Event {
    /// An event about an account. Names are `noun.verb`, for example `session.opened`.
    pub fn about(user: UserId, name: &'static str) -> Self {
        Self { name, user: Some(user), data: json!({}) }
    }

    /// An event about no account, but about the installation itself.
    pub fn of_installation(name: &'static str) -> Self {
        Self { name, user: None, data: json!({}) }
    }

    /// An event by somebody of whom nothing is looked up: the answer must take as long whether or not there is an account (T10).
    pub fn by_somebody(name: &'static str) -> Self {
        Self { name, user: None, data: json!({}) }
    }

    /// What happened, for example `session.opened`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The account that it happened to, if it is known.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The details, an object by name. None of them is a secret.
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// The event with a detail, which must not be a secret.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data[key] = value.into();
        self
    }

    /// Writes the row, in the unit of the change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record(&self, tx: &Tx, now: Time, who: &Client) -> Result<()> {
        let (user, ip) = (self.user.map(UserId::as_i64), who.ip_text());
        tx.run(
            "INSERT INTO auth_audit (at, event, user_id, ip, request_id, data) VALUES ($1, $2, $3, $4, $5, $6::jsonb)",
            params![now, self.name, user, ip.as_deref(), &who.request_id, &self.data],
        )
        .await?;
        Ok(())
    }

    /// Tells the log, the counters and the host's [`crate::Hooks::on_event`], once the change is safe.
    pub fn log(&self, who: &Client) {
        if let Some(listener) = &who.listener {
            listener.tell(self);
        }
        metrics::counter!(meters::EVENTS, "event" => self.name).increment(1);
        tracing::info!(
            target: "vestibule::audit",
            event = self.name,
            user = self.user.map(UserId::as_i64),
            ip = who.ip_text(),
            request_id = %who.request_id,
            data = %self.data,
            "audit"
        );
    }
}
