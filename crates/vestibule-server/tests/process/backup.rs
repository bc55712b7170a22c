//! T90, T80: the backups that `docs/operations.md` describes are whole, hold no secret, and are refused when they are damaged or the key is
//! another.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use vestibule::testing::races::say;

use crate::cluster::Cluster;
use crate::driver::{Driver, PASSWORD};
use crate::load::while_asking;
use crate::place::Place;

const KEY: (&str, &str) = ("VESTIBULE__SECRET_KEY", "0123456789abcdef0123456789abcdef");
const OTHER_KEY: (&str, &str) = ("VESTIBULE__SECRET_KEY", "another-key-0123456789abcdef0123456789");

/// What is counted before and afterwards.
const COUNTS: [&str; 5] = [
    "SELECT count(*) FROM auth_users",
    "SELECT count(*) FROM auth_sessions",
    "SELECT count(*) FROM auth_audit",
    "SELECT count(*) FROM auth_migrations",
    "SELECT count(*) FROM auth_unique_values",
];

fn counts(place: &Place) -> [i64; COUNTS.len()] {
    COUNTS.map(|sql| place.count(sql))
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// Accounts with and without sessions, and what must not be found in a backup.
fn people(to: Driver) -> (String, String, Vec<String>) {
    let key = to.register("ana");
    let ended = to.login("ana", PASSWORD).expect(200).key();
    to.post("logout/", Some(&ended), &json!({})).expect(200);
    to.register("ben");
    let new = "An0ther-pass-7q";
    let bens = to.login("ben", PASSWORD).expect(200).key();
    to.change(&bens, PASSWORD, new).expect(200);
    let secrets = vec![key.clone(), ended.clone(), bens, PASSWORD.to_owned(), new.to_owned(), KEY.1.to_owned()];
    (key, ended, secrets)
}

/// A secret as it is, in hexadecimal, and the bytes that its hexadecimal digits stand for.
fn holds(backup: &[u8], secret: &str) -> bool {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let bytes: Option<Vec<u8>> =
        (0..secret.len()).step_by(2).map(|at| u8::from_str_radix(secret.get(at..at + 2)?, 16).ok()).collect();
    let forms = [Some(secret.as_bytes().to_vec()), Some(hex.into_bytes()), bytes];
    forms.into_iter().flatten().any(|form| backup.windows(form.len()).any(|window| window == form))
}

fn tells_no_secret(backup: &Path, secrets: &[String]) {
    let bytes = fs::read(backup).unwrap();
    assert!(holds(&bytes, "ana@example.org"), "the search finds what is there");
    for secret in secrets {
        assert!(!holds(&bytes, secret), "{secret} is in the backup");
    }
}

/// A server on the restored database knows who was there; another key is refused.
fn is_restored(place: &Place, key: &str, ended: &str) {
    let refused = place.run(&["serve"], &[OTHER_KEY]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("secret_key"));
    done(&place.run(&["check"], &[KEY]));
    let server = place.serve_with(&[KEY]);
    let to = server.driver();
    assert_eq!((to.status_of(key), to.status_of(ended)), (200, 401));
    to.login("ana", PASSWORD).expect(200);
    to.login("ben", PASSWORD).expect(400);
    to.login("ben", "An0ther-pass-7q").expect(200);
    assert_eq!(place.faults(), []);
    // What the page advises after a restore.
    place.change("DELETE FROM auth_sessions");
    assert_eq!(to.status_of(key), 401);
}

#[test]
fn t90_t80_an_sqlite_backup_is_taken_while_the_server_runs_and_brings_everything_back() {
    let place = Place::sqlite();
    let server = place.serve_with(&[KEY]);
    let (key, ended, secrets) = people(server.driver());
    let home = place.folder.path();
    let sqlite3 = |file: &str, sql: &str| {
        Command::new("sqlite3").args([file, sql]).current_dir(home).output().expect("install sqlite3, as scripts/test does")
    };
    let before = counts(&place);
    while_asking("T90 backup", &place, server.driver(), |_| {
        done(&sqlite3("vestibule.db", "VACUUM INTO 'during.db'"));
        assert_eq!(sqlite3("during.db", "PRAGMA integrity_check").stdout, b"ok\n");
    });
    server.kill();

    let restored = Place::sqlite_in(&home.join("restored"));
    fs::create_dir(home.join("restored")).unwrap();
    done(&sqlite3("vestibule.db", "VACUUM INTO 'backup.db'"));
    fs::copy(home.join("backup.db"), home.join("restored/vestibule.db")).unwrap();
    assert_eq!(counts(&restored), counts(&place));
    assert!(counts(&restored).iter().zip(before).all(|(after, before)| *after >= before));
    tells_no_secret(&home.join("backup.db"), &secrets);
    is_restored(&restored, &key, &ended);

    // Cut off in the middle: refused before anything is written.
    let whole = fs::read(home.join("backup.db")).unwrap();
    let damaged = Place::sqlite_in(&home.join("damaged"));
    fs::create_dir(home.join("damaged")).unwrap();
    fs::write(home.join("damaged/vestibule.db"), &whole[..whole.len() / 2]).unwrap();
    let refused = damaged.run(&["serve"], &[KEY]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    say(&format!("T90 half a backup on sqlite: {}", String::from_utf8_lossy(&refused.stderr).trim()));
    assert_ne!(sqlite3("damaged/vestibule.db", "PRAGMA integrity_check").stdout, b"ok\n");
}

#[test]
fn t90_t80_a_postgres_backup_is_taken_while_the_server_runs_and_brings_everything_back() {
    let cluster = Cluster::start();
    let place = Place::at(cluster.url());
    let server = place.serve_with(&[KEY]);
    let (key, ended, secrets) = people(server.driver());
    let dump = place.folder.path().join("vestibule.dump");
    let file = format!("--file={}", dump.display());
    let pg_dump = |arguments: &[&str]| cluster.program("pg_dump").args(arguments).arg(cluster.url()).output().unwrap();
    while_asking("T90 backup", &place, server.driver(), |_| done(&pg_dump(&["--format=custom", &file])));
    done(&pg_dump(&["--format=custom", &file]));
    let plain = place.folder.path().join("plain.sql");
    done(&pg_dump(&[&format!("--file={}", plain.display())]));
    tells_no_secret(&plain, &secrets);
    let counted = counts(&place);

    let mut session = cluster.session();
    session.run("CREATE DATABASE restored OWNER app");
    let restored = Place::at(cluster.url().replace("/app?", "/restored?"));
    let restore = |from: &Path| {
        let mut pg_restore = cluster.program("pg_restore");
        pg_restore.args(["--exit-on-error", "--single-transaction", "--no-owner", "--dbname"]).arg(&restored.url);
        pg_restore.arg(from).output().unwrap()
    };
    let half = place.folder.path().join("half.dump");
    let whole = fs::read(&dump).unwrap();
    fs::write(&half, &whole[..whole.len() * 3 / 4]).unwrap();
    assert!(!restore(&half).status.success(), "three quarters of a backup are none");
    assert_eq!(restored.count("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'auth_%'"), 0);
    done(&restore(&dump));
    assert_eq!(counts(&restored), counted);
    is_restored(&restored, &key, &ended);
}
