//! E. JSON Web Tokens at the doors where they are shown: T32 to T36 at `user/`, `token/verify/` and `token/refresh/`. What the reader
//! does with each by itself is tested beside it.

use std::net::TcpListener;

use aws_lc_rs::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use serde_json::{Value, json};
use vestibule::settings::{Settings, Span};
use vestibule::testing::{TestAnswer, TestApp};

use super::forge::{Forge, SECRET, encode, header_with, hmac_of, no_times, opened, parts};
use super::{PASSWORD, books, on_both, registration};

/// Where a token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    User,
    Verify,
    Refresh,
}

const DOORS: [Door; 3] = [Door::User, Door::Verify, Door::Refresh];

async fn show(app: &TestApp, door: Door, token: &str) -> TestAnswer {
    match door {
        Door::User => app.get("user/").header("authorization", &format!("Bearer {token}")),
        Door::Verify => app.post("token/verify/", json!({ "token": token })),
        Door::Refresh => app.post("token/refresh/", json!({ "refresh": token })),
    }
    .send()
    .await
}

/// JWT-BAD at every door, and nothing has changed by it.
async fn refused_at(app: &TestApp, doors: &[Door], token: &str, why: &str) {
    for door in doors {
        // A header holds no line breaks and no other bytes than these; the others are shown in bodies alone.
        if *door == Door::User && !token.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            continue;
        }
        let answer = show(app, *door, token).await;
        assert_eq!(answer.status, 401, "{door:?}: {why}: {token}: {}", answer.text);
        let code = answer.json()["code"].clone();
        // Two words behind `Bearer` are no token at all.
        let malformed = *door == Door::User && (token.trim().is_empty() || token.contains(' '));
        assert_eq!(code, if malformed { "bad_authorization_header" } else { "token_not_valid" }, "{door:?}: {why}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{door:?}: {why}");
    }
}

/// Somebody's pair, and an installation that signs with a key that the test has as well.
async fn forged(change: impl Fn(&mut Settings), test: impl AsyncFn(&TestApp, &Forge, [String; 2])) {
    for forge in Forge::both() {
        let settings = |settings: &mut Settings| {
            forge.settings(settings);
            change(settings);
        };
        on_both(settings, async |app| {
            let answer = app.post("registration/", registration("ana", PASSWORD)).send().await.expect(201).json();
            let pair = ["access", "refresh"].map(|member| answer[member].as_str().unwrap().to_owned());
            let before = books::contents(app).await;
            test(app, &forge, pair.clone()).await;
            assert_eq!(books::contents(app).await, before, "what was refused changed something");
            // All of it was refused for what it was, and not because the doors are shut.
            assert_eq!(show(app, Door::User, &pair[0]).await.status, 200);
            assert_eq!(show(app, Door::Verify, &pair[1]).await.status, 200);
            assert_eq!(show(app, Door::Refresh, &pair[1]).await.status, 200);
        })
        .await;
    }
}

/// Claims that the right key signs count, so that a changed one is refused for its change.
async fn counts(app: &TestApp, forge: &Forge, pair: &[String; 2]) {
    let [access, refresh] = pair.each_ref().map(|token| {
        let (header, claims) = opened(token);
        forge.sign(&header.to_string(), &claims.to_string())
    });
    assert_eq!(show(app, Door::User, &access).await.status, 200);
    for token in [access, refresh] {
        assert_eq!(show(app, Door::Verify, &token).await.status, 200);
    }
}

