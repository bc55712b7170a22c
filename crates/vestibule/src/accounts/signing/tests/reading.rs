//! What is believed of a token (T32 to T36).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

async fn refuses(place: &Place, token: &str, why: &str) {
    assert_eq!(place.signing.read_access(token).await.unwrap_err(), Fault::Invalid, "{why}");
}

#[tokio::test]
async fn a_token_says_what_simplejwt_says_and_which_session() {
    for algorithm in ALGORITHMS {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let token = place.access().await;
        let (header, claims) = opened(&token);
        assert_eq!((&header["alg"], &header["typ"]), (&algorithm.word().into(), &"JWT".into()));
        let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
        assert_eq!(names, ["token_type", "exp", "iat", "jti", "user_id", "sid"]);
        assert_eq!((&claims["token_type"], &claims["user_id"], &claims["sid"]), (&"access".into(), &"42".into(), &SID.into()));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        let read = place.signing.read_access(&token).await.unwrap();
        assert_eq!((read.user, read.sid.as_deref()), (UserId::from_i64(42), Some(SID)));
        assert_eq!(place.signing.read_access(&token).await.unwrap(), read, "from memory");
        let refresh = place.signing.read_refresh(&place.refresh(3).await).await.unwrap();
        assert_eq!(refresh.jti, place.signing.jti(SID, 3));
        assert_eq!(refresh.expires_at, BEGINNING.plus(Duration::from_secs(86_400)));
    }
}

#[tokio::test]
async fn the_same_generation_is_minted_again_and_each_access_token_is_another() {
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa, Algorithm::Rs256] {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let first = place.refresh(1).await;
        place.clock.advance(Duration::from_secs(5));
        assert_eq!(place.refresh(1).await, first);
        assert_ne!(place.refresh(2).await, first);
        assert_ne!(place.access().await, place.access().await);
    }
    let place = Place::new(|_| {}).await;
    assert_eq!(opened(&place.refresh(1).await), opened(&place.refresh(1).await), "ECDSA signs anew, but says the same");
}

#[tokio::test]
async fn t35_a_token_counts_in_its_own_place_only() {
    let place = Place::new(|_| {}).await;
    let (access, refresh) = (place.access().await, place.refresh(1).await);
    assert_eq!(place.signing.read_access(&refresh).await.unwrap_err(), Fault::WrongType);
    assert_eq!(place.signing.read_refresh(&access).await.unwrap_err(), Fault::WrongType);
    for word in ["Access", "ACCESS", "sliding", ""] {
        let mut claims = place.claims();
        claims["token_type"] = word.into();
        assert!(place.signing.read_access(&place.sign(&claims)).await.is_err(), "{word}");
    }
}

#[tokio::test]
async fn t35_another_installation_signs_with_another_key() {
    let (mine, other) = (Place::new(|_| {}).await, Place::new(|_| {}).await);
    refuses(&mine, &other.access().await, "a key of another database").await;
    assert_ne!(mine.signing.jti(SID, 1), mine.signing.jti(SID, 2));
    assert_ne!(mine.signing.jti(SID, 1), mine.signing.jti("another", 1));
}

#[tokio::test]
async fn an_access_token_ends_with_its_session() {
    let place = Place::new(|_| {}).await;
    let ends = BEGINNING.plus(Duration::from_secs(60));
    let minted = place.signing.access(UserId::from_i64(1), SID, ends, &Map::new()).await.unwrap();
    assert_eq!(minted.expires_at, ends);
    assert_eq!(place.signing.read_access(minted.token.expose()).await.unwrap().expires_at, ends);
}

#[tokio::test]
async fn the_hook_adds_claims_but_changes_none_of_ours() {
    let place = Place::new(|_| {}).await;
    let mint = async |more: Value| {
        let ends = BEGINNING.plus(Duration::from_secs(60));
        place.signing.access(UserId::from_i64(1), SID, ends, more.as_object().unwrap()).await
    };
    let token = mint(json!({ "role": "admin", "teams": [1, 2] })).await.unwrap().token;
    let read = place.signing.read_access(token.expose()).await.unwrap();
    assert_eq!(Value::from(read.more.clone()), json!({ "role": "admin", "teams": [1, 2] }));
    for name in ["exp", "user_id", "sid", "token_type", "nbf", "aud"] {
        assert!(matches!(mint(json!({ name: 1 })).await, Err(Error::Internal(_))), "{name}");
    }
    assert!(matches!(mint(json!({ "poem": "x".repeat(4_000) })).await, Err(Error::Internal(_))));
}

