//! How often something may be tried.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::units::{parse_span, write_span};

/// Whose tries are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything from one source address; answered with 429.
    Ip,
    /// Everything about one account, from anywhere.
    Account,
    /// Everything about one account from one source address.
    AccountIp,
}

impl Scope {
    const ALL: [(&str, Self); 3] = [("ip", Self::Ip), ("account", Self::Account), ("account+ip", Self::AccountIp)];

    /// The word for it in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Account => "account",
            Self::AccountIp => "account+ip",
        }
    }
}

/// At most `count` tries in each `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many tries are allowed; at least one.
    pub count: u32,
    /// The time in which they are counted; at least a second.
    pub period: Duration,
    /// Whose tries they are.
    pub scope: Scope,
}

/// All limits of one action: every one of them must allow the try. Empty is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RateLimits(Vec<Rate>);

impl RateLimits {
    /// The limits in the order in which they were written.
    pub fn rates(&self) -> &[Rate] {
        &self.0
    }
}

impl FromIterator<Rate> for RateLimits {
    fn from_iter<I: IntoIterator<Item = Rate>>(rates: I) -> Self {
        Self(rates.into_iter().collect())
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("has a limit `{text}` {why}");
        let mut parts = text.splitn(3, '/').map(str::trim);
        let (Some(count), Some(period), Some(scope)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("that is not of the form N/period/scope"));
        };
        let count = count.parse().ok().filter(|n| *n > 0).ok_or_else(|| wrong("whose number is not 1 or more"))?;
        let period = parse_span(period, true).filter(|p| *p >= Duration::from_secs(1));
        let period = period.ok_or_else(|| wrong("whose period is not a span of a second or more"))?;
        let scope = Scope::ALL.into_iter().find(|(word, _)| *word == scope).map(|(_, scope)| scope);
        let scope = scope.ok_or_else(|| wrong("whose scope is not ip, account or account+ip"))?;
        Ok(Self { count, period, scope })
    }
}

impl FromStr for RateLimits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|rate| rate.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<String> for RateLimits {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = write_span(self.period);
        let period = match period.as_str() {
            // A day is written as hours where it is a limit, as in the defaults.
            "1d" => "24h",
            "1h" => "h",
            "1m" => "m",
            "1s" => "s",
            other => other,
        };
        write!(f, "{}/{period}/{}", self.count, self.scope.word())
    }
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rate) in self.0.iter().enumerate() {
            write!(f, "{}{rate}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Serialize for RateLimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for RateLimits {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RateLimits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "rates" })
    }
}

/// How often things may be tried.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Whether limits count at all; `false` is refused in production.
    pub enabled: bool,
    /// Attempts to log in, to prove a password once more and to change it; the scope is `ip`.
    pub login: RateLimits,
    /// Failed attempts to log in, and wrong old passwords.
    pub login_failed: RateLimits,
    /// Attempts to make an account; the scope is `ip`.
    pub registration: RateLimits,
    /// Requests for mails (a reset, another verification, another address), and attempts to use their links and codes; the scope is `ip`.
    pub reset: RateLimits,
    /// Mails to one address, of all kinds together; what goes beyond is dropped silently; the scope is `account`.
    pub mail: RateLimits,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |count, minutes: u64, scope| Rate { count, period: Duration::from_secs(minutes * 60), scope };
        let one = |count, minutes, scope| RateLimits(vec![rate(count, minutes, scope)]);
        Self {
            enabled: true,
            login: one(30, 1, Scope::Ip),
            login_failed: RateLimits(vec![
                rate(10, 1, Scope::Ip),
                rate(10, 5, Scope::AccountIp),
                rate(100, 24 * 60, Scope::Account),
            ]),
            registration: one(20, 1, Scope::Ip),
            reset: one(20, 1, Scope::Ip),
            mail: one(3, 60, Scope::Account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limits_are_those_of_the_contract() {
        let limits = Limits::default();
        assert!(limits.enabled);
        assert_eq!(limits.login.to_string(), "30/m/ip");
        assert_eq!(limits.login_failed.to_string(), "10/m/ip, 10/5m/account+ip, 100/24h/account");
        assert_eq!(limits.registration.to_string(), "20/m/ip");
        assert_eq!(limits.reset.to_string(), "20/m/ip");
        assert_eq!(limits.mail.to_string(), "3/h/account");
    }

    #[test]
    fn limits_are_read_and_written_back() {
        for text in ["10/m/ip, 10/5m/account+ip, 100/24h/account", "1/s/ip", "7/90s/account", ""] {
            assert_eq!(text.parse::<RateLimits>().unwrap().to_string(), text);
        }
        assert!(" ".parse::<RateLimits>().unwrap().rates().is_empty());
        let spaced = " 5 / 2m / ip ,1/h/account".parse::<RateLimits>().unwrap();
        assert_eq!(spaced.rates()[0], Rate { count: 5, period: Duration::from_secs(120), scope: Scope::Ip });
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_reason() {
        for (text, why) in [
            ("10", "form"),
            ("10/m", "form"),
            ("0/m/ip", "number"),
            ("-1/m/ip", "number"),
            ("10/x/ip", "period"),
            ("10/0s/ip", "period"),
            ("10/500ms/ip", "period"),
            ("10/m/user", "scope"),
            ("10/m/ip,", "form"),
            ("10/m/ip/x", "scope"),
        ] {
            assert!(text.parse::<RateLimits>().unwrap_err().contains(why), "{text:?}");
        }
    }
}
