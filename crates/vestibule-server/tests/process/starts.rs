//! T89: starts that go wrong: two at once, killed in the middle of a migration, on tables that are not those of this program.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::runtime::Runtime;
use vestibule::db::{Db, Error, Options};
use vestibule::params;
use vestibule::testing::races::say;

use crate::place::Place;
use crate::server::Server;

/// How long a start may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn t89_of_two_servers_that_start_at_once_on_nothing_one_makes_the_tables_and_both_serve() {
    for kind in [Place::sqlite as fn() -> Place, Place::postgres] {
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let place = kind();
            let mut servers = [place.spawn(&[]), place.spawn(&[])];
            for server in &mut servers {
                server.wait_until_ready();
                slowest = slowest.max(server.ready_after);
            }
            let migrations = place.numbers("SELECT version FROM auth_migrations ORDER BY version");
            assert_eq!(migrations, (1..=migrations.len() as i64).collect::<Vec<_>>(), "each once");
            let [one, other] = servers.each_ref().map(|server| server.driver());
            let (ana, ben) = (one.register("ana"), other.register("ben"));
            assert_eq!((one.status_of(&ben), other.status_of(&ana)), (200, 200));
            assert_eq!(place.faults(), []);
        }
        say(&format!("two first starts at once on {}: 5 times, both ready after at most {slowest:.0?}", kind().kind));
    }
}

/// The tables are whole: every migration is in the ledger once, and people can come.
fn is_whole(place: &Place, server: &Server) {
    let migrations = place.numbers("SELECT version FROM auth_migrations ORDER BY version");
    assert_eq!(migrations, (1..=migrations.len() as i64).collect::<Vec<_>>(), "each once");
    server.driver().register("ana");
    assert_eq!(place.faults(), []);
}

/// PostgreSQL: a transaction of the test's own holds the name of a table that the first migration makes in its middle. So the server
/// stands there, with half of the migration done, as long as the test likes.
#[test]
fn t89_a_kill_in_the_middle_of_a_migration_is_repaired_by_the_next_start_on_postgres() {
    let mut place = Place::postgres();
    place.url += &format!("&application_name=t89-{}", std::process::id());
    let (url, (held, holds), (release, released)) = (place.url.clone(), mpsc::channel(), tokio::sync::oneshot::channel::<()>());
    let holder = thread::spawn(move || {
        Runtime::new().unwrap().block_on(async {
            let options = Options { connections: 1, hook_wait: Some(PATIENCE) };
            let db = Db::open(&url, options).await.unwrap();
            let hold = db.unit(move |tx| async move {
                tx.run("CREATE TABLE auth_audit (held BIGINT)", params![]).await?;
                held.send(()).unwrap();
                let _ = released.await;
                Err::<(), _>(Error::Busy)
            });
            assert_eq!(hold.await, Err(Error::Busy), "the unit was not held long enough");
        });
    });
    holds.recv().unwrap();
    let killed = place.spawn(&[]);
    let began = Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') \
                   AND wait_event_type = 'Lock' AND query NOT LIKE '%advisory%'";
    while place.count(waiting) == 0 {
        assert!(began.elapsed() < Duration::from_secs(3), "the migration does not stand still");
        thread::sleep(Duration::from_millis(20));
    }
    killed.kill();
    let mut next = place.spawn(&[]);
    thread::sleep(Duration::from_millis(300));
    release.send(()).unwrap();
    holder.join().unwrap();
    next.wait_until_ready();
    is_whole(&place, &next);
    say(&format!("T89 killed in the middle of a migration on postgres: the next start was ready after {:.1?}", next.ready_after));
}

/// A server that ends as soon as a file of its grows beyond that.
fn spawn_with_room(place: &Place, kib: u64) -> Server {
    let plain = place.command(&["serve"], &[]);
    let mut command = Command::new("sh");
    // A block of `ulimit` is 512 bytes.
    command.arg("-c").arg(format!("ulimit -c 0; ulimit -f {}; exec \"$0\" serve", kib * 2)).arg(plain.get_program());
    command.current_dir(place.folder.path()).env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Server::spawn(command, place.folder.path().join("limited.log"))
}

/// SQLite: the kernel kills the server when it writes beyond a size that grows from round to round, so it dies at every place of the
/// writing.
#[test]
fn t89_a_kill_at_every_place_of_a_migration_is_repaired_by_the_next_start_on_sqlite() {
    let (mut killed, mut slowest) = (0, Duration::ZERO);
    // Less than this is too little for the shared memory of SQLite's log.
    for kib in (32..).step_by(32) {
        let place = Place::sqlite();
        let mut server = spawn_with_room(&place, kib);
        let began = Instant::now();
        let status = loop {
            match server.end(Duration::from_millis(20)) {
                None if server.log().contains("listens on") => break None,
                None => assert!(began.elapsed() < PATIENCE, "{}", server.log()),
                ended => break ended,
            }
        };
        server.kill();
        let Some(status) = status else { break };
        assert_eq!(status.signal(), Some(Signal::XFSZ.as_raw()), "{kib} KiB: {status}");
        killed += 1;
        let next = place.serve();
        slowest = slowest.max(next.ready_after);
        is_whole(&place, &next);
    }
    assert!(killed >= 3, "the migrations were done after {killed} kills");
    say(&format!("T89 killed at {killed} places of the first start on sqlite: ready after at most {slowest:.1?}"));
}
