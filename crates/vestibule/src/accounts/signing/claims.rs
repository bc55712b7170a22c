//! What a token says, written as simplejwt writes it, and read with nothing taken for granted (T34).

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::accounts::UserId;
use crate::ground::{Error, Result, Time};
use crate::settings::Settings;
use crate::settings::signing::CLAIMS;

use super::Fault;

/// What a token is for. One kind is never taken for the other (T35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// What a token says of its bearer, verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// The account.
    pub user: UserId,
    /// The session. Nothing in a token of the system before this one, which names none.
    pub sid: Option<String>,
    /// The token's own name.
    pub jti: String,
    /// When it was made; whole seconds.
    pub issued_at: Time,
    /// When it ends; whole seconds.
    pub expires_at: Time,
    /// What the host's `claims` hook said.
    pub more: Map<String, Value>,
}

/// What is written into a token, beside what the settings add.
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) user: UserId,
    pub(super) sid: &'a str,
    pub(super) jti: &'a str,
    pub(super) issued_at: Time,
    pub(super) expires_at: Time,
    pub(super) more: &'a Map<String, Value>,
}

/// Which claims count.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The `iss` that a token must have; without one it must have none.
    pub(super) issuer: Option<String>,
    /// The `aud` that a token must have; without one it must have none.
    pub(super) audience: Option<String>,
    /// How far clocks may differ, in seconds.
    pub(super) leeway: i64,
    /// The claim that names the account.
    pub(super) id_claim: String,
}

/// The end of the year 9999: a number beyond it is a mistake.
const LATEST: i64 = 253_402_300_799;

/// By how many seconds the clock of the process that made a token may be ahead of ours, whatever `jwt.leeway` says. It opens
/// nothing: the end of a token is judged strictly.
const AHEAD: i64 = 60;

impl Rules {
    pub(super) fn new(settings: &Settings) -> Self {
        let jwt = &settings.jwt;
        Self {
            issuer: jwt.issuer.clone(),
            audience: jwt.audience.clone(),
            leeway: i64::try_from(jwt.leeway.duration().as_secs()).unwrap_or(0),
            id_claim: settings.user.id_claim.clone(),
        }
    }

    fn is_ours(&self, claim: &str) -> bool {
        CLAIMS.contains(&claim) || claim == self.id_claim
    }

    /// The claims as JSON, in the order in which simplejwt has them.
    ///
    /// # Errors
    /// [`Error::Internal`] when the hook wants to set a claim that is ours.
    pub(super) fn write(&self, draft: &Draft<'_>) -> Result<String> {
        if let Some(name) = draft.more.keys().find(|name| self.is_ours(name)) {
            return Err(Error::internal(format!("the claims hook may not set {name:?}")));
        }
        serde_json::to_string(&Written { rules: self, draft }).map_err(|_| Error::internal("claims could not be written"))
    }

    /// Whether that end is past.
    pub(super) fn is_over(&self, expires_at: Time, now: Time) -> bool {
        seconds(expires_at) <= seconds(now).saturating_sub(self.leeway)
    }

    /// The claims of one of our tokens, whose signature is verified.
    pub(super) fn read(&self, kind: Kind, payload: &[u8], now: Time) -> Result<Claims, Fault> {
        let mut members = members(payload)?;
        let sid = text(&mut members, "sid")?;
        if optional_text(&mut members, "iss")? != self.issuer || optional_text(&mut members, "aud")? != self.audience {
            return Err(Fault::Invalid);
        }
        let user = text(&mut members, &self.id_claim)?;
        self.rest(kind, members, now, number(&user)?, Some(sid))
    }

