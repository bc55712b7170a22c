//! T87: PostgreSQL goes away and comes back; the server tells the truth meanwhile and needs no restart.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use vestibule::testing::races::say;

use crate::driver::{Driver, PASSWORD, registration};
use crate::place::Place;

/// The longest that an answer may take, and the longest until the service works again.
const PROMISE: Duration = Duration::from_secs(5);

/// A PostgreSQL of this test alone, reached by its socket.
struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    fn start() -> Self {
        let cluster = Self { folder: tempfile::tempdir().unwrap(), programs: programs() };
        if rustix::process::geteuid().is_root() {
            assert!(Command::new("chown").arg("postgres").arg(cluster.folder.path()).status().unwrap().success());
        }
        cluster.run("initdb", &["--username=vestibule", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        cluster.up();
        cluster
    }

    fn url(&self) -> String {
        format!("postgres://vestibule@/postgres?host={}", self.folder.path().display())
    }

    fn up(&self) {
        let folder = self.folder.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=50");
        self.run("pg_ctl", &["-w", "-t", "60", "-l", &format!("{folder}/server.log"), "-o", &options, "start"]);
    }

    fn down(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    /// PostgreSQL refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments).current_dir(self.folder.path());
        let log = std::fs::File::create(self.folder.path().join("commands.log")).unwrap();
        let status = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).status().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.down();
        }
    }
}

/// The newest installed server's programs.
fn programs() -> PathBuf {
    let installed =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let newest = installed.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| version(bin));
    newest.expect("this test starts a PostgreSQL of its own: install the package postgresql")
}

fn version(bin: &Path) -> u32 {
    bin.parent().and_then(|folder| folder.file_name()?.to_str()?.parse().ok()).unwrap_or_default()
}

/// Asks who it is until told to stop. A key that counts is never refused, one that does not is never accepted, and no answer takes
/// longer than promised.
fn keep_asking(to: Driver, key: &str, stop: &AtomicBool) -> (usize, usize, Duration) {
    let (mut fine, mut unavailable, mut slowest) = (0, 0, Duration::ZERO);
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        let mine = to.get("user/", key);
        slowest = slowest.max(began.elapsed());
        match mine.status {
            200 => fine += 1,
            503 => unavailable += 1,
            other => panic!("{other} {}", mine.text),
        }
        let strangers = to.status_of("0000000000000000000000000000000000000000");
        assert!(matches!(strangers, 401 | 503), "a stranger's key: {strangers}");
        thread::sleep(Duration::from_millis(20));
    }
    (fine, unavailable, slowest)
}

/// Ends the asking, also when the test fails meanwhile.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn is_unavailable(to: Driver, key: &str) {
    let ben = registration("ben", PASSWORD);
    let login = json!({ "username": "ana", "password": PASSWORD });
    let edit = json!({ "first_name": "Lost" });
    for (method, path, key, body) in [
        ("GET", "user/", Some(key), None),
        ("PATCH", "user/", Some(key), Some(&edit)),
        ("POST", "login/", None, Some(&login)),
        ("POST", "registration/", None, Some(&ben)),
        ("POST", "logout/", Some(key), Some(&edit)),
    ] {
        let began = Instant::now();
        let answer = to.send(method, path, key, body).unwrap().expect(503);
        assert!(began.elapsed() < PROMISE, "{method} {path} took {:?}", began.elapsed());
        let seconds = answer.header("retry-after").expect("Retry-After").parse::<u32>().unwrap();
        assert!((1..=30).contains(&seconds));
    }
    to.send("GET", "/livez", None, None).unwrap().expect(200);
    to.send("GET", "/readyz", None, None).unwrap().expect(503);
}

#[test]
fn t87_while_postgres_is_gone_the_answer_is_503_and_afterwards_all_is_as_before() {
    let cluster = Cluster::start();
    let place = Place::at(cluster.url());
    let server = place.serve();
    let to = server.driver();
    let key = to.register("ana");
    let stop = AtomicBool::new(false);
    let mut back = Duration::ZERO;
    let (fine, unavailable, slowest) = thread::scope(|scope| {
        let asking = scope.spawn(|| keep_asking(to, &key, &stop));
        let ended = StopWhenDropped(&stop);
        for _ in 0..3 {
            cluster.down();
            is_unavailable(to, &key);
            cluster.up();
            let began = Instant::now();
            while to.send("GET", "/readyz", None, None).unwrap().status != 200 || to.status_of(&key) != 200 {
                assert!(began.elapsed() < PROMISE, "not back after {:?}", began.elapsed());
                thread::sleep(Duration::from_millis(20));
            }
            back = back.max(began.elapsed());
        }
        drop(ended);
        asking.join().unwrap()
    });
    assert!(fine > 0 && unavailable > 0 && slowest < PROMISE);
    say(&format!(
        "outage of postgres: 3 times, {fine} × 200, {unavailable} × 503, slowest answer {slowest:.0?}, back after at most {back:.0?}"
    ));
    let user = to.get("user/", &key).expect(200).json();
    assert_eq!(user["first_name"], "", "what was refused has not happened");
    to.login("ana", "wr0ng-password-1").expect(400);
    to.login("ana", PASSWORD).expect(200);
    to.register("ben");
    assert_eq!(place.faults(), []);
}
