//! Units: all or nothing, whatever happens to them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::super::{Db, Error, Options, Tx};
use super::{INSERT, Outcome, insert, kept, numbers};
use crate::params;
use crate::testing::databases::each_empty_database;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_forty_units_at_once_errors_and_panics_leave_nothing_and_reach_only_their_callers() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let units: Vec<_> = (0..40_i64)
            .map(|n| {
                let db = test.db.clone();
                tokio::spawn(async move {
                    db.unit(move |tx| async move {
                        tx.run(INSERT, params![n]).await?;
                        tx.run(INSERT, params![n + 1_000]).await?;
                        match n % 8 {
                            3 => Err(Error::Other("refused".into())),
                            5 => panic!("unit {n}"),
                            _ => Ok(n),
                        }
                    })
                    .await
                })
            })
            .collect();
        for (n, unit) in (0..40_i64).zip(units) {
            match (n % 8, unit.await) {
                (3, answer) => assert_eq!(answer.unwrap(), Err(Error::Other("refused".into()))),
                (5, answer) => {
                    let panic = answer.unwrap_err().into_panic();
                    assert_eq!(panic.downcast_ref::<String>(), Some(&format!("unit {n}")));
                }
                (_, answer) => assert_eq!(answer.unwrap(), Ok(n)),
            }
        }
        let good = (0..40).filter(|n| !matches!(n % 8, 3 | 5));
        let expected: Vec<i64> = good.clone().chain(good.map(|n| n + 1_000)).collect();
        assert_eq!(kept(&test.db).await, expected);
    }
}

#[tokio::test]
async fn a_client_that_leaves_cannot_cut_a_unit() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        for n in 0..20_i64 {
            let unit = test.db.unit(move |tx| async move {
                tx.run(INSERT, params![n]).await?;
                sleep(Duration::from_millis(7)).await;
                tx.run(INSERT, params![n + 1_000]).await
            });
            timeout(Duration::from_millis(2), unit).await.unwrap_err();
        }
        // The queue is in order on SQLite; on PostgreSQL the tasks need their moment.
        let began = Instant::now();
        while kept(&test.db).await.len() < 40 && began.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(kept(&test.db).await, (0..20).chain(1_000..1_020).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_tx_that_outlives_its_unit_is_refused() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let place: Arc<Mutex<Option<Tx>>> = Arc::default();
        let escape = place.clone();
        let unit = test.db.unit(move |tx| async move {
            tx.run(INSERT, params![1]).await?;
            escape.lock().unwrap().replace(tx);
            Outcome::Ok(())
        });
        unit.await.unwrap();
        let tx = place.lock().unwrap().take().unwrap();
        assert!(matches!(tx.run(INSERT, params![2]).await, Err(Error::Other(why)) if why.contains("after its unit")));
        // Inside of a later unit, which on SQLite is the same thread and connection.
        let unit = test.db.unit(move |own| async move {
            assert!(matches!(tx.run(INSERT, params![3]).await, Err(Error::Other(_))));
            own.run(INSERT, params![4]).await
        });
        unit.await.unwrap();
        assert_eq!(kept(&test.db).await, [1, 4]);
    }
}

#[tokio::test]
async fn a_tx_that_is_sent_to_another_task_never_writes_outside_of_its_unit() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let on_its_thread = test.url.starts_with("sqlite");
        let unit = test.db.unit(move |tx| async move {
            let sent = tokio::spawn(async move { tx.run(INSERT, params![1]).await }).await.unwrap();
            match sent {
                Err(Error::Other(why)) => assert!(on_its_thread && why.contains("another thread")),
                sent => assert!(!on_its_thread && sent == Ok(1)),
            }
            Err::<(), _>(Error::Other("undo".into()))
        });
        assert_eq!(unit.await, Err(Error::Other("undo".into())));
        assert!(kept(&test.db).await.is_empty());
    }
}

#[tokio::test]
async fn a_swallowed_error_cannot_be_kept() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        insert(&test.db, 1).await.unwrap();
        let unit = test.db.unit(|tx| async move {
            tx.run(INSERT, params![2]).await?;
            assert_eq!(tx.run(INSERT, params![1]).await, Err(Error::Unique("numbers.n".into())));
            assert_eq!(tx.run(INSERT, params![3]).await, Err(Error::Poisoned));
            assert_eq!(tx.all::<(i64,)>("SELECT n FROM numbers", &[]).await, Err(Error::Poisoned));
            Outcome::Ok(())
        });
        assert_eq!(unit.await, Err(Error::Poisoned));
        // Its own error stays its own.
        let unit = test.db.unit(|tx| async move {
            let _ = tx.run(INSERT, params![1]).await;
            Err::<(), _>(Error::Other("mine".into()))
        });
        assert_eq!(unit.await, Err(Error::Other("mine".into())));
        insert(&test.db, 4).await.unwrap();
        assert_eq!(kept(&test.db).await, [1, 4]);
    }
}

#[tokio::test]
async fn a_unit_that_awaits_something_foreign_for_too_long_is_undone() {
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let db = Db::open(&test.url, Options { hook_wait: Some(Duration::from_millis(60)), ..Options::default() }).await.unwrap();
        let short = db.unit(|tx| async move {
            tx.run(INSERT, params![1]).await?;
            sleep(Duration::from_millis(20)).await;
            tx.run(INSERT, params![2]).await
        });
        assert_eq!(short.await, Ok(1));
        let began = Instant::now();
        let endless = db.unit_with_hooks(|tx| async move {
            tx.run(INSERT, params![3]).await?;
            std::future::pending::<Outcome>().await
        });
        assert_eq!(endless.await, Err(Error::Slow));
        assert!((60..400).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        insert(&db, 4).await.unwrap();
        assert_eq!(kept(&db).await, [1, 2, 4]);
    }
}

#[tokio::test]
async fn a_value_whose_destructor_panics_ends_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "bomb");
        }
    }
    for test in each_empty_database().await {
        numbers(&test.db).await;
        let db = Db::open(&test.url, Options { hook_wait: Some(Duration::from_millis(20)), ..Options::default() }).await.unwrap();
        let unit = db.unit(|tx| async move {
            let _bomb = Bomb;
            tx.run(INSERT, params![1]).await?;
            std::future::pending::<Outcome>().await
        });
        assert!(unit.await.is_err());
        insert(&db, 2).await.unwrap();
        assert_eq!(kept(&db).await, [2]);
    }
}
