//! Every provider that is known by name: a whole sign-in with each, against a provider that says what that company documents.

use serde_json::json;
use vestibule::social::kinds::KINDS;
use vestibule::testing::{Dialect, Provider};

use super::*;
use crate::exchange::non_field;

/// One provider as its makers document it, and what comes of it here.
struct Row {
    kind: &'static str,
    /// The person as the provider tells it: claims of the ID token, or the document about oneself.
    person: Value,
    /// The list of addresses, where there is one.
    addresses: Option<Value>,
    /// What the answer with tokens has beside the usual members, or has not.
    tokens: Value,
    /// What it says to a code that does not count.
    refusal: (u16, Value),
    /// How the client proves itself: `basic`, `body` or `signed`.
    proof: &'static str,
    pkce: bool,
    scope: &'static str,
    /// What it tells of an access token that a client brings, if that can be proven.
    takes_access_tokens: bool,
    /// Who that is here: subject, name, given name, family name.
    is: [&'static str; 4],
    verified: bool,
}

const EMAIL: &str = "ana@example.org";

/// What most of them have in common.
fn usual(kind: &'static str) -> Row {
    Row {
        kind,
        person: json!({}),
        addresses: None,
        tokens: json!({ "scope": "openid email profile" }),
        refusal: (400, json!({ "error": "invalid_grant", "error_description": "The code was used.\n" })),
        proof: "basic",
        pkce: true,
        scope: "openid email profile",
        takes_access_tokens: false,
        is: ["", "ana", "Ana", "Lind"],
        verified: true,
    }
}

/// Those of OpenID Connect.
fn openid() -> Vec<Row> {
    vec![
        Row {
            person: json!({
                "sub": "1077", "sub_legacy": "7f4e6b", "name": "Ana Lind", "nickname": "ana-l", "preferred_username": "ana-l",
                "email": EMAIL, "email_verified": true, "profile": "https://gitlab.com/ana-l", "groups_direct": [],
            }),
            is: ["1077", "ana-l", "Ana", "Lind"],
            ..usual("gitlab")
        },
        Row {
            person: json!({
                "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "tid": "9122040d-6c67-4c5b-b112-36a304b66dad",
                "email": EMAIL, "xms_edov": true, "name": "Ana Lind", "preferred_username": "ana.lind@example.org", "ver": "2.0",
            }),
            is: ["AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "ana.lind", "Ana", "Lind"],
            ..usual("microsoft")
        },
        Row {
            person: json!({
                "sub": "001473.fe6f33bf4b8e4590aacdabdcb8598bd0.2039", "email": EMAIL, "email_verified": true,
                "is_private_email": false, "auth_time": 1_767_225_600, "nonce_supported": true,
            }),
            proof: "signed",
            scope: "openid email name",
            is: ["001473.fe6f33bf4b8e4590aacdabdcb8598bd0.2039", "ana", "", ""],
            ..usual("apple")
        },
        Row {
            person: json!({
                "sub": "U0R7MFMJM", "https://slack.com/team_id": "T0RR", "https://slack.com/user_id": "U0R7MFMJM", "email": EMAIL,
                "email_verified": true, "date_email_verified": 1_622_128_723, "locale": "en-US", "name": "Ana Lind",
                "given_name": "", "family_name": "",
            }),
            tokens: json!({ "ok": true, "refresh_token": null, "expires_in": null }),
            refusal: (200, json!({ "ok": false, "error": "invalid_code" })),
            proof: "body",
            pkce: false,
            is: ["T0RR_U0R7MFMJM", "ana", "Ana", "Lind"],
            ..usual("slack")
        },
        Row {
            person: json!({
                "sub": "713936733", "azp": "client-1", "email": EMAIL, "email_verified": true, "preferred_username": "ScoobyDoo",
            }),
            tokens: json!({ "scope": ["openid", "user:read:email"] }),
            refusal: (400, json!({ "status": 400, "message": "Invalid authorization code" })),
            proof: "body",
            scope: "openid user:read:email",
            takes_access_tokens: true,
            is: ["713936733", "scoobydoo", "", ""],
            ..usual("twitch")
        },
        Row {
            person: json!({
                "sub": "f2f8a6c1-0b7e-4b43-9a55-6ee0b6b0a7d1", "email_verified": true, "name": "Ana Lind",
                "preferred_username": "ana", "given_name": "Ana", "family_name": "Lind", "email": EMAIL, "acr": "1",
            }),
            tokens: json!({ "refresh_expires_in": 1800, "not-before-policy": 0, "session_state": "s" }),
            is: ["f2f8a6c1-0b7e-4b43-9a55-6ee0b6b0a7d1", "ana", "Ana", "Lind"],
            ..usual("keycloak")
        },
        Row {
            person: json!({
                "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "nickname": "ana.l", "name": "Ana Lind", "given_name": "Ana",
                "family_name": "Lind", "email": EMAIL, "email_verified": true, "updated_at": "2026-01-01T00:00:00.000Z",
            }),
            refusal: (403, json!({ "error": "invalid_grant", "error_description": "Invalid authorization code" })),
            is: ["auth0|5f7c8ec7c33c6c004bbafe82", "ana.l", "Ana", "Lind"],
            ..usual("auth0")
        },
        Row {
            person: json!({
                "sub": "00uid4BxXw6I6TV4m0g3", "name": "Ana Lind", "given_name": "Ana", "family_name": "Lind", "email": EMAIL,
                "email_verified": true, "preferred_username": EMAIL, "zoneinfo": "Europe/Oslo",
            }),
            is: ["00uid4BxXw6I6TV4m0g3", "ana", "Ana", "Lind"],
            ..usual("okta")
        },
        Row { person: ana(), is: ["person-1", "ana", "Ana", "Lind"], ..usual("oidc") },
    ]
}

/// Those of OAuth 2.0.
fn oauth() -> Vec<Row> {
    vec![
        Row {
            person: json!({ "id": "10220001", "name": "Ana Maria Lind", "first_name": "Ana", "last_name": "Lind", "email": EMAIL }),
            tokens: json!({ "expires_in": 5_183_944, "refresh_token": null }),
            refusal: (400, json!({ "error": { "message": "This code has been used.", "type": "OAuthException", "code": 100 } })),
            proof: "body",
            scope: "email public_profile",
            takes_access_tokens: true,
            is: ["10220001", "ana", "Ana", "Lind"],
            verified: false,
            ..usual("facebook")
        },
        Row {
            person: json!({
                "sub": "782bbtaQ", "name": "Ana Lind", "given_name": "Ana", "family_name": "Lind", "picture": "https://media.example/1",
                "locale": { "country": "US", "language": "en" }, "email": EMAIL, "email_verified": true,
            }),
            tokens: json!({ "expires_in": 5_184_000, "refresh_token": null, "id_token": "without.a.nonce" }),
            refusal: (400, json!({ "error": "invalid_request", "error_description": "Unable to retrieve access token" })),
            proof: "body",
            pkce: false,
            scope: "openid profile email",
            is: ["782bbtaQ", "ana", "Ana", "Lind"],
            ..usual("linkedin")
        },
        Row {
            person: json!({
                "id": "80351110224678912", "username": "nelly", "discriminator": "0", "global_name": "Ana Lind", "avatar": null,
                "verified": true, "email": EMAIL, "mfa_enabled": true, "public_flags": 64,
            }),
            tokens: json!({ "token_type": "Bearer", "expires_in": 604_800, "scope": "identify email" }),
            scope: "identify email",
            takes_access_tokens: true,
            is: ["80351110224678912", "nelly", "Ana", "Lind"],
            ..usual("discord")
        },
        Row {
            person: json!({ "id": "smedjan", "display_name": "Ana Lind", "email": EMAIL, "country": "SE", "product": "premium" }),
            tokens: json!({ "scope": "user-read-email" }),
            scope: "user-read-email",
            is: ["smedjan", "ana", "Ana", "Lind"],
            verified: false,
            ..usual("spotify")
        },
        Row {
            person: json!({
                "data": { "id": "2244994945", "name": "Ana Lind", "username": "AnaLind", "confirmed_email": EMAIL },
            }),
            tokens: json!({ "expires_in": 7200, "refresh_token": null, "scope": "users.read tweet.read users.email" }),
            refusal: (400, json!({ "error": "invalid_request", "error_description": "The authorization code was invalid." })),
            scope: "users.read tweet.read users.email",
            is: ["2244994945", "analind", "Ana", "Lind"],
            verified: false,
            ..usual("x")
        },
        Row {
            person: json!({
                "type": "user", "uuid": "{504c3b62-8120-4f0c-a7bc-87800b9d6f70}", "account_id": "557058:ba8948b2",
                "display_name": "Ana Lind", "nickname": "Ana", "username": "ana_l",
            }),
            addresses: Some(json!({ "pagelen": 10, "page": 1, "size": 2, "values": [
                { "type": "email", "email": "old@example.org", "is_primary": false, "is_confirmed": true },
                { "type": "email", "email": EMAIL, "is_primary": true, "is_confirmed": true },
            ] })),
            tokens: json!({ "scopes": "account email", "expires_in": 7200 }),
            scope: "account email",
            is: ["{504c3b62-8120-4f0c-a7bc-87800b9d6f70}", "ana_l", "Ana", "Lind"],
            ..usual("bitbucket")
        },
        Row {
            person: json!({ "user": { "key": "k-7", "nick": "ana7" }, "mail": EMAIL, "sure": true, "name": "Ana Lind" }),
            scope: "who",
            is: ["k-7", "ana7", "Ana", "Lind"],
            ..usual("oauth2")
        },
    ]
}

/// A key as Apple gives it to whoever registers, in a file that its owner alone reads.
fn apples(own: &mut Social, folder: &std::path::Path) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use base64::Engine;
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(key.as_ref());
    let path = folder.join("AuthKey.p8");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    write!(file, "-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n").unwrap();
    (own.client_secret, own.private_key_file) = (None, Some(path));
    (own.team_id, own.key_id) = (Some("TEAM123456".into()), Some("KEY1234567".into()));
}

fn settings_of(row: &Row, own: &mut Social, folder: &std::path::Path) {
    own.trust_email = true;
    own.accept_access_token = row.takes_access_tokens.then_some(true);
    match row.kind {
        "apple" => apples(own, folder),
        "oauth2" => {
            let map = [("subject", "user.key"), ("username", "user.nick"), ("email", "mail"), ("email_verified", "sure")];
            own.map = map.map(|(name, member)| (name.to_owned(), member.to_owned())).into();
            own.scopes = Some(vec!["who".into()]);
        }
        _ => {}
    }
}

/// The way over the provider, as its browser goes it. Apple sends the browser back with a form, and more in it.
async fn cross(app: &TestApp, provider: &Provider, row: &Row) -> TestAnswer {
    let mut browser = Browser::new(app);
    let back = browser.go(provider, row.kind).await;
    if row.kind != "apple" {
        return exchanged(&mut browser, &back).await;
    }
    let (code, state) = (member(&back, "code").unwrap(), member(&back, "state").unwrap());
    let form = [("code", code.as_str()), ("state", &state), ("user", r#"{"name":{"firstName":"Ana","lastName":"Lind"}}"#)];
    let posted = app.request(Method::POST, "social/apple/callback/").form(&form).header("origin", "https://appleid.apple.com");
    let again = posted.send().await.expect(303).header("location").to_owned();
    exchanged(&mut browser, &again).await
}

async fn exchanged(browser: &mut Browser<'_>, back: &str) -> TestAnswer {
    let landed = browser.open(back).await.expect(302).header("location").to_owned();
    let code = member(&landed, "code").unwrap_or_else(|| panic!("{landed}"));
    browser.post("social/exchange/", json!({ "code": code })).await.expect(200)
}

/// The request for a code, and the exchange of it, are what this provider takes.
fn looks_right(row: &Row, provider: &Provider) {
    let (visit, form) = (provider.visits().pop().unwrap(), provider.exchanges().pop().unwrap());
    assert_eq!(visit["scope"], row.scope, "{}", row.kind);
    assert_eq!(visit.contains_key("code_challenge"), row.pkce, "{}", row.kind);
    assert_eq!(form.contains_key("code_verifier"), row.pkce, "{}", row.kind);
    assert_eq!(visit.get("response_mode").map(String::as_str), (row.kind == "apple").then_some("form_post"));
    assert_eq!(visit.contains_key("claims"), row.kind == "twitch");
    assert_eq!(form.contains_key("client_secret"), row.proof != "basic", "{}", row.kind);
    if row.proof == "signed" {
        let part = |at: usize| -> Value {
            use base64::Engine;
            let part = form["client_secret"].split('.').nth(at).unwrap();
            serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({ "alg": "ES256", "kid": "KEY1234567" }));
        assert_eq!(part(1)["iss"], "TEAM123456");
        assert_eq!((part(1)["sub"].as_str(), part(1)["aud"].as_str()), (Some("client-1"), Some(provider.url())));
    }
}

async fn is_right(app: &TestApp, row: &Row, key: &str) {
    let user = me(app, key).await;
    let [subject, username, first_name, last_name] = row.is;
    let told = ["username", "first_name", "last_name", "email"].map(|name| user[name].as_str().unwrap());
    assert_eq!(told, [username, first_name, last_name, EMAIL], "{}", row.kind);
    let identities = app.get("socialaccounts/").token(key).send().await.expect(200).json();
    assert_eq!((identities[0]["provider"].as_str(), identities[0]["uid"].as_str()), (Some(row.kind), Some(subject)));
    let verified = app.count("SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL").await;
    assert_eq!(verified == 1, row.verified, "{}", row.kind);
}

async fn every_way_in(app: &TestApp, provider: &Provider, row: &Row) {
    let key = cross(app, provider, row).await.key();
    looks_right(row, provider);
    is_right(app, row, &key).await;
    let path = format!("{}/", row.kind);
    let post = async |name: &str, value: String| app.post(&path, json!({ name: value })).send().await;
    let mut keys = vec![post("code", provider.code()).await.expect(200).key()];
    assert_eq!(post("code", "made-up".into()).await.expect(400).json(), non_field("Incorrect value"), "{}", row.kind);
    let id_token = post("id_token", provider.id_token()).await;
    if openid().iter().any(|other| other.kind == row.kind) {
        keys.push(id_token.expect(200).key());
    } else {
        id_token.expect(400);
    }
    let access = post("access_token", provider.access_token("client-1")).await;
    post("access_token", provider.access_token("client-2")).await.expect(400);
    if row.takes_access_tokens {
        keys.push(access.expect(200).key());
    } else {
        access.expect(400);
    }
    for key in &keys {
        is_right(app, row, key).await;
    }
    assert_eq!(rows(app).await, (1 + i64::try_from(keys.len()).unwrap(), 1, 1), "{}", row.kind);
}

#[tokio::test]
async fn a_sign_in_works_with_every_provider_that_is_known_by_name() {
    let all: Vec<Row> = openid().into_iter().chain(oauth()).collect();
    let mut tried: Vec<&str> = all.iter().map(|row| row.kind).chain(["google", "github", "dev"]).collect();
    let mut known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    tried.sort_unstable();
    known.sort_unstable();
    assert_eq!(tried, known, "google and github are tried in `modes`, dev in `dev`");
    let folder = tempfile::tempdir().unwrap();
    for row in &all {
        let provider = Provider::speaking(Dialect::Of(row.kind)).await;
        provider.script(|script| {
            script.addresses = row.addresses.clone();
            script.tokens = row.tokens.as_object().unwrap().clone();
            script.refusal = Some(row.refusal.clone());
            script.bare_id_tokens = row.kind == "okta";
        });
        on_both(
            |settings| {
                let mut own = provider.settings();
                settings_of(row, &mut own, folder.path());
                settings.social.insert(row.kind.into(), own);
            },
            async |app: TestApp| {
                provider.follow(&app.clock);
                provider.person(row.person.clone());
                // An ID token that a client brings tells all that there is: nobody can be asked for more with it.
                every_way_in(&app, &provider, row).await;
                app.deliver().await;
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t51_a_provider_is_believed_only_where_it_speaks_of_the_address() {
    for (kind, person) in [
        (
            "microsoft",
            json!({ "sub": "1", "tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "email": EMAIL, "email_verified": true }),
        ),
        ("apple", json!({ "sub": "1", "email": EMAIL, "email_verified": "true" })),
        ("discord", json!({ "id": "1", "username": "nelly", "verified": false, "email": EMAIL })),
        ("facebook", json!({ "id": "1", "email": EMAIL, "email_verified": true, "verified": true })),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider::speaking(Dialect::Of(kind)).await;
        on_both(
            |settings| {
                let mut own = provider.settings();
                settings_of(&usual(kind), &mut own, folder.path());
                settings.social.insert(kind.into(), own);
            },
            async |app: TestApp| {
                provider.follow(&app.clock);
                provider.person(person.clone());
                app.post(&format!("{kind}/"), json!({ "code": provider.code() })).send().await.expect(200);
                let verified = "SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL";
                assert_eq!((rows(&app).await.1, app.count(verified).await), (1, 0), "{kind}");
                app.deliver().await;
            },
        )
        .await;
    }
}
