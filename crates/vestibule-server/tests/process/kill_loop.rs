//! Killed at a random moment, started again: what was acknowledged is there, and nothing is there by half.
//!
//! `VESTIBULE_KILL_ROUNDS` sets how many rounds there are for each database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vestibule::testing::races::say;

use crate::driver::Driver;
use crate::journal::Journal;
use crate::people::{Found, People, choose, compare, random};
use crate::place::Place;
use crate::server::Server;

/// Clients at once; each asks once in [`PACE`], which makes 100 requests in a second. In every other round they do not pause, so
/// that the kill meets as many requests as there are clients.
const CLIENTS: usize = 8;
const PACE: Duration = Duration::from_millis(80);

/// The latest moment of a kill after the clients begin.
pub(crate) const LATEST_MS: u64 = 400;

/// How soon a killed server must be ready again: 5 s (T85), and what a busy machine may add to it.
pub(crate) const READY: Duration = Duration::from_secs(5 + 15);

pub(crate) fn rounds() -> u32 {
    std::env::var("VESTIBULE_KILL_ROUNDS").map_or(20, |text| text.parse().expect("VESTIBULE_KILL_ROUNDS is a number"))
}

#[test]
fn t85_what_was_acknowledged_on_sqlite_survives_kills() {
    survive(&Place::sqlite(), 1, rounds());
}

#[test]
fn t85_what_was_acknowledged_on_postgres_survives_kills() {
    survive(&Place::postgres(), 1, rounds());
}

/// One of the two is killed while the other goes on.
#[test]
fn t85_what_was_acknowledged_by_two_servers_survives_kills_of_either() {
    survive(&Place::postgres(), 2, rounds() * 2 / 5);
}

#[derive(Default)]
struct Figures {
    asked: usize,
    acknowledged: usize,
    happened: usize,
    lost: usize,
    slowest: Duration,
}

fn survive(place: &Place, processes: usize, rounds: u32) {
    let (mut people, mut figures) = (People::default(), Figures::default());
    let mut last: Vec<Vec<String>> = vec![Vec::new(); CLIENTS];
    let mails = place.folder.path().join("mails");
    std::fs::create_dir(&mails).unwrap();
    let folder = mails.display().to_string();
    let settings = [("VESTIBULE__EMAIL__TRANSPORT", "file"), ("VESTIBULE__EMAIL__FILE__DIR", folder.as_str())];
    let mut servers: Vec<Server> = (0..processes).map(|_| place.serve_with(&settings)).collect();
    for round in 0..rounds {
        let victim = round as usize % processes;
        let journal = Journal::begin(&place.folder.path().join(format!("journal-{round}")));
        let over = AtomicBool::new(false);
        let drivers: Vec<Driver> = servers.iter().map(Server::driver).collect();
        thread::scope(|scope| {
            for (client, regulars) in last.iter().enumerate() {
                let known = people.0.iter().filter(|(name, _)| regulars.contains(name));
                let known = People(known.map(|(name, person)| (name.clone(), person.clone())).collect());
                let (journal, over, at) = (&journal, &over, client % processes);
                let to = To { driver: drivers[at], dies: at == victim };
                let pace = if round % 2 == 0 { PACE } else { Duration::ZERO };
                scope.spawn(move || drive(to, over, journal, known, &format!("r{round}c{client}"), pace));
            }
            thread::sleep(Duration::from_millis(random(LATEST_MS)));
            servers.remove(victim).kill();
            over.store(true, Ordering::SeqCst);
        });
        let touched = note(&journal, &mut people, &mut figures);
        servers.insert(victim, place.serve_with(&settings));
        figures.slowest = figures.slowest.max(servers[victim].ready_after);
        let of_this_round = people.0.iter_mut().filter(|(name, _)| touched.contains(*name));
        let asked = servers[random(processes as u64) as usize].driver();
        tell(round, &compare(of_this_round, asked), place, &mut figures);
        for (client, names) in last.iter_mut().enumerate() {
            let mine = touched.iter().filter(|name| name.contains(&format!("c{client}n")));
            *names = mine.take(2).cloned().collect();
        }
    }
    tell(rounds, &compare(people.0.iter_mut(), servers[0].driver()), place, &mut figures);
    conclude(&figures, &format!("{processes} process(es) on {}: {rounds} rounds", place.kind), people.0.len(), rounds as usize);
    every_sign_up_has_its_mail(place, &people, &mails);
}

