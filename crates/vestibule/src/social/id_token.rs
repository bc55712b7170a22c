//! What makes an ID token count (OpenID Connect Core §3.1.3.7, RFC 8725; T48).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::ground::Time;

use super::discovery::TENANT;

/// How far two clocks may be apart.
const SKEW: Duration = Duration::from_secs(60);

/// How old a token may be that the provider gave to us for a code.
const FRESH: Duration = Duration::from_secs(600);

/// How old a token may be that an app brings: providers make them for an hour.
const BROUGHT: Duration = Duration::from_secs(2 * 3600);

/// The most bytes of a subject (OpenID Connect Core §2).
const LONGEST_SUBJECT: usize = 255;

/// How a token came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came<'a> {
    /// For a code, from the provider itself; with the nonce of the request where we made the request.
    ForCode(Option<&'a str>),
    /// A client brought it. `foreign_azp`: it may have been made for an app whose back end we are.
    Brought {
        /// Whether `azp` may name another client.
        foreign_azp: bool,
    },
}

/// What the claims must say.
pub(super) struct Expected<'a> {
    /// The issuer, or the template for it.
    pub(super) issuer: &'a str,
    /// The client.
    pub(super) client: &'a str,
    /// How the token came.
    pub(super) came: Came<'a>,
    /// The present moment.
    pub(super) now: Time,
}

/// The claims as far as they decide anything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Who made the token, to the letter.
    pub(super) issuer: String,
    /// When it ends.
    pub(super) expires_at: Time,
}

/// Checks the claims of a token whose signature counts.
///
/// # Errors
/// What is wrong, for the log.
pub(super) fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<Checked, String> {
    let issuer = issuer(claims, expected.issuer)?;
    audience(claims, expected)?;
    let expires_at = times(claims, expected)?;
    nonce(claims, expected.came)?;
    subject(claims)?;
    Ok(Checked { issuer, expires_at })
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}

fn issuer(claims: &Map<String, Value>, expected: &str) -> Result<String, String> {
    let theirs = text(claims, "iss").ok_or("iss is missing")?;
    let wanted = match text(claims, "tid") {
        Some(tenant) if expected.contains(TENANT) && is_tenant(tenant) => expected.replace(TENANT, tenant),
        _ if expected.contains(TENANT) => return Err("tid is missing or no tenant".into()),
        _ => expected.to_owned(),
    };
    if theirs == wanted { Ok(wanted) } else { Err(format!("iss is not {wanted}")) }
}

/// A GUID: nothing else may stand in the template's place, or it would name another path.
fn is_tenant(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn audience(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), String> {
    let audiences: Vec<&Value> = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().collect(),
        Some(one) => vec![one],
        None => return Err("aud is missing".into()),
    };
    if !audiences.iter().any(|audience| audience.as_str() == Some(expected.client)) {
        return Err("aud does not name this client".into());
    }
    let foreign = matches!(expected.came, Came::Brought { foreign_azp: true }) && audiences.len() == 1;
    match claims.get("azp") {
        None if audiences.len() > 1 => Err("aud names several, and azp is missing".into()),
        Some(party) if party.as_str() != Some(expected.client) && !foreign => Err("azp names another client".into()),
        _ => Ok(()),
    }
}

fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Time>, String> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_i64().or_else(|| value.as_f64().filter(|f| f.abs() < 1e15).map(|f| f as i64));
    let seconds = seconds.ok_or_else(|| format!("{name} is no number"))?;
    Ok(Some(Time::from_millis(seconds.saturating_mul(1000))))
}