/// A token with another first part, signed by the right key over it where that makes sense.
fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[tokio::test]
async fn t32_the_algorithm_comes_from_the_key_and_from_nowhere_else() {
    for algorithm in ALGORITHMS {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let token = place.access().await;
        let kid = opened(&token).0["kid"].as_str().unwrap().to_owned();
        let words = ["none", "None", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA", "es256"];
        for word in words.into_iter().filter(|word| *word != algorithm.word()) {
            let forged = with_header(&token, &format!(r#"{{"alg":"{word}","typ":"JWT","kid":"{kid}"}}"#));
            refuses(&place, &forged, word).await;
            let (unsigned, _) = forged.rsplit_once('.').unwrap();
            refuses(&place, &format!("{unsigned}."), word).await;
            refuses(&place, unsigned, word).await;
        }
    }
}

#[tokio::test]
async fn t32_a_public_key_is_no_hmac_key() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let place = Place::new(|settings| {
            settings.jwt.algorithm = algorithm;
            settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
            settings.jwt.accept_legacy_until = "2030-01-01".parse().ok();
        })
        .await;
        let jwk = place.signing.public_keys().await.remove(0);
        let raw = [&jwk.x, &jwk.y, &jwk.n].into_iter().flatten().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
        let forms: Vec<Vec<u8>> = raw.chain([serde_json::to_vec(&jwk).unwrap(), jwk.kid.clone().into_bytes()]).collect();
        for form in forms {
            for header in
                [format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, jwk.kid), r#"{"alg":"HS256","typ":"JWT"}"#.into()]
            {
                let message =
                    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(place.claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &form), message.as_bytes());
                refuses(&place, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag)), algorithm.word()).await;
            }
        }
    }
}

#[tokio::test]
async fn t32_there_is_one_way_to_write_a_token() {
    let place = Place::new(|_| {}).await;
    let token = place.access().await;
    assert!(place.signing.read_access(&token).await.is_ok());
    let (message, signature) = token.rsplit_once('.').unwrap();
    for changed in [
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}A"),
        format!("{token}."),
        format!("{token}.e30"),
        format!(".{token}"),
        format!("{message}."),
        format!("{message}..{signature}"),
        format!("{message}.{}", &signature[..signature.len() - 2]),
        format!("{message}.{signature}{signature}"),
        message.to_owned(),
        token.replace('.', ","),
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c.d.e".into(),
    ] {
        refuses(&place, &changed, &changed).await;
    }
}

