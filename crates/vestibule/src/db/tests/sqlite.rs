//! SQLite alone: the file, other processes, a full disk.

use std::future::{Future, poll_fn};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::time::sleep;

use super::super::writer::QUEUE;
use super::super::{Db, Error, Options};
use super::{INSERT, Outcome, insert, kept, numbers};
use crate::params;
use crate::testing::databases::{TestDb, empty_sqlite, fresh_sqlite};

fn file(test: &TestDb) -> PathBuf {
    PathBuf::from(test.url.strip_prefix("sqlite://").unwrap())
}

async fn refusal(url: &str) -> String {
    Db::open(url, Options::default()).await.err().unwrap().to_string()
}

#[tokio::test]
async fn t80_the_file_and_its_companions_are_for_their_owner_alone() {
    let test = fresh_sqlite().await;
    let folder = file(&test).parent().unwrap().to_owned();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    assert!(refusal(&at("missing/a.db")).await.contains("does not exist; make it"));
    assert!(refusal(&at("")).await.contains("it must name a file"));
    std::fs::write(folder.path().join("text.db"), "This is a letter, and certainly no database of any kind. ".repeat(99))
        .unwrap();
    assert!(refusal(&at("text.db")).await.contains("is not an SQLite database; move it away"));
    assert!(refusal("sqlite:///proc/vestibule.db").await.contains("change database.url"));
    assert!(refusal("sqlite://:memory:").await.contains("the path of a file"));
    assert!(refusal("sqlite://a.db?mode=rwc").await.contains("without parameters"));
    assert!(!Path::new("a.db").exists());
}

