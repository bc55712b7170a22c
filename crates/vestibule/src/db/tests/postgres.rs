//! PostgreSQL alone: outages, between it and us a gate that can be shut or made deaf.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::super::{Db, Error, Options};
use super::{Outcome, insert, kept, numbers};
use crate::params;
use crate::testing::databases::{TestDb, empty_postgres};

#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Open,
    /// Connections are cut, new ones too.
    Shut,
    /// Connections stand, but nothing is passed on.
    Deaf,
    /// Old connections look alive and break at the next word; new ones are passed on.
    Stale,
}

/// The test's database once more, through a gate.
struct Behind {
    db: Db,
    gate: watch::Sender<Gate>,
    _folder: tempfile::TempDir,
}

async fn behind_a_gate(test: &TestDb, connections: usize) -> Behind {
    let config: Config = test.url.parse().unwrap();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let (gate, state) = watch::channel(Gate::Open);
    let host = config.get_hosts()[0].clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            match &host {
                Host::Unix(path) => {
                    let socket: PathBuf = path.join(format!(".s.PGSQL.{port}"));
                    tokio::spawn(pass(near, UnixStream::connect(socket).await.unwrap(), state.clone()));
                }
                Host::Tcp(name) => {
                    tokio::spawn(pass(near, TcpStream::connect((name.as_str(), port)).await.unwrap(), state.clone()));
                }
            }
        }
    });
    let query = format!(
        "host={}&port=5432&options={}",
        folder.path().display(),
        config.get_options().unwrap().replace(' ', "%20").replace('=', "%3D")
    );
    let user = config.get_user().unwrap_or("postgres");
    let password = config.get_password().map(|word| format!(":{}", String::from_utf8_lossy(word))).unwrap_or_default();
    let url = format!("postgres://{user}{password}@/{}?{query}", config.get_dbname().unwrap_or(user));
    let db = Db::open(&url, Options { connections, ..Options::default() }).await.unwrap();
    Behind { db, gate, _folder: folder }
}

async fn pass<S: AsyncRead + AsyncWrite + Unpin>(mut near: UnixStream, mut far: S, mut state: watch::Receiver<Gate>) {
    for turn in 0.. {
        let now = *state.borrow_and_update();
        match now {
            Gate::Shut => return,
            Gate::Stale if turn > 0 => return drop(near.read(&mut [0]).await),
            Gate::Deaf => state.changed().await.unwrap(),
            Gate::Open | Gate::Stale => tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => return,
                changed = state.changed() => changed.unwrap(),
            },
        }
    }
}