    /// The claims of a token of the system before this one. It may name the account by a number, and has no session.
    pub(super) fn read_legacy(&self, kind: Kind, payload: &[u8], now: Time) -> Result<Claims, Fault> {
        let mut members = members(payload)?;
        for (name, ours) in [("iss", &self.issuer), ("aud", &self.audience)] {
            let theirs = optional_text(&mut members, name)?;
            if theirs.is_some() && ours.is_some() && theirs != *ours {
                return Err(Fault::Invalid);
            }
        }
        let user = match members.swap_remove(&self.id_claim) {
            Some(Value::Number(n)) => UserId::from_i64(n.as_i64().ok_or(Fault::Invalid)?),
            Some(Value::String(text)) => number(&text)?,
            _ => return Err(Fault::Invalid),
        };
        self.rest(kind, members, now, user, None)
    }

    fn rest(
        &self,
        kind: Kind,
        mut members: Map<String, Value>,
        now: Time,
        user: UserId,
        sid: Option<String>,
    ) -> Result<Claims, Fault> {
        let (word, jti) = (text(&mut members, "token_type")?, text(&mut members, "jti")?);
        let (issued, expires) = (moment(members.swap_remove("iat"))?, moment(members.swap_remove("exp"))?);
        let begins = members.swap_remove("nbf").map(|nbf| moment(Some(nbf))).transpose()?;
        let today = seconds(now);
        let early = begins.is_some_and(|begins| begins > today.saturating_add(self.leeway));
        if early || issued > today.saturating_add(AHEAD.max(self.leeway)) || expires <= issued {
            return Err(Fault::Invalid);
        }
        let expires_at = Time::from_millis(expires * 1000);
        if self.is_over(expires_at, now) {
            return Err(Fault::Expired);
        }
        if word != kind.word() {
            return Err(Fault::WrongType);
        }
        Ok(Claims { user, sid, jti, issued_at: Time::from_millis(issued * 1000), expires_at, more: members })
    }
}

/// Claims on their way into a token, without a tree in between.
struct Written<'a> {
    rules: &'a Rules,
    draft: &'a Draft<'a>,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rules, draft } = self;
        let mut claims = serializer.serialize_map(None)?;
        claims.serialize_entry("token_type", draft.kind.word())?;
        claims.serialize_entry("exp", &seconds(draft.expires_at))?;
        claims.serialize_entry("iat", &seconds(draft.issued_at))?;
        claims.serialize_entry("jti", draft.jti)?;
        claims.serialize_entry(&rules.id_claim, &draft.user.to_string())?;
        claims.serialize_entry("sid", draft.sid)?;
        for (name, value) in [("iss", &rules.issuer), ("aud", &rules.audience)] {
            if let Some(value) = value {
                claims.serialize_entry(name, value)?;
            }
        }
        for (name, value) in draft.more {
            claims.serialize_entry(name, value)?;
        }
        claims.end()
    }
}

fn seconds(at: Time) -> i64 {
    at.millis().div_euclid(1000)
}

/// A number of seconds: a whole number in a sane range, nothing else (CVE-2026-25537).
fn moment(value: Option<Value>) -> Result<i64, Fault> {
    value.and_then(|value| value.as_i64()).filter(|at| (0..=LATEST).contains(at)).ok_or(Fault::Invalid)
}

/// The most characters of a text that we compare or look up.
const LONGEST_TEXT: usize = 255;

fn text(members: &mut Map<String, Value>, name: &str) -> Result<String, Fault> {
    optional_text(members, name)?.filter(|text| !text.is_empty() && text.len() <= LONGEST_TEXT).ok_or(Fault::Invalid)
}

/// A claim that is there but no text is a fault, never "absent".
fn optional_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Fault> {
    match members.swap_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::Invalid),
    }
}

/// An account's number in the one way of writing it.
fn number(text: &str) -> Result<UserId, Fault> {
    let id = text.parse().map(UserId::from_i64).map_err(|_| Fault::Invalid)?;
    if id.to_string() == text { Ok(id) } else { Err(Fault::Invalid) }
}

/// The members of an object, none of which stands there twice.
fn members(json: &[u8]) -> Result<Map<String, Value>, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let members = (&mut reader).deserialize_map(Once).map_err(|_| Fault::Invalid)?;
    reader.end().map_err(|_| Fault::Invalid)?;
    Ok(members)
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        Ok(members)
    }
}
