//! What hashing limits: logins and registrations beside the raw rate, reads while logins saturate the threads, and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use vestibule::accounts::passwords::Parameters;

use super::table::{Report, median};
use super::targets::{Kind, Target};
use super::{Options, progress, reads};
use crate::client::histogram::as_float;
use crate::client::work::{Logins, Registrations};
use crate::client::{Measured, Plan, drive};
use crate::machine::cores;
use crate::{Result, machine, output};

const LOGIN: &str = "/auth/login/";
const REGISTRATION: &str = "/auth/registration/";

/// How many logins there must have been before memory after them says anything.
const ENOUGH: u64 = 1_000;

/// The reads beside logins: as many a second as one front end sends.
const GENTLE: f64 = 50.0;

/// The connections of the reads that go flat out beside logins.
const FLAT_OUT: u64 = 4;

pub(super) fn measure(options: &Options, targets: &[Target], report: &mut Report) -> Result<()> {
    let ours: Vec<&Target> = targets.iter().filter(|target| target.is_small()).collect();
    let idle = ours.iter().map(|target| anonymous(target)).collect::<Result<Vec<_>>>()?;
    let people = Arc::new(AtomicU64::new(1));
    let mut raw = Vec::new();
    let mut each: Vec<Watched> = ours.iter().map(|_| Watched::default()).collect();
    for _ in 0..options.rounds.max(1) {
        output::note("raw hashing");
        raw.push(raw_rate(options.span())?);
        for (target, watched) in ours.iter().zip(&mut each) {
            progress("logins", &target.name);
            watched.round(options, target, &people)?;
        }
    }
    for (target, watched) in ours.iter().zip(&mut each) {
        watched.fill_up(options, target)?;
    }
    output::note("resting");
    thread::sleep(Duration::from_secs_f64(options.rest));
    let raw = median(raw);
    report.figure("raw argon2id of the same parameters, all cores", format!("{raw:.1}/s"));
    for ((target, watched), idle) in ours.iter().zip(&each).zip(idle) {
        watched.tell(options, target, raw, idle, report)?;
    }
    Ok(())
}

/// What was seen of one server.
#[derive(Default)]
struct Watched {
    logins: Vec<f64>,
    registrations: Vec<f64>,
    gentle: Vec<f64>,
    flat_out: Vec<(f64, f64)>,
    done: u64,
    peak: f64,
}

impl Watched {
    fn round(&mut self, options: &Options, target: &Target, people: &Arc<AtomicU64>) -> Result<()> {
        let connections = (options.connections / 2).max(1);
        let (logins, peak) = machine::peak_memory(pid(target)?, || logins(target, options.span(), connections))?;
        self.logins.push(logins.rate());
        self.done += logins.requests;
        self.peak = self.peak.max(peak);
        let (gentle, beside) = beside_logins(options, target, || reads::at_rate(target, options.span(), GENTLE))?;
        self.gentle.push(gentle.latencies.millis(0.99));
        self.done += beside;
        let (hard, beside) = beside_logins(options, target, || reads::flat_out(target, options.span(), FLAT_OUT))?;
        self.flat_out.push((hard.rate(), hard.latencies.millis(0.99)));
        self.done += beside;
        let plan = Plan { address: target.address, span: options.span(), rate: None };
        let registrations = reads::right(&target.name, drive(plan, Registrations::of(connections, REGISTRATION, people))?)?;
        self.registrations.push(registrations.rate());
        Ok(())
    }

    /// Logs in until there were enough logins.
    fn fill_up(&mut self, options: &Options, target: &Target) -> Result<()> {
        while self.done < ENOUGH && options.rest > 0.0 {
            self.done += logins(target, Duration::from_secs(2), (options.connections / 2).max(1))?.requests;
        }
        Ok(())
    }

