//! The keys that sign tokens: published, rotated and retired while services run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::{Method, Request};
use serde_json::{Map, Value, json};
use tower_service::Service;
use vestibule::accounts::signing::rotation::{self, Refusal, State};
use vestibule::accounts::signing::{Fault, Generation, more_claims};
use vestibule::accounts::{User, UserId, users};
use vestibule::db::Tx;
use vestibule::ground::Result;
use vestibule::http::{BearerClaims, Jwks};
use vestibule::settings::{Algorithm, Settings};
use vestibule::testing::app::{self, BEGINNING};
use vestibule::testing::{TestApp, on_both, race};
use vestibule::{Auth, Hooks};

const SID: &str = "0123456789abcdef0123456789abcdef";

/// Settings that make and take tokens.
fn tokens(settings: &mut Settings) {
    settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
    settings.jwt.accept_legacy_until = "2040-01-01".parse().ok();
}

async fn access(app: &TestApp) -> String {
    let ends = app.clock.now().plus(Duration::from_secs(86_400));
    let minted = app.auth.signing().unwrap().access(UserId::from_i64(7), SID, ends, &Map::new()).await.unwrap();
    minted.token.expose().to_owned()
}

async fn published(app: &TestApp) -> Vec<String> {
    let answer = app.get("/.well-known/jwks.json").send().await.expect(200).json();
    answer["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn states(app: &TestApp) -> Vec<State> {
    rotation::list(&app.auth).await.unwrap().into_iter().map(|key| key.state).collect()
}

#[tokio::test]
async fn t40_the_public_keys_may_be_kept_for_ten_minutes_and_read_by_everybody() {
    on_both(tokens, async |app| {
        let answer = app.get("/.well-known/jwks.json").header("origin", "https://elsewhere.test").send().await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=600");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!((answer.header("set-cookie"), answer.header("access-control-allow-credentials")), ("", ""));
        let key = &answer.json()["keys"][0];
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
            (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig"))
        );
        assert_eq!(key.as_object().unwrap().len(), 7, "{key}");

        let tag = answer.header("etag").to_owned();
        let ask = async |known: &str| app.get("/.well-known/jwks.json").header("if-none-match", known).send().await;
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let answer = ask(&known).await.expect(304);
            assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "public, max-age=600"));
        }
        ask("\"other\"").await.expect(200);
        rotation::rotate(&app.auth, false).await.unwrap();
        app.advance(Duration::from_secs(1));
        ask(&tag).await.expect(200);
        let head = app.request(Method::HEAD, "/.well-known/jwks.json").send().await.expect(200);
        assert_eq!((head.text.as_str(), head.header("etag").is_empty()), ("", false));
        app.post("/.well-known/jwks.json", json!({})).send().await.expect(405);
    })
    .await;
}

