//! The schema: each step exactly once, and no step on what it does not fit.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Barrier;

use super::super::migrate::{MIGRATIONS, MigrateError, Migration, apply, migrate, pending};
use super::super::{Db, Error, Options};
use super::{kept, numbers};
use crate::ground::Time;
use crate::testing::databases::{each_database, each_empty_database};

fn now() -> Time {
    Time::from_millis(1_700_000_000_000)
}

const fn both(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration {
        version,
        name,
        #[cfg(feature = "sqlite")]
        sqlite: sql,
        #[cfg(feature = "postgres")]
        postgres: sql,
    }
}

async fn ledger(db: &Db) -> Vec<(i64, String, i64)> {
    db.all("SELECT version, name, applied_at FROM auth_migrations ORDER BY version", &[]).await.unwrap()
}

#[tokio::test]
async fn an_empty_database_gets_all_of_them_once() {
    for test in each_empty_database().await {
        let all: Vec<_> = MIGRATIONS.iter().map(|migration| migration.name).collect();
        assert_eq!(pending(&test.db).await.unwrap(), all);
        assert_eq!(migrate(&test.db, now()).await.unwrap(), all);
        assert_eq!(pending(&test.db).await.unwrap(), Vec::<&str>::new());
        assert_eq!(migrate(&test.db, now()).await.unwrap(), Vec::<&str>::new());
        let expected: Vec<_> = MIGRATIONS.iter().map(|m| (m.version, m.name.to_owned(), now().millis())).collect();
        assert_eq!(ledger(&test.db).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t89_of_servers_that_start_at_once_exactly_one_runs_each() {
    static SET: &[Migration] = &[
        Migration {
            #[cfg(feature = "postgres")]
            postgres: "CREATE TABLE first (n BIGINT); SELECT pg_sleep(0.1); CREATE TABLE second (n BIGINT);",
            ..both(1, "0001_first", "CREATE TABLE first (n BIGINT); CREATE TABLE second (n BIGINT);")
        },
        both(2, "0002_next", "INSERT INTO first (n) VALUES (1); INSERT INTO first (n) VALUES (2);"),
        both(3, "0003_last", "INSERT INTO second (n) SELECT n FROM first;"),
    ];
    for test in each_empty_database().await {
        let start = Arc::new(Barrier::new(4));
        let servers: Vec<_> = (0..4)
            .map(|_| {
                let (url, start) = (test.url.clone(), start.clone());
                tokio::spawn(async move {
                    let db = Db::open(&url, Options::default()).await.unwrap();
                    start.wait().await;
                    apply(&db, SET, now()).await.unwrap()
                })
            })
            .collect();
        let mut ran = Vec::new();
        for server in servers {
            ran.extend(server.await.unwrap());
        }
        ran.sort_unstable();
        assert_eq!(ran, ["0001_first", "0002_next", "0003_last"]);
        let rows = test.db.one::<(i64,)>("SELECT count(*) FROM second", &[]).await.unwrap();
        assert_eq!(rows, Some((2,)));
    }
}

#[tokio::test]
async fn t89_one_that_fails_leaves_nothing_and_can_be_run_again() {
    static BROKEN: &[Migration] = &[
        both(1, "0001_first", "CREATE TABLE first (n BIGINT);"),
        both(2, "0002_next", "CREATE TABLE next (n BIGINT); INSERT INTO nowhere (n) VALUES (1);"),
    ];
    static REPAIRED: &[Migration] = &[BROKEN[0], both(2, "0002_next", "CREATE TABLE next (n BIGINT);")];
    for test in each_empty_database().await {
        let failed = apply(&test.db, BROKEN, now()).await;
        assert!(matches!(failed, Err(MigrateError::Failed("0002_next", Error::Other(_)))), "{failed:?}");
        assert_eq!(ledger(&test.db).await.len(), 1);
        assert_eq!(apply(&test.db, REPAIRED, now()).await.unwrap(), ["0002_next"]);
    }
}

#[tokio::test]
async fn t89_a_newer_schema_and_an_altered_migration_are_refused() {
    static OLD: &[Migration] = &[both(1, "0001_first", "CREATE TABLE first (n BIGINT);")];
    static NEW: &[Migration] = &[OLD[0], both(2, "0002_next", "CREATE TABLE next (n BIGINT);")];
    static ALTERED: &[Migration] = &[both(1, "0001_first", "CREATE TABLE first (m BIGINT);"), NEW[1]];
    static LINE_ENDS: &[Migration] = &[both(1, "0001_first", "CREATE TABLE first (n BIGINT);\r"), NEW[1]];
    for test in each_empty_database().await {
        apply(&test.db, NEW, now()).await.unwrap();
        assert_eq!(apply(&test.db, OLD, now()).await, Err(MigrateError::Newer("0002_next".into())));
        assert_eq!(apply(&test.db, ALTERED, now()).await, Err(MigrateError::Altered("0001_first".into())));
        assert_eq!(apply(&test.db, LINE_ENDS, now()).await, Ok(vec![]));
        assert!(matches!(pending(&test.db).await, Err(MigrateError::Altered(_))));
        assert_eq!(ledger(&test.db).await.len(), 2);
    }
}

#[tokio::test]
async fn accounts_that_were_imported_before_that_was_noted_are_told_from_those_made_here() {
    for test in each_empty_database().await {
        apply(&test.db, &MIGRATIONS[..6], now()).await.unwrap();
        let accounts = "INSERT INTO auth_users (id, created_at) VALUES (1, 5), (2, 6)";
        let trail = "INSERT INTO auth_audit (at, event, user_id) VALUES (7, 'user.imported', 2), (8, 'user.created', 1)";
        let before = test.db.unit(move |tx| async move {
            tx.run(accounts, &[]).await?;
            tx.run(trail, &[]).await
        });
        before.await.unwrap();
        apply(&test.db, &MIGRATIONS[..7], now()).await.unwrap();
        let rows = test.db.all::<(i64, Option<i64>)>("SELECT id, made_elsewhere_at FROM auth_users ORDER BY id", &[]).await;
        assert_eq!(rows.unwrap(), [(1, None), (2, Some(0))]);
    }
}

#[test]
fn every_file_is_in_the_table_and_has_its_twin() {
    let listed: BTreeSet<_> = MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.name)).collect();
    for kind in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
        let files: BTreeSet<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(files, listed, "{kind}");
    }
    for (at, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.version, at);
        assert!(migration.name.starts_with(&format!("{at:04}_")));
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut seen: Vec<Vec<(String, String)>> = Vec::new();
    for test in each_database().await {
        let sql = match test.db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => {
                "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND t.name LIKE 'auth%' ORDER BY t.name, c.name"
            }
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\""
            }
        };
        seen.push(test.db.all(sql, &[]).await.unwrap());
    }
    assert!(seen[0].len() > 40);
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
}

