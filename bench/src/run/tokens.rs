//! JSON Web Tokens: `GET user/` with one, known to the server and at first sight, and refreshing with rotation beside the raw cost of
//! its parts.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use vestibule::settings::Algorithm;

use super::raw::{Commits, Signatures};
use super::reads::{self, PATH, Sample};
use super::table::{Report, median};
use super::targets::{self, Machine, SECRET_KEY, Target};
use super::{Options, progress};
use crate::client::tokens::{Bearers, Order, Refreshes, prove};
use crate::client::{Measured, Plan};
use crate::machine::Server;
use crate::seed::seed;
use crate::tokens::{Holder, Signer, environment, settings};
use crate::{Result, output};

const REFRESH: &str = "/auth/token/refresh/";

const ALL: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

/// How many tokens are read one after the other to see each as if for the first time: three times what a server remembers.
const FIRST_SIGHTS: u64 = 98_304;

/// What a refresh may cost beside its parts.
const MOST: f64 = 1.5;

/// What it must reach of the raw rate of commits, in percent.
const LEAST: f64 = 60.0;

/// A server that gives tokens, and tokens of its sessions.
struct Issuer {
    name: String,
    server: Server,
    algorithm: Algorithm,
    has_postgres: bool,
    /// One of each session.
    access: Arc<[String]>,
    /// Many more, where first sight is measured.
    many: Option<(Arc<[String]>, Order)>,
    /// Those who refresh, where that is measured.
    holders: Option<Arc<[Holder]>>,
}

pub(super) fn measure(options: &Options, machine: &Machine, report: &mut Report) -> Result<()> {
    let bare = machine.bare(options)?;
    let mut issuers = Vec::new();
    for algorithm in ALL {
        issuers.push(Issuer::new(options, machine, algorithm, &machine.sqlite(&format!("{}.db", algorithm.word())), false)?);
    }
    for (algorithm, schema) in [(Algorithm::Hs256, targets::HS256), (Algorithm::Es256, targets::ES256)] {
        if let Some(url) = machine.postgres(schema)? {
            issuers.push(Issuer::new(options, machine, algorithm, &url, true)?);
        }
    }
    read(options, machine, &bare, &issuers, report)?;
    refresh(options, machine, &bare, &issuers, report)
}

impl Issuer {
    fn new(options: &Options, machine: &Machine, algorithm: Algorithm, url: &str, has_postgres: bool) -> Result<Self> {
        let name = format!("{}, {}", if has_postgres { "PostgreSQL" } else { "SQLite" }, algorithm.word());
        output::note(&format!("filling {name}: {} users, and signing their tokens", options.users));
        let refreshes = matches!(algorithm, Algorithm::Hs256 | Algorithm::Es256);
        let (access, many, holders) = machine.runtime.block_on(async {
            seed(url, options.small()).await?;
            let signer = Signer::open(settings(url, SECRET_KEY, algorithm)).await?;
            let access = signer.access(1).await?;
            let many = match refreshes && !has_postgres {
                true => Some(signer.access(FIRST_SIGHTS.div_ceil(options.small().sessions().max(1))).await?),
                false => None,
            };
            let holders = if refreshes { Some(signer.holders().await?.into()) } else { None };
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((access, many, holders))
        })?;
        let server = machine.serve_with(url, &environment(algorithm))?;
        let many = many.map(|many| (many.into(), Order::InTurn(Arc::new(AtomicU64::new(0)))));
        Ok(Self { name, server, algorithm, has_postgres, access: access.into(), many, holders })
    }

    fn plan(&self, span: Duration) -> Plan {
        Plan { address: self.server.address, span, rate: None }
    }

    fn read(&self, span: Duration, connections: u64, (tokens, order): (&Arc<[String]>, &Order)) -> Result<Measured> {
        reads::right(&self.name, Bearers::drive(self.plan(span), connections, PATH, tokens, order)?)
    }

    fn refresh(&self, span: Duration, connections: u64, holders: &Arc<[Holder]>) -> Result<Measured> {
        reads::right(&self.name, Refreshes::drive(self.plan(span), connections, REFRESH, holders)?)
    }
}