    fn tell(&self, options: &Options, target: &Target, raw: f64, idle: f64, report: &mut Report) -> Result<()> {
        let name = &target.name;
        let mut rate = |what: &str, rates: &[f64], least: f64| {
            let (rate, part) = (median(rates.iter().copied()), 100.0 * median(rates.iter().copied()) / raw);
            report.judged(
                format!("{what}, {name}"),
                format!("{rate:.1}/s, {part:.0} % of raw"),
                format!("≥ {least:.0} % of raw"),
                part >= least,
            );
        };
        rate("logins", &self.logins, 90.0);
        rate("registrations", &self.registrations, 80.0);
        let gentle = median(self.gentle.iter().copied());
        let what = format!("p99 of {GENTLE:.0} reads/s beside logins, {name}");
        report.judged(what, format!("{gentle:.1} ms"), "≤ 10 ms", gentle <= 10.0);
        let (reads, p99) = (median(self.flat_out.iter().map(|one| one.0)), median(self.flat_out.iter().map(|one| one.1)));
        let what = format!("p99 of flat-out reads of {FLAT_OUT} connections beside logins, {name}");
        report.judged(what, format!("{p99:.1} ms at {reads:.0}/s"), "≤ 20 ms", p99 <= 20.0);
        let threads = as_float(u64::try_from(cores())?);
        let most = idle + threads * f64::from(Parameters::default().memory_kib) / 1024.0 + 64.0;
        let what = format!("most anonymous memory during logins, {name} (idle before: {idle:.1} MiB)");
        report.judged(what, format!("{:.1} MiB", self.peak), format!("≤ {most:.0} MiB"), self.peak <= most);
        let (after, resident) = machine::memory(pid(target)?)?;
        let what = format!("anonymous memory {:.0} s after {} logins, {name}", options.rest, self.done);
        report.judged(what, format!("{after:.1} MiB ({resident:.0} resident)"), "≤ 30 MiB", after <= 30.0);
        Ok(())
    }
}

fn logins(target: &Target, span: Duration, connections: u64) -> Result<Measured> {
    let Kind::Ours { amount, .. } = &target.kind else { return Err("only our own server is asked for logins".into()) };
    let plan = Plan { address: target.address, span, rate: None };
    reads::right(&target.name, drive(plan, Logins::of(connections, LOGIN, amount.users))?)
}

/// Does `work` while logins saturate the hashing threads. How many logins there were.
fn beside_logins<T>(options: &Options, target: &Target, work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let lead = Duration::from_millis(300);
    let connections = (options.connections / 2).max(1);
    thread::scope(|scope| {
        let beside = scope.spawn(|| logins(target, options.span() + lead, connections));
        thread::sleep(lead);
        let done = work();
        let beside = beside.join().map_err(|_| "the client that logs in panicked")??;
        Ok((done?, beside.requests))
    })
}

/// Hashes a second on all cores, without any server: plain threads and the library's parameters.
fn raw_rate(span: Duration) -> Result<f64> {
    let parameters = Parameters::default();
    let cost = Params::new(parameters.memory_kib, parameters.iterations, 1, Some(32)).map_err(|error| error.to_string())?;
    let (began, stop, done) = (Instant::now(), AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.clone());
                let (mut memory, mut out) = (vec![Block::default(); cost.block_count()], [0; 32]);
                while !stop.load(Ordering::Relaxed) {
                    let hashed = argon2.hash_password_into_with_memory(b"Tr1cky-pass-9x", &[7; 16], &mut out, &mut memory);
                    done.fetch_add(u64::from(hashed.is_ok()), Ordering::Relaxed);
                }
            });
        }
        thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
    });
    Ok(as_float(done.load(Ordering::Relaxed)) / began.elapsed().as_secs_f64())
}

fn pid(target: &Target) -> Result<u32> {
    target.pid().ok_or_else(|| format!("{} was not started here", target.name).into())
}

fn anonymous(target: &Target) -> Result<f64> {
    Ok(machine::memory(pid(target)?)?.0)
}
