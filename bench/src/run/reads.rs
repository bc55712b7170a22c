//! `GET user/` with uniformly drawn tokens: alone, and while another client edits one user for every hundred reads.

use std::time::Duration;

use super::table::{Report, Row, median};
use super::targets::{Kind, Machine, Target};
use super::{Options, progress};
use crate::Result;
use crate::client::histogram::as_float;
use crate::client::patches::Patches;
use crate::client::work::{Peer, Reads};
use crate::client::{Measured, Plan, drive};
use crate::machine;

/// One edit for so many reads.
const READS_EACH: u64 = 100;

/// Where `user/` is.
pub(super) const PATH: &str = "/auth/user/";

/// What one measurement gives.
struct Sample {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
    database_cpu: f64,
}

pub(super) fn measure(options: &Options, machine: &Machine, targets: &[Target], report: &mut Report) -> Result<()> {
    for with_edits in [false, true] {
        let asked: Vec<&Target> = targets.iter().filter(|target| !with_edits || target.has_edits()).collect();
        let mut samples: Vec<Vec<Sample>> = asked.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds.max(1) {
            for (target, samples) in asked.iter().zip(&mut samples) {
                progress(if with_edits { "reads and edits" } else { "reads" }, target);
                warm_up(options, target)?;
                samples.push(sample(options, machine, target, with_edits)?);
            }
        }
        let what = if with_edits { "GET user/ + 1 % PATCH" } else { "GET user/" };
        report.rows.extend(asked.iter().zip(&samples).map(|(target, samples)| row(what, target, samples)));
    }
    Ok(())
}

impl Target {
    fn has_edits(&self) -> bool {
        !matches!(self.kind, Kind::Peer { .. })
    }
}

fn row(what: &'static str, target: &Target, samples: &[Sample]) -> Row {
    let of = |pick: fn(&Sample) -> f64| median(samples.iter().map(pick));
    Row {
        what,
        name: target.name.clone(),
        rate: of(|sample| sample.rate),
        p50: of(|sample| sample.p50),
        p99: of(|sample| sample.p99),
        cpu: target.pid().map(|_| of(|sample| sample.cpu)),
        database_cpu: matches!(target.kind, Kind::Ours { has_postgres: true, .. }).then(|| of(|sample| sample.database_cpu)),
    }
}

fn warm_up(options: &Options, target: &Target) -> Result<()> {
    let span = Duration::from_secs_f64((options.seconds / 5.0).clamp(0.2, 1.0));
    flat_out(target, span, options.connections).map(|_| ())
}

fn sample(options: &Options, machine: &Machine, target: &Target, with_edits: bool) -> Result<Sample> {
    let patches = match &target.kind {
        Kind::Bare(freshness) | Kind::Ours { freshness, .. } if with_edits => {
            Some((Patches::start(target.address, PATH, freshness, READS_EACH), matches!(target.kind, Kind::Bare(_))))
        }
        _ => None,
    };
    let used = || target.pid().map_or(Ok(0.0), machine::cpu);
    let (server, database) = (used()?, machine.database_cpu()?);
    let measured = flat_out(target, options.span(), options.connections)?;
    let (server, database) = (used()? - server, machine.database_cpu()? - database);
    let edits = match patches {
        // The bare answer keeps nothing, so its first edit already does not show.
        Some((patches, true)) => patches.end().unwrap_or(0),
        Some((patches, false)) => patches.end()?,
        None => 0,
    };
    let micros = 1e6 / as_float(measured.requests + edits).max(1.0);
    Ok(Sample {
        rate: measured.rate(),
        p50: measured.latencies.millis(0.5),
        p99: measured.latencies.millis(0.99),
        cpu: server * micros,
        database_cpu: database * micros,
    })
}

/// Reads as fast as that many connections can. Any wrong answer ends the run.
pub(super) fn flat_out(target: &Target, span: Duration, connections: u64) -> Result<Measured> {
    let plan = Plan { address: target.address, span, rate: None };
    right(target, reads(target, plan, connections)?)
}

/// Reads at a rate with one connection.
pub(super) fn at_rate(target: &Target, span: Duration, rate: f64) -> Result<Measured> {
    let plan = Plan { address: target.address, span, rate: Some(rate) };
    right(target, reads(target, plan, 1)?)
}

fn reads(target: &Target, plan: Plan, connections: u64) -> Result<Measured> {
    match &target.kind {
        Kind::Bare(freshness) | Kind::Ours { freshness, .. } => drive(plan, Reads::of(connections, PATH, freshness)),
        Kind::Peer { path, headers } => drive(plan, Peer::of(connections, path, headers)),
    }
}

/// What was measured, if every answer was right.
pub(super) fn right(target: &Target, measured: Measured) -> Result<Measured> {
    match &measured.first_failure {
        None => Ok(measured),
        Some(why) => Err(format!("{}: {} of {} wrong, first: {why}", target.name, measured.failures, measured.requests).into()),
    }
}
