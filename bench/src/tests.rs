//! What the benchmark relies on, in half a second: seeded keys count, and the client sees what it should. Nothing here is timed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use vestibule::settings::Algorithm;
use vestibule::testing::app::settings;
use vestibule::testing::databases;
use vestibule::{Auth, Settings};

use crate::client::patches::{Freshness, Patches};
use crate::client::tokens::{Bearers, Order, Refreshes, prove};
use crate::client::work::{Logins, Reads, Registrations};
use crate::client::{Measured, Plan, drive};
use crate::seed::{Amount, seed};
use crate::tokens::{self, Holder, Signer};

const AMOUNT: Amount = Amount { users: 10, sessions_per_user: 3, seen_in: 0 };

fn check(measured: &Measured) {
    assert_eq!((measured.failures, &measured.first_failure), (0, &None));
    assert!(measured.requests > 0);
}

fn ask(address: SocketAddr) {
    let plan = |rate| Plan { address, span: Duration::from_millis(300), rate };
    let freshness = Freshness::new(AMOUNT.sessions());
    let patches = Patches::start(address, "/auth/user/", &freshness, 5);
    check(&drive(plan(None), Reads::of(4, "/auth/user/", &freshness)).unwrap());
    assert!(patches.end().unwrap() > 0, "somebody was edited");
    let gentle = drive(plan(Some(50.0)), Reads::of(1, "/auth/user/", &freshness)).unwrap();
    check(&gentle);
    assert!(gentle.requests <= 16, "no more than the rate asks for");
    check(&drive(plan(None), Logins::of(2, "/auth/login/", AMOUNT.users)).unwrap());
    let people = Arc::new(AtomicU64::new(1));
    check(&drive(plan(None), Registrations::of(2, "/auth/registration/", &people)).unwrap());
    // A key that nobody has is noticed.
    let strangers = drive(plan(None), Reads::of(1, "/auth/user/", &Freshness::new(AMOUNT.sessions() * 1_000))).unwrap();
    assert!(strangers.failures > 0);
}

/// Serves on an address of its own while `asked` asks it.
async fn served(settings: Settings, asked: impl FnOnce(SocketAddr) + Send + 'static) {
    let auth = Auth::builder(settings).build().await.unwrap();
    let app: Router = auth.router_at_base_path();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    tokio::task::spawn_blocking(move || asked(address)).await.unwrap();
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_seeded_key_and_password_counts_and_no_read_is_stale() {
    for database in databases::each_empty_database().await {
        seed(&database.url, AMOUNT).await.unwrap();
        assert!(seed(&database.url, AMOUNT).await.is_err(), "a database with users is left alone");
        served(settings(&database.url), ask).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signed_token_counts_and_is_followed_by_others_that_count() {
    for database in databases::each_empty_database().await {
        seed(&database.url, AMOUNT).await.unwrap();
        let settings = Settings { tokens: tokens::settings("", "", Algorithm::Es256).tokens, ..settings(&database.url) };
        let signer = Signer::open(settings.clone()).await.unwrap();
        let access: Arc<[String]> = signer.access(2).await.unwrap().into();
        let holders: Arc<[Holder]> = signer.holders().await.unwrap().into();
        assert_eq!((access.len(), holders.len()), (60, 30));
        let ask = move |address| {
            let plan = Plan { address, span: Duration::from_millis(300), rate: None };
            let in_turn = Order::InTurn(Arc::default());
            for order in [Order::Drawn, in_turn] {
                check(&Bearers::drive(plan, 4, "/auth/user/", &access, &order).unwrap());
            }
            check(&Refreshes::drive(plan, 4, "/auth/token/refresh/", &holders).unwrap());
            assert!(prove(address, "/auth/user/", &holders).unwrap() > 0);
            // A token that nobody was given is noticed.
            holders[0].pair.lock().unwrap().access = "a.b.c".to_owned();
            assert!(prove(address, "/auth/user/", &holders).is_err());
        };
        served(settings, ask).await;
    }
}
