//! One whole run: every server in turn, so that a noisy machine is as noisy for each, and one table at the end.

mod passwords;
mod raw;
mod reads;
mod start;
mod table;
pub(crate) mod targets;
mod tokens;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::seed::Amount;
use crate::{Result, output};
use table::Report;
use targets::Machine;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// `GET user/`, alone and with edits beside it.
    Reads,
    /// `GET user/` with JSON Web Tokens, and refreshing them.
    Tokens,
    /// Login, registration, reads beside logins, and memory.
    Passwords,
    /// Units on SQLite.
    Units,
    /// The time until a server is ready.
    Start,
}

/// How to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The server's release binary; beside this program unless given
    #[arg(long)]
    server: Option<PathBuf>,
    /// A PostgreSQL database in which a schema may be made; without one only SQLite is measured
    #[arg(long, env = "VESTIBULE_TEST_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// Where the SQLite files are made: a folder on the disk that counts
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seconds of each single measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often each measurement is taken; medians are shown
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections of the reads; logins take half as many
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Users of the small databases
    #[arg(long, default_value_t = 10_000)]
    users: u64,
    /// Sessions of each user of the small databases
    #[arg(long, default_value_t = 1)]
    sessions_per_user: u64,
    /// Also databases of 1,000,000 users with 3,000,000 sessions
    #[arg(long)]
    big: bool,
    /// Seconds during which using a seeded session writes nothing down; see the readme
    #[arg(long, default_value_t = 0)]
    seen_in: i64,
    /// Seconds of rest before idle memory is read
    #[arg(long, default_value_t = 30.0)]
    rest: f64,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// A peer that runs already: NAME=http://HOST:PORT/PATH, then a space and a header line, or @FILE with many
    #[arg(long)]
    peer: Vec<String>,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// How long a server is asked before it is measured.
    fn warm_up(&self) -> Duration {
        Duration::from_secs_f64((self.seconds / 5.0).clamp(0.2, 1.0))
    }

    fn small(&self) -> Amount {
        Amount { users: self.users, sessions_per_user: self.sessions_per_user, seen_in: self.seen_in }
    }

    fn big(&self) -> Option<Amount> {
        self.big.then_some(Amount { users: 1_000_000, sessions_per_user: 3, seen_in: self.seen_in })
    }
}

/// Measures and prints.
///
/// # Errors
/// When something cannot be started, or a server gives a wrong answer.
pub(crate) fn run(options: &Options) -> Result<()> {
    let machine = Machine::new(options)?;
    let mut report = Report::default();
    if options.wants(Part::Reads) || options.wants(Part::Passwords) {
        let targets = machine.targets(options)?;
        if options.wants(Part::Reads) {
            reads::measure(options, &machine, &targets, &mut report)?;
        }
        if options.wants(Part::Passwords) {
            passwords::measure(options, &targets, &mut report)?;
        }
    }
    if options.wants(Part::Tokens) {
        tokens::measure(options, &machine, &mut report)?;
    }
    if options.wants(Part::Start) {
        start::measure(options, &machine, &mut report)?;
    }
    if options.wants(Part::Units) {
        units::measure(options, &machine, &mut report)?;
    }
    output::say(&report.text());
    Ok(())
}

/// Says what is being measured, since a run takes minutes.
fn progress(what: &str, name: &str) {
    output::note(&format!("{what}: {name}"));
}
