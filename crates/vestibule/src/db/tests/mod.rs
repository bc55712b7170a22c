//! What the database room promises, on both databases.

mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod units;

use serde_json::{Value, json};

use super::{Db, Error, Param};
use crate::ground;
use crate::params;
use crate::testing::databases::{each_database, each_empty_database};

type Outcome<T = ()> = Result<T, Error>;

const INSERT: &str = "INSERT INTO numbers (n) VALUES ($1)";

/// A table in which a number may stand once.
async fn numbers(db: &Db) {
    let sql = "CREATE TABLE numbers (n BIGINT NOT NULL CONSTRAINT numbers_n_key UNIQUE)";
    db.unit(move |tx| async move { tx.run(sql, &[]).await }).await.unwrap();
}

async fn insert(db: &Db, n: i64) -> Outcome {
    db.unit(move |tx| async move { tx.run(INSERT, params![n]).await.map(drop) }).await
}

async fn kept(db: &Db) -> Vec<i64> {
    db.all::<(i64,)>("SELECT n FROM numbers ORDER BY n", &[]).await.unwrap().into_iter().map(|(n,)| n).collect()
}

#[tokio::test]
async fn every_type_comes_back_as_it_was() {
    for test in each_empty_database().await {
        let table = match test.db {
            #[cfg(feature = "sqlite")]
            Db::Sqlite(_) => "CREATE TABLE t (a BOOLEAN, b BIGINT, c TEXT, d BLOB, e TEXT)",
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => "CREATE TABLE t (a BOOLEAN, b BIGINT, c TEXT, d BYTEA, e JSONB)",
        };
        type Row = (Option<bool>, Option<i64>, Option<String>, Option<Vec<u8>>, Option<Value>);
        let json = json!({"name": "Zoë", "list": [1, -2.5, null, true], "": {}});
        let rows: [Row; 3] = [
            (Some(true), Some(i64::MAX), Some("Grüße '$1' \u{1F984}".into()), Some(vec![0, 255, 7]), Some(json)),
            (Some(false), Some(i64::MIN), Some(String::new()), Some(vec![]), Some(json!([]))),
            (None, None, None, None, None),
        ];
        test.db.unit(move |tx| async move { tx.run(table, &[]).await }).await.unwrap();
        for row in rows {
            let back = test.db.unit(move |tx| async move {
                let (a, b, c, d, e) = &row;
                let sql = "INSERT INTO t (a, b, c, d, e) VALUES ($1, $2, $3, $4, $5::jsonb) RETURNING a, b, c, d, e";
                let back = tx.one::<Row>(sql, params![*a, *b, c.as_ref(), d.as_ref(), e.as_ref()]).await?;
                assert_eq!(back.as_ref(), Some(&row));
                // Out of order and used twice; the cast is for PostgreSQL alone.
                let sql = "SELECT a, b, c, d, e FROM t WHERE (c = $2 OR $2::text IS NULL) AND (b = $1 OR $1 IS NULL) AND \
                           (d = $3 OR $3::bytea IS NULL) AND (b IS NULL) = ($1 IS NULL)";
                let found = tx.one::<Row>(sql, params![row.1, row.2.as_ref(), row.3.as_ref()]).await?;
                assert_eq!(found.as_ref(), Some(&row));
                Outcome::Ok(())
            });
            back.await.unwrap();
        }
        let truths = test.db.one::<(i64,)>("SELECT count(*) FROM t WHERE a OR a = FALSE", &[]).await.unwrap();
        assert_eq!(truths, Some((2,)));
        let name = test.db.one::<(String,)>("SELECT e->>'name' FROM t WHERE b = $1", params![i64::MAX]).await.unwrap();
        assert_eq!(name, Some(("Zoë".into(),)));
    }
}

#[tokio::test]
async fn a_violated_unique_constraint_has_the_same_name_on_both() {
    for test in each_database().await {
        let user = "INSERT INTO auth_users (id, username_key, email_owner, created_at) VALUES ($1, $2, $3, 0)";
        let value = "INSERT INTO auth_unique_values (field, value_key, user_id) VALUES ('phone', $1, 1)";
        let fact = "INSERT INTO auth_facts (name, value) VALUES ('a', 'b')";
        let cases: [(&'static str, Vec<Param<'static>>, &str); 5] = [
            (user, vec![1_i64.into(), "other".into(), "other".into()], "auth_users.id"),
            (user, vec![2_i64.into(), "ana".into(), "other".into()], "auth_users.username_key"),
            (user, vec![2_i64.into(), "other".into(), "ana@example.org".into()], "auth_users.email_owner"),
            (value, vec!["+49".into()], "auth_unique_values.field_value_key"),
            (fact, vec![], "auth_facts.name"),
        ];
        let first = test.db.unit(move |tx| async move {
            tx.run(user, params![1_i64, "ana", "ana@example.org"]).await?;
            tx.run(value, params!["+49"]).await?;
            tx.run(fact, &[]).await
        });
        first.await.unwrap();
        for (sql, params, name) in cases {
            let error = test.db.unit(move |tx| async move { tx.run(sql, &params).await }).await.unwrap_err();
            assert_eq!(error, Error::Unique(name.into()), "{}", test.url);
        }
    }
}