/// `GET user/`, first with tokens that the server has seen, then with tokens that it sees for the first time.
fn read(options: &Options, machine: &Machine, bare: &Target, issuers: &[Issuer], report: &mut Report) -> Result<()> {
    let mut bares = Vec::new();
    let (mut known, mut strange): (Vec<Vec<Sample>>, Vec<Vec<Sample>>) = issuers.iter().map(|_| (Vec::new(), Vec::new())).unzip();
    for _ in 0..options.rounds.max(1) {
        progress("reads", &bare.name);
        bares.push(reads::sample(options, machine, bare, false)?);
        for ((issuer, known), strange) in issuers.iter().zip(&mut known).zip(&mut strange) {
            progress("reads with tokens", &issuer.name);
            let turns = [
                Some(((&issuer.access, &Order::Drawn), known)),
                issuer.many.as_ref().map(|(many, order)| ((many, order), strange)),
            ];
            for (tokens, samples) in turns.into_iter().flatten() {
                issuer.read(options.warm_up(), options.connections, tokens)?;
                samples.push(Sample::take(machine, Some(issuer.server.pid()), || {
                    Ok((issuer.read(options.span(), options.connections, tokens)?, 0))
                })?);
            }
        }
    }
    let rate = |samples: &[Sample]| median(samples.iter().map(|sample| sample.rate));
    for (what, samples) in [("GET user/, token", &known), ("GET user/, first sight", &strange)] {
        report.rows.push(Sample::row(what, &bare.name, false, &bares));
        let there = issuers.iter().zip(samples).filter(|(_, samples)| !samples.is_empty());
        report.rows.extend(there.map(|(issuer, samples)| Sample::row(what, &issuer.name, issuer.has_postgres, samples)));
    }
    for (issuer, samples) in issuers.iter().zip(&known).filter(|(issuer, _)| !issuer.has_postgres) {
        let least = match issuer.algorithm {
            Algorithm::Hs256 => 50.0,
            Algorithm::Es256 => 35.0,
            Algorithm::EdDsa | Algorithm::Rs256 => continue,
        };
        let part = 100.0 * rate(samples) / rate(&bares);
        let what = format!("reads with one of {} tokens, {}", issuer.access.len(), issuer.name);
        report.judged(what, format!("{part:.0} % of bare"), format!("≥ {least:.0} % of bare"), part >= least);
    }
    Ok(())
}

/// Everything that was seen of refreshing.
struct Refreshing<'a> {
    issuer: &'a Issuer,
    holders: &'a Arc<[Holder]>,
    signatures: Signatures,
    samples: Vec<Sample>,
}

impl Refreshing<'_> {
    fn round(&mut self, options: &Options, machine: &Machine) -> Result<()> {
        let (issuer, holders) = (self.issuer, self.holders);
        progress("refreshes", &issuer.name);
        self.signatures.round(options.warm_up())?;
        issuer.refresh(options.warm_up(), options.connections, holders)?;
        self.samples.push(Sample::take(machine, Some(issuer.server.pid()), || {
            Ok((issuer.refresh(options.span(), options.connections, holders)?, 0))
        })?);
        let proven = prove(issuer.server.address, PATH, holders)?;
        output::note(&format!("the new access tokens of {proven} sessions count"));
        Ok(())
    }

    /// Beside its parts, on SQLite.
    fn tell_cost(&self, bare: f64, commit: f64, report: &mut Report) {
        let (making, verifying) = self.signatures.medians();
        let sum = bare + verifying + 2.0 * making + commit;
        let cpu = median(self.samples.iter().filter_map(|sample| sample.cpu));
        report.judged(
            format!("CPU of a refresh, {}", self.issuer.name),
            format!(
                "{cpu:.1} us, {:.2} × {sum:.1} us (bare {bare:.1}, verification {verifying:.1}, signature 2 × {making:.1}, write {commit:.1})",
                cpu / sum
            ),
            format!("≤ {MOST} × its parts"),
            cpu <= MOST * sum,
        );
    }

    /// Beside commits alone, on PostgreSQL.
    fn tell_rate(&self, commits: f64, report: &mut Report) {
        let rate = median(self.samples.iter().map(|sample| sample.rate));
        let part = 100.0 * rate / commits;
        let what = format!("refreshes, {}", self.issuer.name);
        report.judged(
            what,
            format!("{rate:.0}/s, {part:.0} % of {commits:.0} commits/s"),
            format!("≥ {LEAST:.0} %"),
            part >= LEAST,
        );
    }
}

/// `POST token/refresh/` with rotation, beside its parts in the same rounds.
fn refresh(options: &Options, machine: &Machine, bare: &Target, issuers: &[Issuer], report: &mut Report) -> Result<()> {
    let mut all = Vec::new();
    for issuer in issuers {
        let Some(holders) = &issuer.holders else { continue };
        let token = holders.first().map(Holder::pair).unwrap_or_default().refresh;
        if let Some(signatures) = Signatures::new(issuer.algorithm, &token)? {
            all.push(Refreshing { issuer, holders, signatures, samples: Vec::new() });
        }
    }
    let filled = |url: &str| machine.runtime.block_on(Commits::new(url, options.users));
    let mut on_sqlite = filled(&machine.sqlite("commits.db"))?;
    let mut on_postgres = machine.postgres(targets::COMMITS)?.map(|url| filled(&url)).transpose()?;
    let mut bares = Vec::new();
    for _ in 0..options.rounds.max(1) {
        progress("reads", &bare.name);
        bares.push(reads::sample(options, machine, bare, false)?);
        output::note("commits");
        for commits in [Some(&mut on_sqlite), on_postgres.as_mut()].into_iter().flatten() {
            machine.runtime.block_on(commits.round(options.span()))?;
        }
        all.iter_mut().try_for_each(|one| one.round(options, machine))?;
    }
    let what = "POST token/refresh/";
    report.rows.extend(all.iter().map(|one| Sample::row(what, &one.issuer.name, one.issuer.has_postgres, &one.samples)));
    let bare = median(bares.iter().filter_map(|sample| sample.cpu));
    for one in &all {
        match (&on_postgres, one.issuer.has_postgres) {
            (Some(commits), true) => one.tell_rate(commits.rate(), report),
            _ => one.tell_cost(bare, on_sqlite.cpu(), report),
        }
    }
    Ok(())
}