/// Each of the pair with another claim, signed by the right key. `None` takes the claim away.
async fn claims_refused(app: &TestApp, forge: &Forge, pair: &[String; 2], name: &str, value: Option<Value>) {
    for (token, doors) in [(&pair[0], &[Door::User, Door::Verify][..]), (&pair[1], &[Door::Verify, Door::Refresh])] {
        let (header, mut claims) = opened(token);
        match &value {
            Some(value) => claims[name] = value.clone(),
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        let forged = forge.sign(&header.to_string(), &claims.to_string());
        refused_at(app, doors, &forged, &format!("{name} {value:?}")).await;
    }
}

#[tokio::test]
async fn t32_no_door_takes_a_token_that_says_how_it_is_to_be_judged() {
    forged(
        |_| {},
        async |app, forge, pair| {
            counts(app, forge, &pair).await;
            let published = app.get("/.well-known/jwks.json").send().await.expect(200);
            let public = published.json()["keys"][0].clone();
            for token in &pair {
                let (header, claims) = opened(token);
                let own = header["alg"].clone();
                for word in ["none", "None", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"] {
                    if own == word {
                        continue;
                    }
                    let forged = forge.sign(&header_with(&header, "alg", word.into()), &claims.to_string());
                    let (unsigned, _) = forged.rsplit_once('.').unwrap();
                    for form in [forged.clone(), format!("{unsigned}."), unsigned.to_owned()] {
                        refused_at(app, &DOORS, &form, word).await;
                    }
                }
                // The same secret under a longer hash.
                for (word, algorithm) in [("HS384", HMAC_SHA384), ("HS512", HMAC_SHA512)] {
                    let message = format!("{}.{}", encode(header_with(&header, "alg", word.into())), encode(claims.to_string()));
                    let forged = format!("{message}.{}", encode(hmac_of(algorithm, SECRET.as_bytes(), &message)));
                    refused_at(app, &DOORS, &forged, word).await;
                }
                // The public key, in the forms in which somebody might take it for an HMAC key.
                if public.is_object() {
                    let raw = public["x"].as_str().unwrap();
                    let bytes = parts(raw).remove(0);
                    for key in
                        [bytes, raw.as_bytes().to_vec(), public.to_string().into_bytes(), published.text.clone().into_bytes()]
                    {
                        let message =
                            format!("{}.{}", encode(header_with(&header, "alg", "HS256".into())), encode(claims.to_string()));
                        let forged = format!("{message}.{}", encode(hmac_of(HMAC_SHA256, &key, &message)));
                        refused_at(app, &DOORS, &forged, "keyed by what is published").await;
                    }
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t32_no_door_takes_a_token_that_was_changed() {
    forged(
        |_| {},
        async |app, _, pair| {
            for token in &pair {
                let whole = parts(token);
                for part in 0..3 {
                    // Every bit is changed beside the reader; here one in each byte.
                    for at in 0..whole[part].len() {
                        let mut changed = whole.clone();
                        changed[part][at] ^= 1 << (at % 8);
                        let text: Vec<String> = changed.iter().map(encode).collect();
                        refused_at(app, &DOORS, &text.join("."), "a bit").await;
                    }
                }
                let (message, signature) = token.rsplit_once('.').unwrap();
                for changed in [
                    message.to_owned(),
                    format!("{message}."),
                    format!("{message}.{}", &signature[..signature.len() - 2]),
                    format!("{token}AAAA"),
                    format!("{token}="),
                    format!("{token}=="),
                    format!("{token}."),
                    format!("{token} x"),
                    format!("{token}\n"),
                    format!("\t{token}"),
                    token.replacen('.', " .", 1),
                    format!(".{token}"),
                ] {
                    refused_at(app, &DOORS, &changed, "another way to write it").await;
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t33_no_door_follows_what_a_token_says_about_its_key() {
    // Nobody may come here: nothing is fetched, whatever a token says.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}/keys", listener.local_addr().unwrap());
    forged(
        |_| {},
        async |app, forge, pair| {
            for token in &pair {
                let (header, claims) = opened(token);
                let claims = claims.to_string();
                let members = [
                    ("jku", json!(elsewhere)),
                    ("x5u", json!(elsewhere)),
                    ("jwk", json!({ "kty": "oct", "k": "AA", "kid": header["kid"] })),
                    ("x5c", json!(["MIIB"])),
                    ("crit", json!(["made-up"])),
                    ("crit", json!([])),
                    ("zip", json!("DEF")),
                    ("enc", json!("A256GCM")),
                    ("b64", json!(false)),
                    ("kid", json!("../../etc/passwd")),
                    ("kid", json!("' OR 1=1 --")),
                    ("kid", json!(elsewhere)),
                    ("kid", json!("k".repeat(1_500))),
                    ("kid", json!([header["kid"]])),
                    ("kid", json!(null)),
                    ("kid", json!("\u{0}")),
                    ("typ", json!("at+jwt")),
                ];
                for (name, value) in members {
                    let forged = forge.sign(&header_with(&header, name, value), &claims);
                    refused_at(app, &DOORS, &forged, name).await;
                }
                for name in ["alg", "kid", "typ"] {
                    let twice = header.to_string().replacen('{', &format!("{{\"{name}\":{},", header[name]), 1);
                    refused_at(app, &DOORS, &forge.sign(&twice, &claims), "twice").await;
                    let mut without = header.clone();
                    without.as_object_mut().unwrap().remove(name);
                    // Without a key's name it is a token of the system before, which counts nowhere here.
                    refused_at(app, &DOORS, &forge.sign(&without.to_string(), &claims), name).await;
                }
                let jwe = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d";
                let long = forge.sign(&header_with(&header, "kid", "k".repeat(10_240).into()), &claims);
                refused_at(app, &[Door::Verify, Door::Refresh], &long, "10 KiB").await;
                refused_at(app, &DOORS, jwe, "a JWE").await;
            }
        },
    )
    .await;
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody was asked");
}

#[tokio::test]
async fn t34_no_door_takes_a_claim_that_is_missing_or_of_another_type() {
    forged(
        |_| {},
        async |app, forge, pair| {
            counts(app, forge, &pair).await;
            let now = opened(&pair[0]).1["iat"].as_i64().unwrap();
            for name in ["exp", "nbf", "iat"] {
                for value in no_times(now) {
                    claims_refused(app, forge, &pair, name, Some(value)).await;
                }
            }
            let others = [json!(1), json!(["1"]), json!({ "a": 1 }), json!(null), json!(true), json!(""), json!("x".repeat(300))];
            for name in ["user_id", "jti", "sid", "token_type"] {
                for value in &others {
                    claims_refused(app, forge, &pair, name, Some(value.clone())).await;
                }
            }
            for id in ["+1", "01", " 1", "1e0", "0x1", "9223372036854775808", "ana"] {
                claims_refused(app, forge, &pair, "user_id", Some(id.into())).await;
            }
            for name in ["token_type", "exp", "iat", "jti", "user_id", "sid"] {
                claims_refused(app, forge, &pair, name, None).await;
            }
            for token in &pair {
                let (header, claims) = opened(token);
                let own = claims.to_string();
                let twice = own.replacen('{', "{\"exp\":1,", 1);
                for text in [twice, format!("{own} {own}"), format!("[{own}]"), "null".into(), "[".repeat(1_000), String::new()] {
                    refused_at(app, &DOORS, &forge.sign(&header.to_string(), &text), &text).await;
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t35_a_sound_token_of_anothers_session_or_account_is_nobodys() {
    forged(
        |_| {},
        async |app, forge, pair| {
            // Signed by the right key, and yet no login has given it out.
            for (name, value) in [("user_id", "2"), ("sid", "0123456789abcdef0123456789abcdef"), ("sid", "x"), ("sid", "\u{0}")] {
                let (header, mut claims) = opened(&pair[0]);
                claims[name] = value.into();
                let forged = forge.sign(&header.to_string(), &claims.to_string());
                refused_at(app, &[Door::User, Door::Verify], &forged, name).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t36_no_door_takes_a_token_for_others_or_of_another_time() {
    const LEEWAY: i64 = 30;
    let change = |settings: &mut Settings| {
        (settings.jwt.issuer, settings.jwt.audience) = (Some("https://auth.test".into()), Some("https://api.test".into()));
        settings.jwt.leeway = Span::seconds(LEEWAY.try_into().unwrap());
    };
    forged(change, async |app, forge, pair| {
        counts(app, forge, &pair).await;
        for bad in [json!("https://auth.test/"), json!(["https://auth.test"]), json!(""), json!(null), json!("https://AUTH.test")]
        {
            claims_refused(app, forge, &pair, "iss", Some(bad)).await;
        }
        for bad in [json!(["https://api.test"]), json!("https://other.test"), json!(null), json!([]), json!(1), json!("")] {
            claims_refused(app, forge, &pair, "aud", Some(bad)).await;
        }
        claims_refused(app, forge, &pair, "iss", None).await;
        claims_refused(app, forge, &pair, "aud", None).await;
        let now = app.clock.now().millis() / 1000;
        claims_refused(app, forge, &pair, "nbf", Some((now + LEEWAY + 1).into())).await;
        claims_refused(app, forge, &pair, "iat", Some((now + 86_400).into())).await;
        // Made long enough ago that its end is past: by the leeway it counts, and not a second longer.
        let ended = async |by: i64| {
            let (header, mut claims) = opened(&pair[0]);
            (claims["iat"], claims["exp"]) = ((now - 600).into(), (now - by).into());
            show(app, Door::User, &forge.sign(&header.to_string(), &claims.to_string())).await
        };
        assert_eq!(ended(LEEWAY - 1).await.status, 200);
        for by in [LEEWAY, LEEWAY + 1] {
            let answer = ended(by).await;
            assert_eq!((answer.status, &answer.json()["messages"][0]["message"]), (401, &json!("Token is expired")));
        }
    })
    .await;
    // Without a leeway the end is the end.
    forged(
        |_| {},
        async |app, forge, pair| {
            let now = app.clock.now().millis() / 1000;
            for token in &pair {
                let (header, mut claims) = opened(token);
                (claims["iat"], claims["exp"]) = ((now - 600).into(), (now - 1).into());
                let forged = forge.sign(&header.to_string(), &claims.to_string());
                refused_at(app, &DOORS, &forged, "a second too late").await;
            }
        },
    )
    .await;
}