#[tokio::test]
async fn inserts_that_may_collide_never_see_the_error() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let sql = "INSERT INTO numbers (n) VALUES ($1) ON CONFLICT DO NOTHING RETURNING n";
        for expected in [Some((7,)), None] {
            let got = test.db.unit(move |tx| async move { tx.one::<(i64,)>(sql, params![7]).await }).await;
            assert_eq!(got.unwrap(), expected);
        }
        let changed =
            test.db.unit(|tx| async move { tx.run("UPDATE numbers SET n = 8 WHERE n = $1 RETURNING n", params![7]).await });
        assert_eq!(changed.await.unwrap(), 1);
        let changed = test.db.unit(|tx| async move { tx.run("DELETE FROM numbers WHERE n = $1", params![7]).await });
        assert_eq!(changed.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn faults_of_ours_are_errors_on_both_and_tell_no_values() {
    for test in each_database().await {
        let db = &test.db;
        let secret = "hunter2";
        let two = db.one::<(bool,)>("SELECT TRUE UNION ALL SELECT FALSE", &[]).await;
        assert!(matches!(two, Err(Error::Other(why)) if why.contains("gave more")));
        let failed = [
            db.one::<(i64,)>("SELECT id FROM auth_users WHERE username = $1", &[]).await.unwrap_err(),
            db.one::<(i64,)>("SELECT id FROM auth_users WHERE username = $1", params![secret, secret]).await.unwrap_err(),
            db.one::<(i64,)>("SELECT id FROM nowhere WHERE username = $1", params![secret]).await.unwrap_err(),
            db.one::<(i64,)>("INSERT INTO auth_facts (name, value) VALUES ('a', $1) RETURNING 1", params![secret])
                .await
                .unwrap_err(),
        ];
        for error in failed {
            assert!(matches!(&error, Error::Other(why) if !why.contains(secret)), "{error}");
        }
        let refused =
            db.unit(move |tx| async move { tx.run("INSERT INTO auth_users (username) VALUES ($1)", params![secret]).await });
        let error = refused.await.unwrap_err();
        assert!(matches!(&error, Error::Other(why) if !why.contains(secret) && why.contains("created_at")), "{error}");
        // Text as a number: PostgreSQL refuses the parameter, SQLite the column's type (STRICT).
        let sql = "INSERT INTO auth_limits (bucket, hits, ends_at) VALUES ($1, $2, 0)";
        let refused = db.unit(move |tx| async move { tx.run(sql, params![b"b", secret]).await });
        let error = refused.await.unwrap_err();
        assert!(matches!(&error, Error::Other(why) if !why.contains(secret)), "{error}");
        let insert =
            db.unit(
                move |tx| async move { tx.run("INSERT INTO auth_facts (name, value) VALUES ('a', $1)", params![secret]).await },
            );
        insert.await.unwrap();
        let error = db.one::<(i64,)>("SELECT value FROM auth_facts", &[]).await.unwrap_err();
        assert!(matches!(&error, Error::Other(why) if !why.contains(secret) && why.contains("column 0")), "{error}");
    }
}

#[test]
fn t79_what_a_client_hears_is_when_to_come_back_or_nothing() {
    for error in [Error::Busy, Error::Lost, Error::Full, Error::Slow] {
        let ground::Error::Unavailable(after) = error.into() else { panic!("503 expected") };
        assert!((1..=5).contains(&after.as_secs()));
    }
    for error in [Error::Unique("t.a".into()), Error::Poisoned, Error::Other("why".into())] {
        assert!(matches!(error.into(), ground::Error::Internal(why) if why.starts_with("database: ")));
    }
}

#[tokio::test]
async fn an_unknown_url_says_what_to_write() {
    let error = Db::open("mysql://u:hunter2@h/d", super::Options::default()).await.err().unwrap().to_string();
    assert!(error.starts_with("database.url must begin with ") && !error.contains("hunter2"));
}

#[tokio::test]
async fn a_tuple_may_have_sixteen_columns() {
    type Sixteen = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, bool, Option<i64>);
    for test in each_empty_database().await {
        let sql = "SELECT n, n, n, n, n, n, n, n, n, n, n, n, n, n + 1, n = 1, NULLIF(n, 1) FROM (SELECT count(*) AS n) AS one";
        let row = test.db.one::<Sixteen>(sql, &[]).await.unwrap();
        let (.., thirteenth, fourteenth, fifteenth, sixteenth) = row.unwrap();
        assert_eq!((thirteenth, fourteenth, fifteenth, sixteenth), (1, 2, true, None));
    }
}
