//! TIMING of the threat checks (T02, T03, T09, T66): whether the time of an answer tells what its words do not.
//!
//! Requests of two kinds are sent in random order over one kept connection. The times of the two are alike if their medians differ by
//! no more than 2 ms or 5 %, and if one drawn from the first is longer than one from the second in 40 to 60 of 100 draws.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vestibule::db::{self, Db};
use vestibule::params;

use crate::client::connection::{Connection, Reply};
use crate::client::histogram::as_float;
use crate::client::work::post;
use crate::client::{Plan, Work, drive};
use crate::keys::{PASSWORD, username};
use crate::machine::{self, Server};
use crate::random::Random;
use crate::run::targets::Machine;
use crate::seed::{Amount, seed};
use crate::{Result, output};

/// How much to ask.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's release binary; beside this program unless given
    #[arg(long)]
    server: Option<PathBuf>,
    /// Requests of each kind
    #[arg(long, default_value_t = 500)]
    requests: usize,
    /// Names that nobody has, for the memory of limits
    #[arg(long, default_value_t = 1_000_000)]
    names: u64,
}

/// How many of each kind only warm up.
const FIRST: usize = 25;

/// Times and prints.
///
/// # Errors
/// When the server cannot be started or answers otherwise than it should.
pub(crate) fn run(options: Options) -> Result<()> {
    let machine = Machine::with(options.server, None, None)?;
    let url = machine.sqlite("timing.db");
    machine.runtime.block_on(prepare(&url))?;
    let server = machine.serve_with(&url, &[("ACCOUNT__EMAIL_VERIFICATION", "mandatory")])?;
    for (name, one, other) in pairs() {
        let times = machine.runtime.block_on(measure(server.address, &one, &other, options.requests))?;
        output::say(&format!("{name}: {}", verdict(times)));
    }
    for (name, bound, asked) in bounded() {
        let times = machine.runtime.block_on(alone(server.address, &asked, 100))?;
        let longest = times.last().copied().unwrap_or_default();
        output::say(&format!("{name}: median {:.2} ms, longest {longest:.2} ms (target {bound} ms)", middle(&times)));
    }
    drop(server);
    unknown_names(&machine, options.names)
}

/// User 2 is disabled, user 3 has not proven the address, user 4 has no password.
async fn prepare(url: &str) -> Result<()> {
    seed(url, Amount { users: 100, sessions_per_user: 1, seen_in: 0 }).await?;
    let db = Db::open(url, db::Options::default()).await?;
    for change in [
        "UPDATE auth_users SET is_active = FALSE WHERE id = 2",
        "UPDATE auth_users SET email_verified_at = NULL WHERE id = 3",
        "UPDATE auth_users SET password = NULL WHERE id = 4",
    ] {
        db.unit(move |tx| async move { tx.run(change, params![]).await }).await?;
    }
    Ok(())
}

/// A request, and the status that it must have.
struct Asked {
    path: &'static str,
    body: String,
    status: u16,
}

