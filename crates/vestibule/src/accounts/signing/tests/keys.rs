//! Keys: made once, read by all, rotated without anybody noticing (T40, T80).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::rotation::first;
use super::super::store::{self, New};
use super::*;

/// The key that signs.
fn signer(signing: &Signing, clock: &Clock) -> String {
    signing.current().signer(clock.now()).unwrap().kid.clone()
}

/// Puts a successor into the database, as `vestibule keys rotate` does.
async fn rotate(place: &Place, wait: Duration) -> String {
    let made = place.signing.made.as_ref().unwrap();
    let new = New::make(place.signing.algorithm, &made.seal, &place.signing.entropy, longest(&place.settings)).unwrap();
    let number = store::all(&made.db, place.signing.algorithm).await.unwrap().last().unwrap().number + 1;
    let (kid, now) = (new.kid.clone(), place.clock.now());
    let inserted = made.db.unit(move |tx| async move { new.insert(&tx, number, now, now.plus(wait)).await }).await;
    assert_eq!(inserted, Ok(true));
    kid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t40_processes_that_start_at_once_agree_on_one_key() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        for database in databases::each_database().await {
            let mut settings = settings(&database.url);
            settings.jwt.algorithm = algorithm;
            let clock = Clock::manual(BEGINNING);
            let start = Arc::new(tokio::sync::Barrier::new(16));
            let each = (0..16).map(|seed| {
                let (settings, db, clock, start) = (settings.clone(), database.db.clone(), clock.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    Signing::open(&settings, &db, &master(), &clock, &Entropy::seeded(seed)).await.unwrap()
                })
            });
            let mut all = Vec::new();
            for task in each.collect::<Vec<_>>() {
                all.push(task.await.unwrap());
            }
            let kid = signer(&all[0], &clock);
            assert!(all.iter().all(|signing| signer(signing, &clock) == kid));
            assert_eq!(store::all(&database.db, algorithm).await.unwrap().len(), 1);
            let ends = BEGINNING.plus(Duration::from_secs(60));
            let token = all[3].access(UserId::from_i64(1), SID, ends, &Map::new()).await.unwrap().token;
            assert!(all[12].read_access(token.expose()).await.is_ok());
        }
    }
}

#[tokio::test]
async fn t40_old_and_new_tokens_count_across_a_rotation() {
    for algorithm in ALGORITHMS {
        for database in databases::each_database().await {
            let place = Place::on(database, |settings| settings.jwt.algorithm = algorithm).await;
            let other = place.twin().await;
            let (before, old) = (place.refresh(1).await, signer(&place.signing, &place.clock));
            let new = rotate(&place, Duration::from_secs(600)).await;
            place.clock.advance(Duration::from_secs(1));
            let published = if algorithm == Algorithm::Hs256 { 0 } else { 2 };
            assert_eq!(other.public_keys().await.len(), published, "published at once");
            assert_eq!(opened(&place.refresh(1).await).0["kid"], old.as_str(), "but it does not sign yet");
            place.clock.advance(Duration::from_secs(598));
            assert_eq!(opened(&place.refresh(1).await).0["kid"], old.as_str());
            place.clock.advance(Duration::from_secs(1));
            let after = place.refresh(1).await;
            assert_eq!(opened(&after).0["kid"], new.as_str());
            assert_eq!(opened(&after).1, opened(&before).1, "a generation says the same under another key");
            for token in [&before, &after] {
                assert!(other.read_refresh(token).await.is_ok() && place.signing.read_refresh(token).await.is_ok());
            }
        }
    }
}

#[tokio::test]
async fn t40_an_old_key_counts_until_its_last_token_has_ended() {
    let place = Place::new(|_| {}).await;
    let ttl = place.settings.jwt.refresh_ttl.duration();
    rotate(&place, Duration::from_secs(600)).await;
    place.clock.advance(Duration::from_secs(599));
    let now = place.clock.now();
    let generation = Generation { user: UserId::from_i64(1), sid: SID, number: 1, issued_at: now, expires_at: now.plus(ttl) };
    let last = place.signing.refresh(generation).await.unwrap().token;
    place.clock.advance(ttl - Duration::from_secs(1));
    assert!(place.signing.read_refresh(last.expose()).await.is_ok(), "signed in the last second of the old key");
    place.clock.advance(Duration::from_secs(2));
    assert_eq!(place.signing.public_keys().await.len(), 2);
    place.clock.advance(Duration::from_secs(120));
    assert_eq!(place.signing.public_keys().await.len(), 1);
    place.twin().await;
    assert_eq!(store::all(&place.database.db, Algorithm::Es256).await.unwrap().len(), 1, "its row is removed at the next start");
}