#[tokio::test]
async fn t40_an_hmac_key_is_never_published_and_without_tokens_there_is_no_key() {
    on_both(
        |settings| {
            tokens(settings);
            settings.jwt.algorithm = Algorithm::Hs256;
        },
        async |app| assert_eq!(app.get("/.well-known/jwks.json").send().await.expect(200).text, r#"{"keys":[]}"#),
    )
    .await;
    on_both(
        |_| {},
        async |app| {
            assert_eq!(app.get("/.well-known/jwks.json").send().await.expect(200).text, r#"{"keys":[]}"#);
            assert!(app.auth.signing().is_err());
            assert_eq!(app.count("SELECT count(*) FROM auth_keys").await, 0);
            assert_eq!(rotation::list(&app.auth).await, Err(Refusal::Unused));
        },
    )
    .await;
}

#[tokio::test]
async fn t40_a_rotation_logs_nobody_out() {
    on_both(tokens, async |app| {
        let twin = app.twin().await;
        let both = [&app, &twin];
        let refresh = async |app: &TestApp| {
            let expires_at = BEGINNING.plus(Duration::from_secs(7 * 86_400));
            let generation = Generation { user: UserId::from_i64(7), sid: SID, number: 3, issued_at: BEGINNING, expires_at };
            app.auth.signing().unwrap().refresh(generation).await.unwrap().token.expose().to_owned()
        };
        let old = refresh(&app).await;
        let new = rotation::rotate(&app.auth, false).await.unwrap();
        assert_eq!(new.signs_from, Some(BEGINNING.plus(Duration::from_secs(600))));
        assert_eq!(states(&app).await, [State::Signing, State::Waiting]);
        for second in [1, 300, 298, 1, 1, 600] {
            app.advance(Duration::from_secs(second));
            for made_by in both {
                let (access, refresh) = (access(made_by).await, refresh(made_by).await);
                for read_by in both {
                    let signing = read_by.auth.signing().unwrap();
                    assert!(signing.read_access(&access).await.is_ok());
                    assert!(signing.read_refresh(&refresh).await.is_ok() && signing.read_refresh(&old).await.is_ok());
                    assert!(published(read_by).await.contains(&new.kid));
                }
            }
        }
        assert_eq!(states(&app).await, [State::Verifying, State::Signing]);
        let audited = "SELECT count(*) FROM auth_audit WHERE event = 'key.rotated' AND user_id IS NULL";
        assert_eq!(app.count(audited).await, 1, "T81");
    })
    .await;
}

#[tokio::test]
async fn a_rotation_now_waits_until_every_process_knows_the_key() {
    on_both(tokens, async |app| {
        let twin = app.twin().await;
        let key = rotation::rotate(&app.auth, true).await.unwrap();
        app.advance(rotation::KNOWN_AFTER);
        let token = access(&app).await;
        assert!(twin.auth.signing().unwrap().read_access(&token).await.is_ok());
        assert_eq!(
            rotation::list(&app.auth).await.unwrap()[1],
            vestibule::accounts::signing::rotation::KeyInfo { state: State::Signing, ..key }
        );
    })
    .await;
}

#[tokio::test]
async fn t40_a_retired_key_ends_its_tokens_in_every_process() {
    on_both(tokens, async |app| {
        let twin = app.twin().await;
        let token = access(&app).await;
        let [key] = rotation::list(&app.auth).await.unwrap().try_into().unwrap();
        assert_eq!(rotation::retire(&app.auth, &key.kid).await, Err(Refusal::Last));
        assert_eq!(rotation::retire(&app.auth, "nothing").await, Err(Refusal::Unknown));
        let new = rotation::rotate(&app.auth, false).await.unwrap();
        assert_eq!(rotation::retire(&app.auth, &new.kid).await, Err(Refusal::Last));
        rotation::retire(&twin.auth, &key.kid).await.unwrap();
        app.advance(Duration::from_secs(1));
        for app in [&app, &twin] {
            assert_eq!(app.auth.signing().unwrap().read_access(&token).await.unwrap_err(), Fault::Invalid);
            assert_eq!(published(app).await, [new.kid.as_str()]);
            let token = access(app).await;
            assert!(twin.auth.signing().unwrap().read_access(&token).await.is_ok(), "the successor signs at once");
        }
        assert_eq!(states(&app).await, [State::Signing]);
        assert_eq!(app.count("SELECT count(*) FROM auth_audit WHERE event = 'key.retired'").await, 1, "T81");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t40_rotations_at_once_in_two_processes_leave_a_whole_line_of_keys() {
    race("rotations at once", 3, tokens, async |arena| {
        let before = rotation::list(&arena.app.auth).await.unwrap().len();
        let done = arena.at_once(8, |_, app| async move { rotation::rotate(&app.auth, false).await }).await;
        assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(Refusal::Overtaken))), "{done:?}");
        let made = done.iter().filter(|done| done.is_ok()).count();
        let keys = rotation::list(&arena.app.auth).await.unwrap();
        assert_eq!(keys.len(), before + made);
        assert!(
            made >= 1 && keys.iter().rev().skip(1).all(|key| key.verifies_until.is_some()),
            "each but the newest has a successor"
        );
        assert!(keys.last().unwrap().verifies_until.is_none());
        assert_eq!(keys.iter().filter(|key| key.state == State::Signing).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_owners_key_is_changed_by_the_owner() {
    on_both(
        |settings| {
            tokens(settings);
            settings.jwt.algorithm = Algorithm::Hs256;
        },
        async |app| {
            assert_eq!(rotation::rotate(&app.auth, false).await, Err(Refusal::Owned));
            let [key] = rotation::list(&app.auth).await.unwrap().try_into().unwrap();
            assert_eq!((key.state, key.created_at), (State::Signing, None));
            assert_eq!(rotation::retire(&app.auth, &key.kid).await, Err(Refusal::Owned));
            assert_eq!(app.count("SELECT count(*) FROM auth_keys").await, 0);
        },
    )
    .await;
}

/// Says which teams somebody is in, from a table of the host's.
struct Teams;

impl Hooks for Teams {
    async fn claims(&self, tx: &Tx, user: &User, claims: &mut Map<String, Value>) -> Result<()> {
        let id = user.id.as_i64();
        let name = tx.one::<(String,)>("SELECT username FROM auth_users WHERE id = $1", vestibule::params![id]).await?;
        claims.insert("team".into(), name.map(|(name,)| format!("team of {name}")).into());
        Ok(())
    }
}

#[tokio::test]
async fn the_claims_hook_reads_the_hosts_tables_and_its_words_reach_the_bearer() {
    let place = vestibule::testing::databases::fresh_sqlite().await;
    let mut settings = app::settings(&place.url);
    tokens(&mut settings);
    let auth = Auth::builder(settings).hooks(Teams).build().await.unwrap();
    let account = vestibule::accounts::admin::NewAccount {
        username: Some("ana".into()),
        email: Some("ana@example.org".into()),
        ..Default::default()
    };
    let user = vestibule::accounts::admin::create_user(&auth, account).await.unwrap();
    let (floor, id, epoch) = (auth.clone(), user.id, user.epoch);
    let more = auth.db().unit(move |tx| async move {
        let user = users::lock(&tx, id, epoch).await?.unwrap();
        more_claims(&floor, &tx, &user).await
    });
    let more = more.await.unwrap();
    let ends = auth.clock().now().plus(Duration::from_secs(60));
    let token = auth.signing().unwrap().access(user.id, SID, ends, &more).await.unwrap().token;
    let claims = auth.signing().unwrap().read_access(token.expose()).await.unwrap();
    assert_eq!(claims.more["team"], "team of ana");
}

/// Another service: its handlers, and how often it asked for the keys.
struct Elsewhere {
    router: Router,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Elsewhere {
    fn of(app: Arc<TestApp>, change: impl FnOnce(Jwks) -> Jwks) -> Self {
        async fn orders(BearerClaims(claims): BearerClaims) -> String {
            format!("the orders of account {}", claims.user)
        }
        let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, is_down, clock) = (asked.clone(), down.clone(), app.clock.clone());
        let fetch = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (app, down) = (app.clone(), is_down.load(Ordering::SeqCst));
            async move {
                if down {
                    return Err("nobody listens".into());
                }
                Ok(app.get("/.well-known/jwks.json").send().await.expect(200).text.into_bytes())
            }
        };
        let keys = change(Jwks::fetched_by(fetch).clock(clock));
        Self { router: Router::new().route("/orders", get(orders)).with_state(keys), asked, down }
    }

    async fn ask(&self, token: Option<&str>) -> (u16, String, String) {
        let mut request = Request::get("/orders");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let Ok(answer) = self.router.clone().call(request.body(Body::empty()).unwrap()).await;
        let challenge =
            answer.headers().get("www-authenticate").map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (status, String::from_utf8(to_bytes(answer.into_body(), 1 << 16).await.unwrap().to_vec()).unwrap(), challenge)
    }

    async fn status(&self, token: &str) -> u16 {
        self.ask(Some(token)).await.0
    }
}

#[tokio::test]
async fn another_service_verifies_tokens_without_a_database() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        on_both(
            |settings| {
                tokens(settings);
                settings.jwt.algorithm = algorithm;
                settings.jwt.issuer = Some("https://auth.test".into());
                settings.jwt.audience = Some("https://api.test".into());
            },
            async |app| {
                let app = Arc::new(app);
                let there = Elsewhere::of(app.clone(), |keys| keys.issuer("https://auth.test").audience("https://api.test"));
                let token = access(&app).await;
                assert_eq!(there.ask(Some(&token)).await.1, "the orders of account 7");
                let (status, _, challenge) = there.ask(None).await;
                assert_eq!((status, challenge.as_str()), (401, "Bearer"));
                let (status, _, challenge) = there.ask(Some("nonsense")).await;
                assert_eq!((status, challenge.as_str()), (401, r#"Bearer error="invalid_token""#));

                let other = Elsewhere::of(app.clone(), |keys| keys.issuer("https://auth.test").audience("https://other.test"));
                assert_eq!(other.status(&token).await, 401, "T36");
                assert_eq!(Elsewhere::of(app.clone(), |keys| keys).status(&token).await, 401, "T36");
                let expires_at = app.clock.now().plus(Duration::from_secs(3_600));
                let generation =
                    Generation { user: UserId::from_i64(7), sid: SID, number: 1, issued_at: app.clock.now(), expires_at };
                let refresh = app.auth.signing().unwrap().refresh(generation).await.unwrap().token;
                assert_eq!(there.status(refresh.expose()).await, 401, "T35");
                app.advance(Duration::from_secs(300));
                assert_eq!(there.status(&token).await, 401, "T36");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn t40_another_service_notices_a_rotation_before_it_matters() {
    on_both(tokens, async |app| {
        let app = Arc::new(app);
        let there = Elsewhere::of(app.clone(), |keys| keys);
        assert_eq!(there.status(&access(&app).await).await, 200);
        rotation::rotate(&app.auth, false).await.unwrap();
        for _ in 0..25 {
            app.advance(Duration::from_secs(60));
            assert_eq!(there.status(&access(&app).await).await, 200);
        }
        assert_eq!(there.asked.load(Ordering::SeqCst), 3, "every ten minutes");
        rotation::rotate(&app.auth, true).await.unwrap();
        app.advance(Duration::from_secs(20));
        assert_eq!(there.status(&access(&app).await).await, 200, "an unknown key is asked for");
    })
    .await;
}

#[tokio::test]
async fn t33_t57_unknown_keys_and_failures_do_not_make_another_service_ask_at_each_request() {
    on_both(tokens, async |app| {
        let app = Arc::new(app);
        let there = Elsewhere::of(app.clone(), |keys| keys);
        let token = access(&app).await;
        assert_eq!(there.status(&token).await, 200);
        let unknown = {
            let other = TestApp::on(vestibule::testing::databases::fresh_sqlite().await, tokens).await;
            access(&other).await
        };
        for _ in 0..50 {
            assert_eq!(there.status(&unknown).await, 401);
        }
        assert_eq!(there.asked.load(Ordering::SeqCst), 1);
        there.down.store(true, Ordering::SeqCst);
        app.advance(Duration::from_secs(200));
        for _ in 0..50 {
            assert_eq!(there.status(&unknown).await, 401);
        }
        assert_eq!(there.asked.load(Ordering::SeqCst), 2);
        assert_eq!(there.status(&token).await, 200, "what is known goes on");

        let new = Elsewhere::of(app.clone(), |keys| keys);
        new.down.store(true, Ordering::SeqCst);
        for _ in 0..50 {
            assert_eq!(new.status(&token).await, 503);
        }
        assert_eq!(new.asked.load(Ordering::SeqCst), 1);
        new.down.store(false, Ordering::SeqCst);
        app.advance(Duration::from_secs(10));
        assert_eq!(new.status(&token).await, 200);
    })
    .await;
}