#[tokio::test]
async fn every_connection_keeps_plans_enforces_keys_and_syncs_each_commit() {
    let test = fresh_sqlite().await;
    let of_the_writer = test.db.unit(|tx| async move {
        let found = (
            tx.one::<(i64,)>("PRAGMA foreign_keys", &[]).await?,
            tx.one::<(i64,)>("PRAGMA synchronous", &[]).await?,
            tx.one::<(String,)>("PRAGMA journal_mode", &[]).await?,
        );
        Outcome::Ok(found)
    });
    assert_eq!(of_the_writer.await.unwrap(), (Some((1,)), Some((2,)), Some(("wal".into(),))));
    assert_eq!(test.db.one::<(i64,)>("PRAGMA query_only", &[]).await.unwrap(), Some((1,)));
    let connection = super::super::sqlite::connect(&file(&test), Duration::ZERO).unwrap();
    assert!(connection.db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_writes_to_the_same_file_and_nothing_is_lost() {
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    let path = file(&test);
    let other = std::thread::spawn(move || {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(4)).unwrap();
        for n in 1_000..1_200 {
            connection.execute("INSERT INTO numbers (n) VALUES (?1)", [n]).unwrap();
        }
    });
    for n in 0..200 {
        insert(&test.db, n).await.unwrap();
    }
    other.join().unwrap();
    assert_eq!(kept(&test.db).await, (0..200).chain(1_000..1_200).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t87_a_lock_held_by_another_process_is_waited_for_but_not_forever() {
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    let other = Connection::open(file(&test)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = tokio::spawn({
        let db = test.db.clone();
        async move { insert(&db, 1).await }
    });
    sleep(Duration::from_millis(300)).await;
    // Readers do not notice.
    assert!(kept(&test.db).await.is_empty());
    other.execute_batch("COMMIT").unwrap();
    held.await.unwrap().unwrap();

    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let late = async {
        sleep(Duration::from_secs(2)).await;
        insert(&test.db, 3).await
    };
    let (first, second) = tokio::join!(insert(&test.db, 2), late);
    assert_eq!((first, second), (Err(Error::Busy), Err(Error::Busy)));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    other.execute_batch("COMMIT").unwrap();
    insert(&test.db, 4).await.unwrap();
    assert_eq!(kept(&test.db).await, [1, 4]);
}

#[tokio::test]
async fn t88_a_full_disk_fails_the_whole_group_and_nothing_acknowledged_is_lost() {
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    let room = |pages: &'static str| test.db.unit(move |tx| async move { tx.script(pages).await });
    let sql = "CREATE TABLE pages (n BIGINT NOT NULL, filling BLOB NOT NULL)";
    test.db.unit(move |tx| async move { tx.run(sql, &[]).await }).await.unwrap();
    room("PRAGMA max_page_count = 40").await.unwrap();
    let fill = |n: i64| {
        test.db.unit(
            move |tx| async move { tx.run("INSERT INTO pages (n, filling) VALUES ($1, zeroblob(20000))", params![n]).await },
        )
    };
    let hold = test.db.unit(|_| async {
        std::thread::sleep(Duration::from_millis(30));
        Outcome::Ok(())
    });
    // The first holds the writer, so that the others are in one group.
    let (_, a, b, c, d, e, f, g, h) = tokio::join!(hold, fill(1), fill(2), fill(3), fill(4), fill(5), fill(6), fill(7), fill(8));
    let answers = [a, b, c, d, e, f, g, h];
    let acknowledged = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(1) | Err(Error::Full))), "{answers:?}");
    assert!(answers.contains(&Err(Error::Full)));
    let rows = test.db.one::<(i64,)>("SELECT count(*) FROM pages", &[]).await.unwrap();
    assert_eq!(rows, Some((acknowledged as i64,)));
    room("PRAGMA max_page_count = 4000").await.unwrap();
    fill(9).await.unwrap();
    assert_eq!(test.db.one::<(String,)>("PRAGMA integrity_check", &[]).await.unwrap(), Some(("ok".into(),)));
}

#[tokio::test]
async fn a_reader_goes_when_its_database_is_gone() {
    let open_files = |part: &str| {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let named = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
        named.filter(|target| target.to_string_lossy().contains(part)).count()
    };
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    assert!(test.db.one::<(i64,)>("SELECT count(*) FROM numbers", &[]).await.unwrap().is_some());
    let name = file(&test).parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    assert!(open_files(&name) > 0);
    drop(test);
    // The next database's first read on this thread clears up; the writer's thread ends by itself.
    let next = empty_sqlite().await;
    numbers(&next.db).await;
    next.db.one::<(i64,)>("SELECT count(*) FROM numbers", &[]).await.unwrap();
    let began = Instant::now();
    while open_files(&name) > 0 {
        assert!(began.elapsed() < Duration::from_secs(5));
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn answers_that_are_earned_do_not_wait_for_the_hooks_of_a_later_unit() {
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    // Something to hold the writer while both are queued.
    let (hold, earned, hooked) = tokio::join!(
        test.db.unit(|_| async {
            sleep(Duration::from_millis(30)).await;
            Outcome::Ok(Instant::now())
        }),
        async {
            insert(&test.db, 1).await.unwrap();
            Instant::now()
        },
        async {
            let unit = test.db.unit_with_hooks(|tx| async move {
                tx.run(INSERT, params![2]).await?;
                sleep(Duration::from_millis(150)).await;
                Outcome::Ok(())
            });
            unit.await.unwrap();
            Instant::now()
        }
    );
    assert!(earned - hold.unwrap() < Duration::from_millis(100));
    assert!(hooked - earned >= Duration::from_millis(100));
    assert_eq!(kept(&test.db).await, [1, 2]);
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let test = empty_sqlite().await;
    numbers(&test.db).await;
    let mut waiting = vec![Box::pin(insert(&test.db, -1))];
    let db = test.db.clone();
    let (taken, was_taken) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let hold = tokio::spawn(async move {
        let unit = db.unit(|_| async move {
            let _ = taken.send(());
            // Holds the writer however slow the machine is.
            let _ = released.recv();
            Outcome::Ok(())
        });
        unit.await
    });
    was_taken.await.unwrap();
    let mut busy = 0;
    for n in 0..QUEUE as i64 + 10 {
        let mut unit = Box::pin(insert(&test.db, n));
        match poll_fn(|context| Poll::Ready(unit.as_mut().poll(context))).await {
            Poll::Pending => waiting.push(unit),
            Poll::Ready(answer) => {
                assert_eq!(answer, Err(Error::Busy));
                busy += 1;
            }
        }
    }
    assert_eq!(busy, 10);
    release.send(()).unwrap();
    hold.await.unwrap().unwrap();
    for unit in waiting {
        unit.await.unwrap();
    }
    assert_eq!(kept(&test.db).await.len(), QUEUE + 1);
}