fn times(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<Time, String> {
    let now = expected.now;
    let expires_at = moment(claims, "exp")?.ok_or("exp is missing")?;
    if now >= expires_at.plus(SKEW) {
        return Err("expired".into());
    }
    let made_at = moment(claims, "iat")?.ok_or("iat is missing")?;
    let oldest = if matches!(expected.came, Came::ForCode(_)) { FRESH } else { BROUGHT };
    if made_at > now.plus(SKEW) || now > made_at.plus(oldest).plus(SKEW) {
        return Err("iat is not of now".into());
    }
    if moment(claims, "nbf")?.is_some_and(|from| from > now.plus(SKEW)) {
        return Err("nbf is in the future".into());
    }
    Ok(expires_at)
}

fn nonce(claims: &Map<String, Value>, came: Came<'_>) -> Result<(), String> {
    match came {
        Came::ForCode(Some(nonce)) if text(claims, "nonce") != Some(nonce) => Err("nonce is not that of the request".into()),
        _ => Ok(()),
    }
}

fn subject(claims: &Map<String, Value>) -> Result<(), String> {
    match text(claims, "sub") {
        Some(subject) if fits(subject) => Ok(()),
        _ => Err("sub is missing, empty or too long".into()),
    }
}

/// Whether a text can name a person for ever.
pub(super) fn fits(subject: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://idp.example.test";
    const NOW: i64 = 1_767_225_600;

    fn claims(change: Value) -> Map<String, Value> {
        let mut all = json!({ "iss": ISSUER, "aud": "us", "sub": "123", "exp": NOW + 300, "iat": NOW, "nonce": "n" });
        for (name, value) in change.as_object().unwrap() {
            all[name] = value.clone();
        }
        let mut all = all.as_object().unwrap().clone();
        all.retain(|_, value| *value != json!("absent"));
        all
    }

    fn judged(change: Value, issuer: &str, came: Came<'_>) -> Result<Checked, String> {
        check(&claims(change), &Expected { issuer, client: "us", came, now: Time::from_millis(NOW * 1000) })
    }

    #[test]
    fn t48_each_claim_must_be_right() {
        for (change, fits) in [
            (json!({}), true),
            (json!({ "aud": ["us"] }), true),
            (json!({ "aud": ["us", "them"], "azp": "us" }), true),
            (json!({ "azp": "us" }), true),
            (json!({ "exp": NOW - 30 }), true),
            (json!({ "iat": NOW + 30 }), true),
            (json!({ "iat": NOW as f64 - 0.5 }), true),
            (json!({ "iss": "https://evil.test" }), false),
            (json!({ "iss": "https://idp.example.test/" }), false),
            (json!({ "iss": "absent" }), false),
            (json!({ "iss": [ISSUER] }), false),
            (json!({ "aud": "them" }), false),
            (json!({ "aud": "absent" }), false),
            (json!({ "aud": [] }), false),
            (json!({ "aud": ["them"] }), false),
            (json!({ "aud": ["us", "them"] }), false),
            (json!({ "aud": ["us", "them"], "azp": "them" }), false),
            (json!({ "azp": "them" }), false),
            (json!({ "azp": null }), false),
            (json!({ "exp": NOW - 61 }), false),
            (json!({ "exp": "absent" }), false),
            (json!({ "exp": "1767225900" }), false),
            (json!({ "iat": NOW - 86_400 }), false),
            (json!({ "iat": NOW + 86_400 }), false),
            (json!({ "iat": "absent" }), false),
            (json!({ "nbf": NOW + 3600 }), false),
            (json!({ "nonce": "other" }), false),
            (json!({ "nonce": "absent" }), false),
            (json!({ "nonce": ["n"] }), false),
            (json!({ "sub": "absent" }), false),
            (json!({ "sub": "" }), false),
            (json!({ "sub": 123 }), false),
            (json!({ "sub": "x".repeat(255) }), true),
            (json!({ "sub": "x".repeat(300) }), false),
        ] {
            assert_eq!(judged(change.clone(), ISSUER, Came::ForCode(Some("n"))).is_ok(), fits, "{change}");
        }
    }

    #[test]
    fn t50_a_token_that_a_client_brings_is_for_us_and_recent() {
        let brought = Came::Brought { foreign_azp: false };
        let app = Came::Brought { foreign_azp: true };
        for (came, change, fits) in [
            (brought, json!({ "nonce": "whatever", "iat": NOW - 3600 }), true),
            (brought, json!({ "aud": "them" }), false),
            (brought, json!({ "azp": "app" }), false),
            (brought, json!({ "iat": NOW - 86_400 }), false),
            (app, json!({ "azp": "app" }), true),
            (app, json!({ "aud": ["us", "them"], "azp": "app" }), false),
            (app, json!({ "aud": "them", "azp": "us" }), false),
        ] {
            assert_eq!(judged(change.clone(), ISSUER, came).is_ok(), fits, "{came:?} {change}");
        }
    }

    #[test]
    fn a_tenant_is_told_by_the_token_and_is_part_of_the_issuer() {
        let template = "https://login.example.test/{tenantid}/v2.0";
        let tenant = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let own = format!("https://login.example.test/{tenant}/v2.0");
        let came = Came::ForCode(None);
        let checked = judged(json!({ "iss": own, "tid": tenant }), template, came).unwrap();
        assert_eq!(checked.issuer, own);
        for change in [
            json!({ "iss": own }),
            json!({ "iss": own, "tid": "1f8fad5b-d9cb-469f-a165-70867728950e" }),
            json!({ "iss": "https://login.example.test/x/../y/v2.0", "tid": "x/../y" }),
            json!({ "iss": template, "tid": "{tenantid}" }),
        ] {
            assert!(judged(change.clone(), template, came).is_err(), "{change}");
        }
    }
}
