//! Refresh tokens through the end of a process: what was used up stays used up, and what was given counts (T39, T85).

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vestibule::testing::races::say;

use crate::driver::{Answer, Driver, PASSWORD};
use crate::kill_loop::{LATEST_MS, READY, rounds};
use crate::people::random;
use crate::place::Place;
use crate::server::Server;

const JWT: (&str, &str) = ("VESTIBULE__TOKENS__MODE", "jwt");

/// Clients at once, each with a session of its own.
const CLIENTS: usize = 8;

fn refresh(to: Driver, token: &str) -> std::io::Result<Answer> {
    to.send("POST", "token/refresh/", None, Some(&json!({ "refresh": token })))
}

fn refreshed(to: Driver, token: &str) -> Answer {
    refresh(to, token).expect("an answer")
}

/// A member of an answer that is a text.
#[track_caller]
fn text(answer: &Answer, member: &str) -> String {
    answer.json()[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", answer.text)).to_owned()
}

/// The refresh token of a new account.
fn newcomer(to: Driver, name: &str) -> String {
    text(&to.post("registration/", None, &crate::driver::registration(name, PASSWORD)).expect(201), "refresh")
}

/// How one server is followed by the next.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// SIGTERM, and started again.
    Stop,
    /// SIGKILL, and started again.
    Kill,
    /// Another beside it, on the same database.
    Beside,
}

#[test]
fn t39_what_was_used_up_stays_so_through_a_stop_a_kill_and_in_another_instance() {
    // No time for lost answers, so that a token is used up at once.
    let settings = [JWT, ("VESTIBULE__JWT__REFRESH_GRACE", "0s")];
    for (place, turns) in
        [(Place::sqlite(), &[Turn::Stop, Turn::Kill][..]), (Place::postgres(), &[Turn::Stop, Turn::Kill, Turn::Beside])]
    {
        for (number, turn) in turns.iter().enumerate() {
            let mut before = place.serve_with(&settings);
            let ask = before.driver();
            let (used_up, other) = (newcomer(ask, &format!("ana{number}")), newcomer(ask, &format!("ben{number}")));
            let next = text(&refreshed(ask, &used_up).expect(200), "refresh");
            let others_next = text(&refreshed(ask, &other).expect(200), "refresh");
            let kept = match turn {
                Turn::Stop => {
                    before.term();
                    before.end(Duration::from_secs(30)).expect("a server that stops");
                    None
                }
                Turn::Kill => {
                    before.kill();
                    None
                }
                Turn::Beside => Some(before),
            };
            let after = place.serve_with(&settings);
            let ask = after.driver();
            let refused = refreshed(ask, &used_up).expect(401);
            assert_eq!(refused.json()["code"], "token_not_valid", "{turn:?} on {}", place.kind);
            // Two have used it: its family is dead, in the instance before as well.
            for ask in [Some(ask), kept.as_ref().map(Server::driver)].into_iter().flatten() {
                refreshed(ask, &next).expect(401);
            }
            // And the token that counts does so still.
            let again = text(&refreshed(ask, &others_next).expect(200), "refresh");
            refreshed(ask, &again).expect(200);
            assert_eq!(place.faults(), []);
        }
    }
}

#[test]
fn t85_refreshes_that_were_acknowledged_on_sqlite_survive_kills() {
    survive(&Place::sqlite(), rounds() / 2);
}

#[test]
fn t85_refreshes_that_were_acknowledged_on_postgres_survive_kills() {
    survive(&Place::postgres(), rounds() / 2);
}

#[derive(Default)]
struct Figures {
    acknowledged: usize,
    cut: usize,
    lost: Vec<String>,
    slowest: Duration,
}

fn survive(place: &Place, rounds: u32) {
    // Time enough for lost answers that a slow machine does not use it up: the restart is what is looked at.
    let settings = [JWT, ("VESTIBULE__JWT__REFRESH_GRACE", "60s")];
    let (mut server, mut figures) = (place.serve_with(&settings), Figures::default());
    for round in 0..rounds {
        let ask = server.driver();
        let firsts: Vec<String> = (0..CLIENTS).map(|client| newcomer(ask, &format!("r{round}c{client}"))).collect();
        let chains: Vec<Vec<(String, String)>> = thread::scope(|scope| {
            let each: Vec<_> = firsts.into_iter().map(|first| scope.spawn(move || go_on(ask, first))).collect();
            thread::sleep(Duration::from_millis(random(LATEST_MS)));
            server.kill();
            each.into_iter().map(|client| client.join().unwrap()).collect()
        });
        server = place.serve_with(&settings);
        figures.slowest = figures.slowest.max(server.ready_after);
        for (client, chain) in chains.iter().enumerate() {
            figures.acknowledged += chain.len() - 1;
            figures.cut += 1;
            let wrong = look(server.driver(), chain);
            figures.lost.extend(wrong.into_iter().map(|wrong| format!("round {round}, client {client}: {wrong}")));
        }
        assert_eq!(place.faults(), [], "after round {round} on {}", place.kind);
    }
    let Figures { acknowledged, cut, lost, slowest } = figures;
    say(&format!(
        "kill loop of refreshes on {}: {rounds} rounds, {acknowledged} acknowledged, {} lost; {cut} cut and repeated; \
         ready again after at most {slowest:.0?}",
        place.kind,
        lost.len(),
    ));
    assert_eq!(lost, [""; 0]);
    assert!(acknowledged > rounds as usize, "too little was asked for to claim anything");
    assert!(slowest < READY, "ready again after {slowest:?}");
}

/// Refreshes until an answer stays out. The acknowledged tokens, refresh and access, in their order; the last refresh token is the
/// one whose use was cut.
fn go_on(ask: Driver, first: String) -> Vec<(String, String)> {
    let mut chain = vec![(first, String::new())];
    let began = Instant::now();
    while let Ok(answer) = refresh(ask, &chain.last().unwrap().0) {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody has killed the server");
        let answer = answer.expect(200);
        chain.push((text(&answer, "refresh"), text(&answer, "access")));
    }
    chain
}

/// What is not as it was acknowledged.
fn look(ask: Driver, chain: &[(String, String)]) -> Option<String> {
    let (last, access) = chain.last().unwrap();
    let verify = |token: &str| ask.post("token/verify/", None, &json!({ "token": token })).status;
    if !access.is_empty() && verify(access) != 200 {
        return Some("an access token that was given does not count".to_owned());
    }
    // Whether the cut one had happened or not: asked for again, it gives a pair.
    let again = refreshed(ask, last);
    if again.status != 200 {
        return Some(format!("a refresh token that was given: {} {}", again.status, again.text));
    }
    let newest = text(&again, "refresh");
    if refreshed(ask, &newest).status != 200 {
        return Some("the successor of a cut refresh does not count".to_owned());
    }
    // One that was used up long ago is used up after the kill too, and whoever shows it ends the family.
    let used_up = &chain[chain.len().saturating_sub(2)].0;
    if refreshed(ask, used_up).status != 401 {
        return Some("a token that was used up counts again".to_owned());
    }
    (verify(&text(&again, "access")) != 401).then(|| "the family of a token that was used twice lives".to_owned())
}