#[tokio::test]
async fn a_user_takes_everything_that_is_its_own_along() {
    for test in each_database().await {
        let unit = test.db.unit(|tx| async move {
            tx.run("INSERT INTO auth_users (id, created_at) VALUES (7, 0)", &[]).await?;
            let session = "INSERT INTO auth_sessions (key_hash, sid, user_id, epoch, created_at, last_seen_at, expires_at, method) \
                           VALUES ($1, 's', 7, 1, 0, 0, 9, 'password')";
            tx.run(session, crate::params![b"hash"]).await?;
            tx.run("INSERT INTO auth_unique_values (field, value_key, user_id) VALUES ('phone', '1', 7)", &[]).await?;
            tx.run("INSERT INTO auth_audit (at, event, user_id) VALUES (0, 'login', 7)", &[]).await?;
            tx.run("DELETE FROM auth_users WHERE id = 7", &[]).await
        });
        assert_eq!(unit.await, Ok(1));
        let left = "SELECT (SELECT count(*) FROM auth_sessions), (SELECT count(*) FROM auth_unique_values), (SELECT count(*) FROM auth_audit)";
        assert_eq!(test.db.one::<(i64, i64, i64)>(left, &[]).await.unwrap(), Some((0, 0, 1)));
        // Defaults are those of a new account.
        let row =
            "INSERT INTO auth_users (created_at) VALUES (5) RETURNING version, epoch, first_name, is_active, is_staff, profile";
        let row = test
            .db
            .unit(move |tx| async move { tx.one::<(i64, i64, String, bool, bool, serde_json::Value)>(row, &[]).await })
            .await;
        assert_eq!(row.unwrap(), Some((1, 1, String::new(), true, false, serde_json::json!({}))));
    }
}

#[tokio::test]
async fn a_write_outside_of_a_unit_is_refused() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        for _ in 0..2 {
            let refused = test.db.one::<(i64,)>("INSERT INTO numbers (n) VALUES (1) RETURNING n", &[]).await;
            assert!(matches!(refused, Err(Error::Other(_))), "{refused:?}");
        }
        assert!(kept(&test.db).await.is_empty());
    }
}
