//! What a JSON Web Token says, as far as a recording tells: its type, and the claims that every token of the reference has.
//! Signatures are the business of the tests of the library.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Checks the token that stands for a label of that kind; any other label is fine.
///
/// # Errors
/// What is wrong with the token.
pub(super) fn check(label: &str, token: &str) -> Result<(), String> {
    let kind = match label.split([':', '|']).next() {
        Some("jwt_access") => "access",
        Some("jwt_refresh") => "refresh",
        _ => return Ok(()),
    };
    let claims = claims(token).ok_or("a token without claims")?;
    if claims["token_type"] != kind {
        return Err(format!("a token of type {} instead of {kind}", claims["token_type"]));
    }
    let number = |name: &str| claims[name].as_i64().ok_or_else(|| format!("a token whose {name} is {}", claims[name]));
    if number("exp")? <= number("iat")? {
        return Err("a token that has expired when it begins".into());
    }
    match claims["jti"].as_str() {
        Some(jti) if !jti.is_empty() => Ok(()),
        _ => Err(format!("a token whose jti is {}", claims["jti"])),
    }
}

/// The type of a token, unverified.
pub fn token_type(token: &str) -> Option<String> {
    claims(token)?["token_type"].as_str().map(str::to_owned)
}

/// The session of a token, unverified.
pub fn session(token: &str) -> Option<String> {
    claims(token)?["sid"].as_str().map(str::to_owned)
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_of_the_kind_that_was_recorded() {
        let access = token(r#"{"token_type":"access","exp":400,"iat":100,"jti":"a","user_id":"1"}"#);
        assert_eq!(check("jwt_access:1", &access), Ok(()));
        assert!(check("jwt_refresh:1", &access).unwrap_err().contains("instead of refresh"));
        assert!(check("jwt_access", &token(r#"{"token_type":"access","exp":1,"iat":100,"jti":"a"}"#)).is_err());
        assert!(check("jwt_access", &token(r#"{"token_type":"access","exp":400,"iat":100}"#)).is_err());
        assert!(check("jwt_access", "e30").is_err());
        assert_eq!(check("token:1", "e30"), Ok(()), "a key has no claims");
    }
}
