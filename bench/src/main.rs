//! How fast Vestibule is: fills databases, drives servers, and prints one table. See the readme beside this crate.

mod bare;
mod client;
mod crowd;
mod keys;
mod machine;
mod output;
mod random;
mod run;
mod seed;
#[cfg(test)]
mod tests;
mod timing;

use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use client::patches::{Freshness, Patches};
use client::work::{Logins, Reads, Registrations};
use client::{Measured, Plan, drive};
use seed::Amount;

/// What a part of the benchmark gives.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The server's allocator, so that the bare answer has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Vestibule beside a bare answer, the raw cost of its parts, and its peers.
#[derive(Parser)]
#[command(version)]
enum Cli {
    /// Fill an empty database with users and sessions
    Seed(Seed),
    /// Serve a bare axum answer of the size of `user/`
    Bare {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:8001")]
        listen: SocketAddr,
    },
    /// Drive a server that runs on a filled database
    Drive(Drive),
    /// Measure everything and print one table
    Run(Box<run::Options>),
    /// Slow connections and more logins than can be hashed, and what others notice of them
    Crowd(crowd::Options),
    /// Whether the time of an answer tells what it must not tell
    Timing(timing::Options),
}

#[derive(clap::Args)]
struct Seed {
    /// How many users
    #[arg(long)]
    users: u64,
    /// How many sessions each of them has
    #[arg(long, default_value_t = 1)]
    sessions_per_user: u64,
    /// Where: sqlite://FILE or postgres://…
    #[arg(long)]
    database: String,
    /// Seconds during which using a session writes nothing down; see the readme
    #[arg(long, default_value_t = 0)]
    seen_in: i64,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    User,
    Login,
    Registration,
}

#[derive(clap::Args)]
struct Drive {
    /// What to ask for
    #[arg(value_enum)]
    what: What,
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:8000")]
    address: String,
    /// The base path
    #[arg(long, default_value = "/auth")]
    base: String,
    /// How many users or sessions to draw from
    #[arg(long, default_value_t = 10_000)]
    among: u64,
    /// Connections
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// How long
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second; as many as go unless given
    #[arg(long)]
    rate: Option<f64>,
    /// Another client edits one user for so many reads; 0: none does
    #[arg(long, default_value_t = 0)]
    reads_per_patch: u64,
    /// The number of the first person who is registered
    #[arg(long, default_value_t = 1)]
    first: u64,
}

fn main() -> ExitCode {
    match perform(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> Result<()> {
    match cli {
        Cli::Seed(Seed { users, sessions_per_user, database, seen_in }) => {
            let amount = Amount { users, sessions_per_user, seen_in };
            tokio::runtime::Runtime::new()?.block_on(seed::seed(&database, amount))
        }
        Cli::Bare { listen } => tokio::runtime::Runtime::new()?.block_on(bare::serve(listen)),
        Cli::Drive(wish) => driven(&wish),
        Cli::Run(options) => run::run(&options),
        Cli::Crowd(options) => crowd::run(options),
        Cli::Timing(options) => timing::run(options),
    }
}

fn driven(wish: &Drive) -> Result<()> {
    let address = wish.address.to_socket_addrs()?.next().ok_or("no such address")?;
    let plan = Plan { address, span: Duration::from_secs_f64(wish.seconds), rate: wish.rate };
    let base = wish.base.trim_end_matches('/');
    let measured = match wish.what {
        What::User => read(wish, plan, &format!("{base}/user/"))?,
        What::Login => drive(plan, Logins::of(wish.connections, &format!("{base}/login/"), wish.among))?,
        What::Registration => {
            let people = Arc::new(AtomicU64::new(wish.first));
            drive(plan, Registrations::of(wish.connections, &format!("{base}/registration/"), &people))?
        }
    };
    let millis = |part| measured.latencies.millis(part);
    output::say(&format!(
        "{} answers, {} wrong, {:.1}/s, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        measured.requests,
        measured.failures,
        measured.rate(),
        millis(0.5),
        millis(0.99),
        millis(1.0)
    ));
    measured.first_failure.map_or(Ok(()), |why| Err(why.into()))
}

fn read(wish: &Drive, plan: Plan, path: &str) -> Result<Measured> {
    let freshness = Freshness::new(wish.among);
    let patches = (wish.reads_per_patch > 0).then(|| Patches::start(plan.address, path, &freshness, wish.reads_per_patch));
    let measured = drive(plan, Reads::of(wish.connections, path, &freshness));
    let edits = patches.map_or(Ok(0), Patches::end)?;
    if edits > 0 {
        output::note(&format!("{} edits and as many reads of them, none stale", edits / 2));
    }
    measured
}