#[tokio::test]
async fn t87_a_database_that_was_away_is_used_again_without_a_restart() {
    let test = empty_postgres().await;
    numbers(&test.db).await;
    let behind = behind_a_gate(&test, 4).await;
    insert(&behind.db, 1).await.unwrap();
    behind.gate.send(Gate::Shut).unwrap();
    for _ in 0..6 {
        let began = Instant::now();
        assert_eq!(behind.db.all::<(i64,)>("SELECT n FROM numbers", &[]).await, Err(Error::Lost));
        assert_eq!(insert(&behind.db, 2).await, Err(Error::Lost));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    behind.gate.send(Gate::Open).unwrap();
    assert_eq!(kept(&behind.db).await, [1]);
    insert(&behind.db, 3).await.unwrap();
    assert_eq!(kept(&behind.db).await, [1, 3]);
}

#[tokio::test]
async fn t87_a_connection_that_died_since_its_last_use_is_not_noticed() {
    let test = empty_postgres().await;
    numbers(&test.db).await;
    let behind = behind_a_gate(&test, 4).await;
    for n in 0..4_usize {
        behind.gate.send(Gate::Open).unwrap();
        let all = || behind.db.all::<(i64,)>("SELECT count(*) FROM pg_sleep(0.02)", &[]);
        let (a, b, c, d) = tokio::join!(all(), all(), all(), all());
        assert!([a, b, c, d].iter().all(Result::is_ok));
        behind.gate.send(Gate::Stale).unwrap();
        if n % 2 == 0 {
            assert_eq!(kept(&behind.db).await.len(), n);
            let one = behind.db.one::<(i64,)>("SELECT count(*) FROM numbers", &[]);
            assert_eq!(one.await, Ok(Some((n as i64,))));
        }
        insert(&behind.db, n as i64).await.unwrap();
    }
    assert_eq!(kept(&behind.db).await, [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t87_a_database_that_does_not_answer_is_an_answer_within_five_seconds() {
    let test = empty_postgres().await;
    numbers(&test.db).await;
    let behind = behind_a_gate(&test, 2).await;
    insert(&behind.db, 1).await.unwrap();
    behind.gate.send(Gate::Deaf).unwrap();
    let began = Instant::now();
    let waiting: Vec<_> = (0..12)
        .map(|n| {
            let db = behind.db.clone();
            tokio::spawn(async move {
                if n % 2 == 0 {
                    insert(&db, n + 10).await
                } else {
                    db.one::<(i64,)>("SELECT n FROM numbers", &[]).await.map(drop)
                }
            })
        })
        .collect();
    for answer in waiting {
        let error = answer.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Lost | Error::Busy | Error::Slow), "{error:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    behind.gate.send(Gate::Open).unwrap();
    assert_eq!(kept(&behind.db).await, [1]);
    insert(&behind.db, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_share_a_connection_do_not_disturb_each_other() {
    let test = empty_postgres().await;
    let reads = (0..200_i64).map(|n| {
        let db = test.db.clone();
        tokio::spawn(async move {
            let (word, sql) = (n.to_string(), "SELECT CAST($1::text AS BIGINT)");
            match n % 3 {
                0 => assert_eq!(db.one::<(i64,)>(sql, params![word.as_str()]).await, Ok(Some((n,)))),
                1 => assert!(matches!(db.one::<(i64,)>(sql, params!["no number"]).await, Err(Error::Other(_)))),
                // Left before its answer is there.
                _ => drop(tokio::time::timeout(Duration::ZERO, db.one::<(i64,)>(sql, params![word.as_str()])).await),
            }
        })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_whose_unit_did_not_end_cleanly_is_not_used_again() {
    let test = empty_postgres().await;
    numbers(&test.db).await;
    let db = Db::open(&test.url, Options { connections: 1, hook_wait: Some(Duration::from_millis(30)) }).await.unwrap();
    for n in 0..3_i64 {
        let endless = db.unit(move |tx| async move {
            tx.run("INSERT INTO numbers (n) VALUES ($1)", params![n]).await?;
            std::future::pending::<Outcome>().await
        });
        assert_eq!(endless.await, Err(Error::Slow));
        // A statement whose future is dropped may fail unseen: the unit is not kept.
        let cut = db.unit(|tx| async move {
            let sleep = tx.one::<(i64,)>("SELECT 1::bigint FROM pg_sleep(0.05)", &[]);
            let _ = tokio::time::timeout(Duration::from_millis(5), sleep).await;
            Outcome::Ok(())
        });
        assert_eq!(cut.await, Err(Error::Poisoned));
        assert!(kept(&db).await.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_or_a_wrong_url_says_what_to_do() {
    for (url, says) in [
        ("postgres://u:hunter2@127.0.0.1:1/d", "cannot be reached"),
        ("postgres://u:hunter2@h/d?sslmode=strict", "sslmode"),
        ("postgres://u:hunter2@h/d?colour=blue", "colour"),
        ("postgresql://u:hunter2@h:port/d", "postgres://user:password@host:5432/name"),
    ] {
        let error = Db::open(url, Options::default()).await.err().unwrap().to_string();
        assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn t87_tls_that_is_demanded_is_never_given_up() {
    // A server without TLS, reached over TCP: `prefer` goes on in plain text, the others refuse.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = tokio::spawn(async move {
        let mut said = Vec::new();
        while said.len() < 4 {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut hello = [0; 8];
            client.read_exact(&mut hello).await.unwrap();
            client.write_all(b"N").await.unwrap();
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(Duration::from_millis(200), client.read_to_end(&mut rest)).await;
            said.push(!rest.is_empty());
        }
        said
    });
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let url = format!("postgres://user:hunter2@127.0.0.1:{port}/d?sslmode={mode}");
        assert!(Db::open(&url, Options::default()).await.is_err());
    }
    assert_eq!(said.await.unwrap(), [false, false, false, true], "whether anything was sent after TLS was declined");
}

#[tokio::test]
async fn t79_a_value_that_postgresql_quotes_is_in_no_error() {
    let test = empty_postgres().await;
    for sql in [
        "SELECT CAST($1::text AS BIGINT)",
        "SELECT CAST(CAST($1::text AS BYTEA) AS TEXT)::bigint",
        "SELECT count(*) FROM jsonb_each($1::text::jsonb)",
    ] {
        let error = test.db.one::<(i64,)>(sql, params!["hunter2"]).await.unwrap_err();
        assert!(
            matches!(&error, Error::Other(why) if why.contains("PostgreSQL error 22") && !why.contains("hunter2")),
            "{error}"
        );
    }
    let error = test.db.one::<(i64,)>("SELECT count(*) FROM pg_sleep(9)", &[]).await.unwrap_err();
    assert_eq!(error, Error::Busy, "the server's own limit ends it");
}