#[tokio::test]
async fn a_longer_life_of_tokens_prolongs_the_life_of_their_keys() {
    let place = Place::new(|settings| settings.jwt.refresh_ttl = crate::settings::Span::hours(1)).await;
    let mut settings = place.settings.clone();
    settings.jwt.refresh_ttl = crate::settings::Span::days(30);
    open(&place.database, &settings, &place.clock).await.unwrap();
    rotate(&place, Duration::from_secs(600)).await;
    let rows = store::all(&place.database.db, Algorithm::Es256).await.unwrap();
    assert_eq!(rows[0].longest, 30 * 86_400_000);
}

#[tokio::test]
async fn t40_a_dropped_key_counts_nowhere_after_a_second() {
    for database in databases::each_database().await {
        let place = Place::on(database, |_| {}).await;
        let other = place.twin().await;
        let (token, kid) = (place.access().await, signer(&place.signing, &place.clock));
        assert!(other.read_access(&token).await.is_ok());
        let db = &place.database.db;
        let remove = async || {
            let kid = kid.clone();
            db.unit(move |tx| async move { store::remove(&tx, Algorithm::Es256, &kid).await }).await
        };
        assert_eq!(remove().await, Ok(false), "the only key stays");
        let successor = rotate(&place, Duration::from_secs(600)).await;
        assert_eq!(remove().await, Ok(true));
        place.clock.advance(Duration::from_secs(1));
        for signing in [&place.signing, &other] {
            assert_eq!(signing.read_access(&token).await.unwrap_err(), Fault::Invalid, "remembered or not");
            assert_eq!(signer(signing, &place.clock), successor, "nobody else is left to sign");
        }
    }
}

#[tokio::test]
async fn of_two_rotations_at_once_one_happens() {
    for database in databases::each_database().await {
        let place = Place::on(database, |_| {}).await;
        let made = place.signing.made.as_ref().unwrap();
        let now = place.clock.now();
        let mut put = 0;
        for _ in 0..5 {
            let new = New::make(Algorithm::Es256, &made.seal, &place.signing.entropy, 1).unwrap();
            put += u8::from(made.db.unit(move |tx| async move { new.insert(&tx, 2, now, now).await }).await.unwrap());
        }
        assert_eq!((put, store::all(&made.db, Algorithm::Es256).await.unwrap().len()), (1, 2));
    }
}