fn login(member: &str, value: &str, password: &str) -> Asked {
    Asked { path: "/auth/login/", body: format!(r#"{{"{member}":"{value}","password":"{password}"}}"#), status: 400 }
}

fn reset(address: &str) -> Asked {
    Asked { path: "/auth/password/reset/", body: format!(r#"{{"email":"{address}"}}"#), status: 200 }
}

fn pairs() -> Vec<(&'static str, Asked, Asked)> {
    let wrong = "wr0ng-password-1";
    let known = || login("username", &username(1), wrong);
    vec![
        ("T09 login, wrong password against unknown name", known(), login("username", "nobody1", wrong)),
        ("T09 login, wrong password against disabled, right password", known(), login("username", &username(2), PASSWORD)),
        ("T09 login, wrong password against unverified, wrong password", known(), login("username", &username(3), wrong)),
        ("T09 login, wrong password against an account without one", known(), login("username", &username(4), wrong)),
        ("T09 login, by name against by address", known(), login("email", &format!("{}@example.org", username(1)), wrong)),
        ("T10 reset, known address against unknown", reset("user1@example.org"), reset("nobody1@example.org")),
    ]
}

/// What must be over soon, the largest of its kind.
fn bounded() -> Vec<(&'static str, u32, Asked)> {
    let long = "x".repeat(1_025);
    let largest = format!("{}-x1y2z3", "abcdefgh".repeat(18));
    let register = |password: &str| Asked {
        path: "/auth/registration/",
        body: format!(
            r#"{{"username":"{}","email":"{}@example.org","password1":"{password}","password2":"{password}"}}"#,
            "abcdefgh".repeat(18),
            "abcdefgh".repeat(7)
        ),
        status: 400,
    };
    vec![
        ("T02 login with 1,025 bytes of password", 50, login("username", &username(1), &long)),
        ("T02 registration with 1,025 bytes of password", 50, register(&long)),
        ("T03 registration with a password that is like the longest name", 20, register(&largest)),
    ]
}

/// Times in milliseconds.
type Times = Vec<f64>;

async fn ask(connection: &mut Connection, asked: &Asked) -> Result<f64> {
    let mut request = Vec::new();
    post(&mut request, asked.path, &asked.body);
    let began = Instant::now();
    let Reply { status, body } = connection.ask(&request).await?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    if status == asked.status {
        Ok(took)
    } else {
        Err(format!("{} {}: {status} {}", asked.path, asked.body, String::from_utf8_lossy(body)).into())
    }
}

async fn alone(address: SocketAddr, asked: &Asked, requests: usize) -> Result<Times> {
    let (mut connection, mut times) = (Connection::new(address), Times::new());
    for _ in 0..requests {
        times.push(ask(&mut connection, asked).await?);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// Both kinds in random order; the first of each are dropped.
async fn measure(address: SocketAddr, one: &Asked, other: &Asked, requests: usize) -> Result<[Times; 2]> {
    let (mut connection, mut times) = (Connection::new(address), [Times::new(), Times::new()]);
    let mut random = Random::new(1);
    while times.iter().any(|times| times.len() < requests) {
        let kind = usize::try_from(random.below(2))?;
        let Some(mine) = times.get_mut(kind).filter(|times| times.len() < requests) else { continue };
        mine.push(ask(&mut connection, if kind == 0 { one } else { other }).await?);
    }
    Ok(times.map(|times| {
        let mut rest: Times = times.into_iter().skip(FIRST).collect();
        rest.sort_by(f64::total_cmp);
        rest
    }))
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The probability that one of `a` is longer than one of `b`, ties counting half (Mann and Whitney).
fn longer(a: &[f64], b: &[f64]) -> f64 {
    let score = |x: f64| {
        let below = b.partition_point(|y| *y < x);
        let same = b.partition_point(|y| *y <= x) - below;
        (below as f64) + (same as f64) / 2.0
    };
    a.iter().map(|x| score(*x)).sum::<f64>() / (a.len() * b.len()).max(1) as f64
}

fn verdict([one, other]: [Times; 2]) -> String {
    let (a, b, likely) = (middle(&one), middle(&other), longer(&one, &other));
    let alike = (a - b).abs() <= f64::max(2.0, 0.05 * a.max(b)) && (0.40..=0.60).contains(&likely);
    format!(
        "medians {a:.2} and {b:.2} ms, P(first longer) {likely:.3}, {} each: {}",
        one.len(),
        if alike { "alike" } else { "TELLS" }
    )
}

/// Logins of people who do not exist, each with another name.
struct Nobody(Arc<AtomicU64>);

impl Work for Nobody {
    fn request(&mut self, out: &mut Vec<u8>) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        post(out, "/auth/login/", &format!(r#"{{"username":"nobody-{number}","password":"wr0ng-password-1"}}"#));
    }

    fn check(&mut self, reply: &Reply<'_>) -> std::result::Result<(), String> {
        if reply.status == 400 { Ok(()) } else { Err("not 400".to_owned()) }
    }
}

/// T66: what the limits remember of unknown names. Hashing is cheap here, or it would take hours.
fn unknown_names(machine: &Machine, names: u64) -> Result<()> {
    let url = machine.sqlite("names.db");
    machine.runtime.block_on(seed(&url, Amount { users: 1, sessions_per_user: 1, seen_in: 0 }))?;
    let settings = [
        ("LIMITS__ENABLED", "true"),
        ("LIMITS__LOGIN", "100000000/m/ip"),
        ("LIMITS__LOGIN_FAILED", "100000000/m/ip, 10/5m/account+ip, 100/24h/account"),
        ("PASSWORD__MEMORY_KIB", "8"),
        ("PASSWORD__ITERATIONS", "1"),
        ("LOG__LEVEL", "error"),
    ];
    let server: Server = machine.serve_with(&url, &settings)?;
    let next = Arc::new(AtomicU64::new(0));
    // What it holds once it has begun.
    let plan = |seconds| Plan { address: server.address, span: Duration::from_secs(seconds), rate: None };
    let works = || (0..32).map(|_| Nobody(next.clone())).collect();
    drive(plan(1), works())?;
    let (before, began) = (machine::memory(server.pid())?.0, Instant::now());
    while next.load(Ordering::Relaxed) < names {
        if let Some(why) = drive(plan(1), works())?.first_failure {
            return Err(why.into());
        }
    }
    let (after, asked) = (machine::memory(server.pid())?.0, next.load(Ordering::Relaxed));
    output::say(&format!(
        "T66 {asked} unknown names at {:.0}/s: {before:.1} MiB of anonymous memory before, {after:.1} MiB after (target: 64 MiB more)",
        as_float(asked) / began.elapsed().as_secs_f64()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_are_alike_either_is_longer_half_of_the_time() {
        let (a, b): (Times, Times) = ((0..500).map(f64::from).collect(), (0..500).map(f64::from).collect());
        assert!((longer(&a, &b) - 0.5).abs() < 1e-9);
        assert!(verdict([a.clone(), b.clone()]).ends_with("alike"));
        let later: Times = b.iter().map(|time| time + 100.0).collect();
        assert!(longer(&later, &a) > 0.6 && longer(&a, &later) < 0.4);
        assert!(verdict([a, later]).ends_with("TELLS"));
    }
}
