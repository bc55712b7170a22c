//! How fast Vestibule is: fills databases, drives servers, and prints one table. See the readme beside this crate.

mod bare;
mod by_hand;
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
mod tokens;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

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
    /// Print tokens for the sessions of a filled database, in each line an account, its access and its refresh token
    Tokens(by_hand::Wish),
    /// Drive a server that runs on a filled database
    Drive(by_hand::Drive),
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
        Cli::Drive(wish) => by_hand::drive(&wish),
        Cli::Tokens(wish) => tokio::runtime::Runtime::new()?.block_on(by_hand::tokens(wish)),
        Cli::Run(options) => run::run(&options),
        Cli::Crowd(options) => crowd::run(options),
        Cli::Timing(options) => timing::run(options),
    }
}
