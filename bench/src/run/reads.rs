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

/// What one measurement gives. Processor times are microseconds for each request.
pub(super) struct Sample {
    pub(super) rate: f64,
    p50: f64,
    p99: f64,
    /// Of a server that a run has started.
    pub(super) cpu: Option<f64>,
    database_cpu: f64,
}

impl Sample {
    /// Measures a server at work: `work` gives what the client saw, and how many requests there were beside those.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn take(machine: &Machine, pid: Option<u32>, work: impl FnOnce() -> Result<(Measured, u64)>) -> Result<Self> {
        let used = || pid.map(machine::cpu).transpose();
        let (server, database) = (used()?, machine.database_cpu()?);
        let (measured, more) = work()?;
        let (after, database) = (used()?, machine.database_cpu()? - database);
        let micros = 1e6 / as_float(measured.requests + more).max(1.0);
        Ok(Self {
            rate: measured.rate(),
            p50: measured.latencies.millis(0.5),
            p99: measured.latencies.millis(0.99),
            cpu: server.zip(after).map(|(before, after)| (after - before) * micros),
            database_cpu: database * micros,
        })
    }

    /// The line of several.
    pub(super) fn row(what: &'static str, name: &str, has_postgres: bool, samples: &[Self]) -> Row {
        let of = |pick: fn(&Self) -> f64| median(samples.iter().map(pick));
        let cpus: Vec<f64> = samples.iter().filter_map(|sample| sample.cpu).collect();
        Row {
            what,
            name: name.to_owned(),
            rate: of(|sample| sample.rate),
            p50: of(|sample| sample.p50),
            p99: of(|sample| sample.p99),
            cpu: (!cpus.is_empty()).then(|| median(cpus)),
            database_cpu: has_postgres.then(|| of(|sample| sample.database_cpu)),
        }
    }
}

pub(super) fn measure(options: &Options, machine: &Machine, targets: &[Target], report: &mut Report) -> Result<()> {
    for with_edits in [false, true] {
        let asked: Vec<&Target> = targets.iter().filter(|target| !with_edits || target.has_edits()).collect();
        let mut samples: Vec<Vec<Sample>> = asked.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds.max(1) {
            for (target, samples) in asked.iter().zip(&mut samples) {
                progress(if with_edits { "reads and edits" } else { "reads" }, &target.name);
                samples.push(sample(options, machine, target, with_edits)?);
            }
        }
        let what = if with_edits { "GET user/ + 1 % PATCH" } else { "GET user/" };
        let row = |(target, samples): (&&Target, &Vec<Sample>)| Sample::row(what, &target.name, target.has_postgres(), samples);
        report.rows.extend(asked.iter().zip(&samples).map(row));
    }
    Ok(())
}

impl Target {
    fn has_edits(&self) -> bool {
        !matches!(self.kind, Kind::Peer { .. })
    }

    fn has_postgres(&self) -> bool {
        matches!(self.kind, Kind::Ours { has_postgres: true, .. })
    }
}

/// One measurement of a server, once it is warm.
pub(super) fn sample(options: &Options, machine: &Machine, target: &Target, with_edits: bool) -> Result<Sample> {
    flat_out(target, options.warm_up(), options.connections)?;
    let patches = match &target.kind {
        Kind::Bare(freshness) | Kind::Ours { freshness, .. } if with_edits => {
            Some((Patches::start(target.address, PATH, freshness, READS_EACH), matches!(target.kind, Kind::Bare(_))))
        }
        _ => None,
    };
    Sample::take(machine, target.pid(), || {
        let measured = flat_out(target, options.span(), options.connections)?;
        let edits = match patches {
            // The bare answer keeps nothing, so its first edit already does not show.
            Some((patches, true)) => patches.end().unwrap_or(0),
            Some((patches, false)) => patches.end()?,
            None => 0,
        };
        Ok((measured, edits))
    })
}

/// Reads as fast as that many connections can. Any wrong answer ends the run.
pub(super) fn flat_out(target: &Target, span: Duration, connections: u64) -> Result<Measured> {
    let plan = Plan { address: target.address, span, rate: None };
    right(&target.name, reads(target, plan, connections)?)
}

/// Reads at a rate with one connection.
pub(super) fn at_rate(target: &Target, span: Duration, rate: f64) -> Result<Measured> {
    let plan = Plan { address: target.address, span, rate: Some(rate) };
    right(&target.name, reads(target, plan, 1)?)
}

fn reads(target: &Target, plan: Plan, connections: u64) -> Result<Measured> {
    match &target.kind {
        Kind::Bare(freshness) | Kind::Ours { freshness, .. } => drive(plan, Reads::of(connections, PATH, freshness)),
        Kind::Peer { path, headers } => drive(plan, Peer::of(connections, path, headers)),
    }
}

/// What was measured, if every answer was right.
pub(super) fn right(name: &str, measured: Measured) -> Result<Measured> {
    match &measured.first_failure {
        None => Ok(measured),
        Some(why) => Err(format!("{name}: {} of {} wrong, first: {why}", measured.failures, measured.requests).into()),
    }
}
