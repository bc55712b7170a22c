//! Tokens that simplejwt made, from its recorded vectors.

use super::*;

const SECRET: &str = "lab-secret-key-0123456789abcdefghijklmnopqrstuvwxyz";

fn rows() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("../../../../tests/data/simplejwt.json")).unwrap();
    vectors["rows"].as_array().unwrap().clone()
}

/// A place at the moment when the vectors were made.
async fn place(change: impl Fn(&mut Settings)) -> Place {
    let place = Place::new(|settings| {
        settings.jwt.secret = Some(SECRET.into());
        settings.jwt.accept_legacy_until = "2026-02-01".parse().ok();
        change(settings);
    })
    .await;
    let made: crate::settings::Moment = "2026-01-02T03:04:05Z".parse().unwrap();
    place.clock.advance(BEGINNING.until(made.time()));
    place
}

#[tokio::test]
async fn simplejwts_tokens_are_read_until_the_day_that_is_set() {
    for algorithm in ALGORITHMS {
        let place = place(|settings| settings.jwt.algorithm = algorithm).await;
        for row in rows() {
            let (token, payload) = (row["token"].as_str().unwrap(), row["payload_json"].as_str().unwrap());
            let said: Value = serde_json::from_str(payload).unwrap();
            let is_access = row["kind"] == "access";
            let read = async || {
                if is_access {
                    place.signing.read_access(token).await.map(|claims| (*claims).clone())
                } else {
                    place.signing.read_refresh(token).await
                }
            };
            let claims = read().await.unwrap();
            assert_eq!((claims.user.to_string().as_str(), claims.sid.as_deref()), (said["user_id"].as_str().unwrap(), None));
            assert_eq!((claims.jti.as_str(), claims.issued_at), (said["jti"].as_str().unwrap(), place.clock.now()));
            assert_eq!(claims.expires_at.millis() / 1000, said["exp"].as_i64().unwrap());
            let other = if is_access {
                place.signing.read_refresh(token).await.err()
            } else {
                place.signing.read_access(token).await.err()
            };
            assert_eq!(other, Some(Fault::WrongType));
        }
        place.clock.advance(Duration::from_secs(40 * 86_400));
        for row in rows() {
            assert_eq!(place.signing.read_access(row["token"].as_str().unwrap()).await.unwrap_err(), Fault::Invalid);
        }
    }
}

#[tokio::test]
async fn a_legacy_token_ends_when_simplejwt_ends_it() {
    let place = place(|_| {}).await;
    let row = rows().into_iter().find(|row| row["kind"] == "access").unwrap();
    place.clock.advance(Duration::from_secs(299));
    assert!(place.signing.read_access(row["token"].as_str().unwrap()).await.is_ok());
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(place.signing.read_access(row["token"].as_str().unwrap()).await.unwrap_err(), Fault::Expired);
}

#[tokio::test]
async fn without_the_setting_no_legacy_token_counts() {
    let place = place(|settings| settings.jwt.accept_legacy_until = None).await;
    for row in rows() {
        assert_eq!(place.signing.read_access(row["token"].as_str().unwrap()).await.unwrap_err(), Fault::Invalid);
    }
    let other = Place::new(|settings| {
        settings.jwt.secret = Some("another-key-of-32-characters-or-more".into());
        settings.jwt.accept_legacy_until = "2026-02-01".parse().ok();
    })
    .await;
    for row in rows() {
        assert_eq!(other.signing.read_access(row["token"].as_str().unwrap()).await.unwrap_err(), Fault::Invalid);
    }
}

#[tokio::test]
async fn t35_a_legacy_token_names_no_session_whatever_it_says() {
    let place = place(|_| {}).await;
    let key = KeyPair::from_secret(&SECRET.into()).unwrap();
    // A token that the old system could sign, with a session's name in it; under our own header it is no legacy token.
    let forged = key.sign(&place.claims().to_string()).unwrap();
    assert_eq!(place.signing.read_access(forged.expose()).await.unwrap_err(), Fault::Invalid);
    let message = format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{}", forged.expose().split('.').nth(1).unwrap());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
    use base64::Engine as _;
    let token = format!("{message}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(place.signing.read_access(&token).await.unwrap().sid, None);
}