#[tokio::test]
async fn t33_a_token_brings_no_key_and_no_address_along() {
    let place = Place::new(|_| {}).await;
    let token = place.access().await;
    let kid = opened(&token).0["kid"].as_str().unwrap().to_owned();
    let (kid, own) = (kid.as_str(), r#""alg":"ES256","typ":"JWT""#);
    let long = "k".repeat(10_240);
    for member in [
        r#""jku":"https://idp.test/jwks""#,
        r#""x5u":"https://idp.test/cert""#,
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""x5c":["MIIB"]"#,
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""zip":"DEF""#,
        r#""b64":false"#,
        r#""cty":"JWT""#,
        r#""enc":"A256GCM""#,
        r#""alg":"ES256""#,
        r#""kid":"other""#,
    ] {
        refuses(&place, &with_header(&token, &format!(r#"{{{own},"kid":"{kid}",{member}}}"#)), member).await;
    }
    for name in ["../../etc/passwd", "' OR 1=1 --", "https://idp.test/key", "", "\\u0000", long.as_str()] {
        refuses(&place, &with_header(&token, &format!(r#"{{{own},"kid":"{name}"}}"#)), name).await;
    }
    for header in [
        format!(r#"{{{own},"kid":["{kid}"]}}"#),
        format!(r#"{{{own},"kid":null}}"#),
        format!(r#"{{{own},"kid":7}}"#),
        format!(r#"{{{own}}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"["ES256","JWT","{kid}"]"#),
        "{}".into(),
        "null".into(),
        "[".repeat(2_000),
    ] {
        refuses(&place, &with_header(&token, &header), &header).await;
    }
    refuses(&place, "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d", "a JWE").await;
}

#[tokio::test]
async fn t34_every_claim_is_there_and_of_its_type() {
    let place = Place::new(|_| {}).await;
    let read = async |claims: &Value| place.signing.read_access(&place.sign(claims)).await;
    assert!(read(&place.claims()).await.is_ok());
    let now = place.claims()["iat"].as_i64().unwrap();
    let wrong = [
        json!(now.to_string()),
        json!(now as f64 + 0.5),
        json!(now as f64),
        json!(-1),
        json!(1e300),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(null),
        json!([now]),
        json!({ "a": now }),
        json!(true),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &wrong {
            let mut claims = place.claims();
            claims[name] = value.clone();
            assert_eq!(read(&claims).await.unwrap_err(), Fault::Invalid, "{name} {value}");
        }
    }
    let wrong = [json!(42), json!(["42"]), json!({ "a": 1 }), json!(null), json!(true), json!(""), json!("x".repeat(300))];
    for name in ["user_id", "jti", "sid", "token_type"] {
        for value in &wrong {
            let mut claims = place.claims();
            claims[name] = value.clone();
            assert_eq!(read(&claims).await.unwrap_err(), Fault::Invalid, "{name} {value}");
        }
    }
    for id in ["+42", "042", " 42", "4e1", "0x2a", "٤٢", "9223372036854775808", "ana"] {
        let mut claims = place.claims();
        claims["user_id"] = id.into();
        assert_eq!(read(&claims).await.unwrap_err(), Fault::Invalid, "{id}");
    }
    for name in ["token_type", "exp", "iat", "jti", "user_id", "sid"] {
        let mut claims = place.claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&claims).await.unwrap_err(), Fault::Invalid, "without {name}");
    }
}

#[tokio::test]
async fn t34_what_is_no_single_object_is_no_claims() {
    let place = Place::new(|_| {}).await;
    let own = place.claims().to_string();
    let twice = own.replacen('{', r#"{"exp":1,"#, 1);
    for text in
        [twice, format!("{own} {own}"), format!("{own}x"), format!("[{own}]"), "null".into(), "[".repeat(1_500), String::new()]
    {
        refuses(&place, &place.sign_text(&text), &text).await;
    }
}

#[tokio::test]
async fn t36_issuer_and_audience_are_exactly_those_of_the_settings() {
    let place = Place::new(|settings| {
        (settings.jwt.issuer, settings.jwt.audience) = (Some("https://auth.test".into()), Some("https://api.test".into()));
    })
    .await;
    let (_, claims) = opened(&place.access().await);
    assert_eq!((&claims["iss"], &claims["aud"]), (&"https://auth.test".into(), &"https://api.test".into()));
    let with = |iss: Value, aud: Value| {
        let mut claims = place.claims();
        (claims["iss"], claims["aud"]) = (iss, aud);
        place.sign(&claims)
    };
    let (iss, aud) = (json!("https://auth.test"), json!("https://api.test"));
    assert!(place.signing.read_access(&with(iss.clone(), aud.clone())).await.is_ok());
    for bad in [json!("https://auth.test/"), json!(["https://auth.test"]), json!(""), json!(null), json!("https://AUTH.test")] {
        refuses(&place, &with(bad.clone(), aud.clone()), "iss").await;
    }
    for bad in [json!(["https://api.test"]), json!("https://api.test "), json!(null), json!([]), json!(1)] {
        refuses(&place, &with(iss.clone(), bad.clone()), "aud").await;
    }
    refuses(&place, &place.sign(&place.claims()), "neither").await;
    let plain = Place::new(|_| {}).await;
    let mut claims = plain.claims();
    claims["aud"] = "https://api.test".into();
    refuses(&plain, &plain.sign(&claims), "an audience where there is none").await;
}

#[tokio::test]
async fn t36_times_are_judged_with_no_more_leeway_than_is_set() {
    for leeway in [0, 60] {
        let place = Place::new(|settings| settings.jwt.leeway = crate::settings::Span::seconds(leeway)).await;
        let (now, leeway) = (place.claims()["iat"].as_i64().unwrap(), i64::try_from(leeway).unwrap());
        let read = async |name: &str, value: i64| {
            let mut claims = place.claims();
            claims["iat"] = (now - 1_000).into();
            claims[name] = value.into();
            place.signing.read_access(&place.sign(&claims)).await.map(|_| ())
        };
        assert_eq!(read("exp", now - leeway + 1).await, Ok(()));
        assert_eq!(read("exp", now - leeway).await, Err(Fault::Expired));
        assert_eq!(read("exp", now - leeway - 1).await, Err(Fault::Expired));
        assert_eq!(read("nbf", now + leeway).await, Ok(()));
        assert_eq!(read("nbf", now + leeway + 1).await, Err(Fault::Invalid));
        assert_eq!(read("iat", now + 86_400).await, Err(Fault::Invalid));
        assert_eq!(read("iat", now + 61).await, Err(Fault::Invalid));
        assert_eq!(read("iat", now + 60).await, Ok(()), "the clock of another process");
        assert_eq!(read("exp", now - 2_000).await, Err(Fault::Invalid), "ended before it was made");
    }
}

#[tokio::test]
async fn t36_a_remembered_token_ends_too() {
    let place = Place::new(|_| {}).await;
    let token = place.access().await;
    place.clock.advance(Duration::from_millis(299_999));
    assert!(place.signing.read_access(&token).await.is_ok());
    assert!(place.signing.read_access(&token).await.is_ok());
    place.clock.advance(Duration::from_millis(1));
    assert_eq!(place.signing.read_access(&token).await.unwrap_err(), Fault::Expired);
}
