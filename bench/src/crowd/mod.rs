//! A crowd at the door (T74, T84): thousands of slow connections, a thousand logins at once, and what a normal client notices.

mod logins;
mod slow;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::histogram::Histogram;
use crate::client::patches::Freshness;
use crate::client::work::{Logins, Reads};
use crate::client::{Measured, Plan, drive};
use crate::machine::{self, Server};
use crate::run::targets::Machine;
use crate::seed::{Amount, seed};
use crate::{Result, output};

/// Who is there already.
const AMOUNT: Amount = Amount { users: 1_000, sessions_per_user: 1, seen_in: 0 };

/// How hard to press.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's release binary; beside this program unless given
    #[arg(long)]
    server: Option<PathBuf>,
    /// Slow connections of each kind
    #[arg(long, default_value_t = 2_000)]
    slow: usize,
    /// Logins at once
    #[arg(long, default_value_t = 1_000)]
    logins: usize,
    /// Seconds of the logins
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
}

/// Presses and prints.
///
/// # Errors
/// When the server cannot be started, or a normal client gets a wrong answer.
pub(crate) fn run(options: Options) -> Result<()> {
    let machine = Machine::with(options.server, None, None)?;
    let url = machine.sqlite("crowd.db");
    machine.runtime.block_on(seed(&url, AMOUNT))?;
    // Beyond the slow ones there is room for normal clients, as a site has that expects such a crowd.
    let server = machine.serve_with(&url, &[("SERVER__MAX_CONNECTIONS", "8192")])?;
    slow_connections(&machine, &server, options.slow)?;
    many_logins(&server, options.logins, Duration::from_secs_f64(options.seconds))
}

/// Logins one after the other, ten a second.
fn some_logins(server: &Server, span: Duration) -> Result<Measured> {
    let plan = Plan { address: server.address, span, rate: Some(10.0) };
    fine(drive(plan, Logins::of(1, "/auth/login/", AMOUNT.users))?)
}

fn fine(measured: Measured) -> Result<Measured> {
    match measured.first_failure {
        Some(why) => Err(format!("a normal client: {why}").into()),
        None => Ok(measured),
    }
}

fn told(latencies: &Histogram) -> String {
    let millis = |part| latencies.millis(part);
    format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", millis(0.5), millis(0.99), millis(1.0))
}

fn slow_connections(machine: &Machine, server: &Server, many: usize) -> Result<()> {
    let idle = some_logins(server, Duration::from_secs(10))?;
    output::say(&format!("login/ alone, 10 a second: {}", told(&idle.latencies)));
    let before = machine::descriptors(server.pid())?;
    for kind in slow::KINDS {
        output::note(&format!("{many} connections: {}", kind.name()));
        let holding = slow::hold(&machine.runtime, server.address, kind, many);
        // Those that come last may find that the first are gone.
        let reached = wait(|| Ok(machine::descriptors(server.pid())? >= before + many * 95 / 100), Duration::from_secs(8))?;
        let (memory, open) = (machine::memory(server.pid())?, machine::descriptors(server.pid())?);
        let meanwhile = some_logins(server, kind.timeout())?;
        let (cut, longest) = machine.runtime.block_on(holding)??;
        let back = wait(|| Ok(machine::descriptors(server.pid())? <= before + 64), Duration::from_secs(60))?;
        output::say(&format!(
            "{many} connections, {}: {open} descriptors{}, {:.0} MiB anonymous; login/ meanwhile: {}; {cut} were cut by the server, \
             the last after {:.0} s; descriptors {}",
            kind.name(),
            if reached { "" } else { " (not all came)" },
            memory.0,
            told(&meanwhile.latencies),
            longest.as_secs_f64(),
            if back { "are back" } else { "ARE NOT BACK after 60 s" },
        ));
    }
    Ok(())
}

/// Waits for something; whether it came.
fn wait(came: impl Fn() -> Result<bool>, patience: Duration) -> Result<bool> {
    let began = Instant::now();
    while !came()? {
        if began.elapsed() > patience {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

fn many_logins(server: &Server, many: usize, span: Duration) -> Result<()> {
    let idle = machine::memory(server.pid())?.0;
    let freshness = Freshness::new(AMOUNT.sessions());
    let address = server.address;
    let (crowd, peak) = machine::peak_memory(server.pid(), || {
        let pressing = std::thread::spawn(move || logins::press(address, many, span));
        let reading = std::thread::spawn(move || {
            let plan = Plan { address, span, rate: Some(50.0) };
            drive(plan, Reads::of(1, "/auth/user/", &freshness)).and_then(fine)
        });
        let alive = drive(Plan { address, span, rate: Some(50.0) }, vec![logins::Alive(Arc::from("/livez"))]).and_then(fine)?;
        let read = reading.join().map_err(|_| "the reader panicked")??;
        Ok((pressing.join().map_err(|_| "the crowd panicked")??, read, alive))
    })?;
    let (crowd, read, alive) = crowd;
    output::say(&format!(
        "{many} logins at once for {:.0} s, every second client leaves early: {} × 200 ({:.0}/s), {} × 503, {} left, {} without an \
         answer; the 503 came after {}",
        span.as_secs_f64(),
        crowd.done,
        crate::client::histogram::as_float(crowd.done) / span.as_secs_f64(),
        crowd.refused,
        crowd.left,
        crowd.failed,
        told(&crowd.refusals),
    ));
    output::say(&format!("meanwhile, 50 a second each: user/ {}; /livez {}", told(&read.latencies), told(&alive.latencies)));
    output::say(&format!("anonymous memory: {idle:.0} MiB before, {peak:.0} MiB at most"));
    crowd.first_failure.map_or(Ok(()), |why| Err(why.into()))
}