fn conclude(figures: &Figures, what: &str, accounts: usize, least: usize) {
    let Figures { asked, acknowledged, happened, lost, slowest } = figures;
    say(&format!(
        "kill loop, {what}, {acknowledged} acknowledged, {lost} lost; {} cut, of which at least {happened} had happened; \
         {accounts} accounts, ready again after at most {slowest:.0?}",
        asked - acknowledged,
    ));
    assert_eq!(*lost, 0);
    assert!(*acknowledged > least, "too little was asked for to claim anything");
    assert!(*slowest < READY, "ready again after {slowest:?}");
}

/// Whom a client asks, and whether that one is about to be killed.
#[derive(Clone, Copy)]
struct To {
    driver: Driver,
    dies: bool,
}

/// Each account's first mail was sent, or waits to be; one whose sender was killed may have been sent twice.
fn every_sign_up_has_its_mail(place: &Place, people: &People, mails: &Path) {
    let waiting = place.texts(
        "SELECT u.username FROM auth_jobs j JOIN auth_users u ON u.id = j.user_id WHERE j.kind = 'email_confirmation_signup'",
    );
    let files = std::fs::read_dir(mails).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let to = |mail: String| mail.lines().find_map(|line| line.strip_prefix("To: ")).map(str::to_owned);
    let sent: BTreeMap<String, usize> =
        files.filter(|mail| mail.contains("Confirm")).filter_map(to).fold(BTreeMap::new(), |mut sent, to| {
            *sent.entry(to).or_default() += 1;
            sent
        });
    let address = |name: &str| format!("{}@example.org", name.to_ascii_lowercase());
    let without: Vec<_> = people.0.keys().filter(|name| !sent.contains_key(&address(name)) && !waiting.contains(*name)).collect();
    let twice = sent.values().filter(|count| **count > 1).count();
    say(&format!(
        "mails of the kill loop on {}: {} addresses got theirs, {} wait, {twice} got it twice, {} have none",
        place.kind,
        sent.len(),
        waiting.len(),
        without.len()
    ));
    assert!(without.is_empty(), "accounts without a mail: {without:?}");
}

/// Reads what was acknowledged from the file, and gives the names that it is about.
fn note(journal: &Journal, people: &mut People, figures: &mut Figures) -> BTreeSet<String> {
    let mut touched = BTreeSet::new();
    for (deed, acknowledged) in journal.read() {
        figures.asked += 1;
        figures.acknowledged += usize::from(acknowledged.is_some());
        people.note(&deed, acknowledged);
        touched.insert(deed.name().to_owned());
    }
    touched
}

fn tell(round: u32, found: &Found, place: &Place, figures: &mut Figures) {
    found.wrong.iter().for_each(|line| say(&format!("kill loop on {}, round {round}: {line}", place.kind)));
    figures.lost += found.wrong.len();
    figures.happened += found.happened;
    assert_eq!(place.faults(), [], "after round {round} on {}", place.kind);
}

/// Asks for one thing after the other until an answer stays out, which it may only where the server is killed, or until it is over.
fn drive(to: To, over: &AtomicBool, journal: &Journal, mut people: People, prefix: &str, pace: Duration) {
    for count in 0.. {
        if !to.dies && over.load(Ordering::SeqCst) {
            return;
        }
        let began = Instant::now();
        let deed = choose(&people, format!("{prefix}n{count}"));
        let number = journal.asked(&deed);
        let answer = match deed.send(to.driver) {
            Ok(answer) => answer,
            Err(_) if to.dies => return,
            Err(error) => panic!("{deed:?} at the server that goes on: {error}"),
        };
        assert!((200..300).contains(&answer.status), "{deed:?}: {} {}", answer.status, answer.text);
        let key = (!answer.text.is_empty()).then(|| answer.json()["key"].as_str().map(str::to_owned)).flatten();
        journal.acknowledged(number, key.clone());
        people.note(&deed, Some(key));
        thread::sleep(pace.saturating_sub(began.elapsed()));
    }
}

/// T89: a server that is killed while it makes its tables is no harm to the next.
#[test]
fn t89_a_kill_during_the_first_start_is_repaired_by_the_next() {
    for kind in [Place::sqlite as fn() -> Place, Place::postgres] {
        let mut slowest = Duration::ZERO;
        for _ in 0..6 {
            let place = kind();
            for _ in 0..3 {
                let server = place.spawn(&[]);
                thread::sleep(Duration::from_millis(random(120)));
                server.kill();
            }
            let server = place.serve();
            slowest = slowest.max(server.ready_after);
            assert_eq!(
                place.count("SELECT count(*) FROM auth_migrations"),
                place.count("SELECT max(version) FROM auth_migrations")
            );
            server.driver().register("ana");
            assert_eq!(place.faults(), []);
        }
        say(&format!("kill at first start on {}: 18 kills, ready after at most {slowest:.0?}", kind().kind));
        assert!(slowest < READY);
    }
}
