//! One server, driven by hand.

use std::fs;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::ValueEnum;
use vestibule::settings::Algorithm;

use crate::client::patches::{Freshness, Patches};
use crate::client::tokens::{Bearers, Order, Refreshes, prove};
use crate::client::work::{Logins, Reads, Registrations};
use crate::client::{self, Measured, Plan};
use crate::tokens::{Holder, Pair, Signer, settings};
use crate::{Result, output};

#[derive(Clone, Copy, ValueEnum)]
enum What {
    User,
    Login,
    Registration,
    Refresh,
}

#[derive(clap::Args)]
pub(crate) struct Drive {
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
    /// What `tokens` has printed: to read with its access tokens, or to refresh, which uses the file up
    #[arg(long)]
    tokens: Option<PathBuf>,
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

#[derive(clap::Args)]
pub(crate) struct Wish {
    /// The database: sqlite://FILE or postgres://…
    #[arg(long)]
    database: String,
    /// How they are signed
    #[arg(long, default_value = "ES256", value_parser = algorithm)]
    algorithm: Algorithm,
    /// The `secret_key` of the server
    #[arg(long, env = "VESTIBULE__SECRET_KEY", hide_env_values = true)]
    secret_key: String,
}

fn algorithm(word: &str) -> std::result::Result<Algorithm, String> {
    serde_json::from_value(word.into()).map_err(|error| error.to_string())
}

/// Prints an access and a refresh token of every session.
///
/// # Errors
/// Those of the library.
pub(crate) async fn tokens(wish: Wish) -> Result<()> {
    let signer = Signer::open(settings(&wish.database, &wish.secret_key, wish.algorithm)).await?;
    let (access, holders) = (signer.access(1).await?, signer.holders().await?);
    for (access, holder) in access.iter().zip(&holders) {
        output::say(&format!("{} {access} {}", holder.user, holder.pair().refresh));
    }
    Ok(())
}

/// Drives a server, and tells what was seen.
///
/// # Errors
/// When there is no server, or an answer is wrong.
pub(crate) fn drive(wish: &Drive) -> Result<()> {
    let address = wish.address.to_socket_addrs()?.next().ok_or("no such address")?;
    let plan = Plan { address, span: Duration::from_secs_f64(wish.seconds), rate: wish.rate };
    let base = wish.base.trim_end_matches('/');
    let measured = match wish.what {
        What::User => read(wish, plan, &format!("{base}/user/"))?,
        What::Login => client::drive(plan, Logins::of(wish.connections, &format!("{base}/login/"), wish.among))?,
        What::Registration => {
            let people = Arc::new(AtomicU64::new(wish.first));
            client::drive(plan, Registrations::of(wish.connections, &format!("{base}/registration/"), &people))?
        }
        What::Refresh => refresh(wish, plan, base)?,
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
    if wish.tokens.is_some() {
        let access = holders(wish)?.into_iter().map(|holder| holder.pair().access).collect();
        return Bearers::drive(plan, wish.connections, path, &access, &Order::Drawn);
    }
    let freshness = Freshness::new(wish.among);
    let patches = (wish.reads_per_patch > 0).then(|| Patches::start(plan.address, path, &freshness, wish.reads_per_patch));
    let measured = client::drive(plan, Reads::of(wish.connections, path, &freshness));
    let edits = patches.map_or(Ok(0), Patches::end)?;
    if edits > 0 {
        output::note(&format!("{} edits and as many reads of them, none stale", edits / 2));
    }
    measured
}

fn refresh(wish: &Drive, plan: Plan, base: &str) -> Result<Measured> {
    let holders: Arc<[Holder]> = holders(wish)?.into();
    let measured = Refreshes::drive(plan, wish.connections, &format!("{base}/token/refresh/"), &holders)?;
    let proven = prove(plan.address, &format!("{base}/user/"), &holders)?;
    output::note(&format!("the last access tokens of {proven} sessions count"));
    Ok(measured)
}

/// What `tokens` has printed.
fn holders(wish: &Drive) -> Result<Vec<Holder>> {
    let file = wish.tokens.as_deref().ok_or("--tokens must name what `tokens` has printed")?;
    let held = |line: &str| {
        let mut words = line.split(' ');
        let (user, access, refresh) = (words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?.to_owned());
        Some(Holder { user, pair: Mutex::new(Pair { access, refresh }) })
    };
    let text = fs::read_to_string(file)?;
    text.lines().map(|line| held(line).ok_or_else(|| "--tokens: not what `tokens` prints".into())).collect()
}