#[tokio::test]
async fn t33_unknown_names_ask_the_database_once_a_second() {
    let place = Place::new(|_| {}).await;
    let (token, read_at) = (place.access().await, || place.signing.made.as_ref().unwrap().read_at.load(Ordering::Relaxed));
    let kid = opened(&token).0["kid"].as_str().unwrap().to_owned();
    use base64::Engine as _;
    let coder = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let head = String::from_utf8(coder.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    let unknown = format!("{}.{}", coder.encode(head.replace(&kid, "unknown")), token.split_once('.').unwrap().1);
    let before = read_at();
    for _ in 0..100 {
        assert_eq!(place.signing.read_access(&unknown).await.unwrap_err(), Fault::Invalid);
    }
    assert_eq!(read_at(), before, "it was asked at the start, within this second");
    place.clock.advance(Duration::from_secs(1));
    for _ in 0..100 {
        assert_eq!(place.signing.read_access(&unknown).await.unwrap_err(), Fault::Invalid);
    }
    assert_eq!(read_at(), before + 1_000);
}

#[tokio::test]
async fn t80_a_private_key_opens_with_the_secret_key_and_in_its_row_only() {
    for algorithm in ALGORITHMS {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let (db, row) = (&place.database.db, store::all(&place.database.db, algorithm).await.unwrap().remove(0));
        let made = place.signing.made.as_ref().unwrap();
        assert!(store::open(algorithm, &row, &made.seal).is_ok());
        let moved = store::Stored { kid: "another".into(), ..row.clone() };
        assert!(store::open(algorithm, &moved, &made.seal).is_err());
        let other = MasterKey::new(&"another-test-key-of-32-characters-or-more".into()).unwrap();
        let wrong = Made::new(db, &other).unwrap();
        assert!(store::open(algorithm, &row, &wrong.seal).is_err());
        assert!(first(&made_again(db), algorithm, 1, BEGINNING, &place.signing.entropy).await.unwrap().len() == 1);
    }
}

#[tokio::test]
async fn t80_no_private_key_lies_in_the_database_in_clear() {
    for algorithm in ALGORITHMS {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let row = store::all(&place.database.db, algorithm).await.unwrap().remove(0);
        let made = place.signing.made.as_ref().unwrap();
        let plain = made.seal.open(&store::place(algorithm, &row.kid), &row.sealed).unwrap();
        // The end of PKCS#8 may be the public key, which is in clear where it is published; the private part is in the middle.
        let private = match algorithm {
            Algorithm::Es256 => &plain[36..68],
            Algorithm::EdDsa => &plain[16..48],
            Algorithm::Rs256 => &plain[plain.len() - 600..],
            Algorithm::Hs256 => &plain[..],
        };
        let path = place.database.url.strip_prefix("sqlite://").unwrap();
        for name in [path.to_owned(), format!("{path}-wal")] {
            let bytes = fs::read(&name).unwrap_or_default();
            assert!(!private.windows(16).any(|part| bytes.windows(16).any(|window| window == part)), "{algorithm:?} in {name}");
        }
    }
}

fn made_again(db: &Db) -> Made {
    Made::new(db, &master()).unwrap()
}

/// A file that only its owner can read.
fn file(folder: &tempfile::TempDir, text: &str, mode: u32) -> std::path::PathBuf {
    let path = folder.path().join(format!("{}.pem", fs::read_dir(folder.path()).unwrap().count()));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn pem(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/data/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn t40_the_owners_key_is_used_if_it_fits() {
    let folder = tempfile::tempdir().unwrap();
    let database = databases::fresh_sqlite().await;
    let attempt = async |algorithm, text: &str, mode| {
        let mut settings = settings(&database.url);
        (settings.jwt.algorithm, settings.jwt.private_key_file) = (algorithm, Some(file(&folder, text, mode)));
        open(&database, &settings, &Clock::manual(BEGINNING)).await
    };
    let kinds = [
        ("ec-pkcs8", Algorithm::Es256),
        ("ec-sec1", Algorithm::Es256),
        ("ed25519", Algorithm::EdDsa),
        ("rsa-pkcs8", Algorithm::Rs256),
        ("rsa-pkcs1", Algorithm::Rs256),
    ];
    for (name, fits) in kinds {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let opened = attempt(algorithm, &pem(name), 0o600).await;
            assert_eq!(opened.is_ok(), algorithm == fits, "{name} {algorithm:?}");
            if let Err(why) = opened {
                assert!(why.starts_with("jwt.private_key_file names the file ") && why.contains(algorithm.word()), "{why}");
            }
        }
    }
    for name in ["rsa-1024", "ec-p384", "ec-public"] {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
            assert!(attempt(algorithm, &pem(name), 0o600).await.is_err(), "{name}");
        }
    }
    let readable = attempt(Algorithm::Es256, &pem("ec-pkcs8"), 0o644).await.err().unwrap();
    assert!(readable.contains("everybody on this machine"), "{readable}");
    assert_eq!(store::all(&database.db, Algorithm::Es256).await.unwrap(), [], "nothing is made beside the owner's key");
}

#[tokio::test]
async fn t40_the_same_key_in_two_forms_has_one_name() {
    let of = |name: &str, algorithm| KeyPair::from_pem(algorithm, &pem(name).into()).unwrap().kid;
    assert_eq!(of("ec-pkcs8", Algorithm::Es256), of("ec-sec1", Algorithm::Es256));
    assert_eq!(of("rsa-pkcs8", Algorithm::Rs256), of("rsa-pkcs1", Algorithm::Rs256));
}

#[tokio::test]
async fn t40_what_is_published_holds_no_private_member() {
    for algorithm in ALGORITHMS {
        let place = Place::new(|settings| settings.jwt.algorithm = algorithm).await;
        let keys = serde_json::to_value(place.signing.public_keys().await).unwrap();
        for key in keys.as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert!(key.get(private).is_none(), "{private}");
            }
            assert_eq!((&key["alg"], &key["use"]), (&algorithm.word().into(), &"sig".into()));
        }
        assert_eq!(keys.as_array().unwrap().is_empty(), algorithm == Algorithm::Hs256);
    }
}
