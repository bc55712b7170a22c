//! Units of three statements from 32 tasks on SQLite: in groups that share a COMMIT, and one COMMIT each.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule::db::{self, Db, Error, Tx};
use vestibule::params;

use super::Options;
use super::table::{Report, median};
use super::targets::Machine;
use crate::client::histogram::as_float;
use crate::random::Random;
use crate::seed::{Amount, seed};
use crate::{Result, output};

const TASKS: u64 = 32;
const USERS: u64 = 10_000;

pub(super) fn measure(options: &Options, machine: &Machine, report: &mut Report) -> Result<()> {
    output::note("units");
    let url = machine.sqlite("units.db");
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    machine.runtime.block_on(async {
        seed(&url, Amount { users: USERS, sessions_per_user: 1, seen_in: 0 }).await?;
        let db = Db::open(&url, db::Options::default()).await?;
        for _ in 0..options.rounds.max(1) {
            let one = db.clone();
            grouped.push(rate(options.span(), USERS, move |user| together(one.clone(), user)).await?);
            let one = db.clone();
            single.push(rate(options.span(), USERS, move |user| alone(one.clone(), user)).await?);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    let (grouped, single) = (median(grouped), median(single));
    let sync = sync_millis(machine)?;
    let what = format!("units of 3 statements, {TASKS} tasks, synchronous=FULL (fsync {sync:.2} ms)");
    report.judged(what, format!("{grouped:.0}/s"), "≥ 20000/s", grouped >= 20_000.0);
    report.figure("the same with one COMMIT each", format!("{single:.0}/s, ratio {:.1}", grouped / single.max(1.0)));
    Ok(())
}

/// Units a second from [`TASKS`] tasks at once, each with a number drawn from `1..=among`.
///
/// # Errors
/// That of the first unit that fails.
pub(super) async fn rate<F, Fut>(span: Duration, among: u64, unit: F) -> Result<f64>
where
    F: Fn(i64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = std::result::Result<(), Error>> + Send,
{
    let began = Instant::now();
    let tasks: Vec<_> = (1..=TASKS)
        .map(|seed| {
            let (unit, mut random) = (unit.clone(), Random::new(seed));
            tokio::spawn(async move {
                let mut done = 0_u64;
                while began.elapsed() < span {
                    unit(i64::try_from(random.below(among) + 1).unwrap_or(1)).await?;
                    done += 1;
                }
                Ok::<_, Error>(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(as_float(done) / began.elapsed().as_secs_f64())
}

async fn together(db: Db, user: i64) -> std::result::Result<(), Error> {
    db.unit(move |tx| async move { login(&tx, user).await }).await
}

/// A unit with hooks begins a group of its own, so it has a COMMIT of its own.
async fn alone(db: Db, user: i64) -> std::result::Result<(), Error> {
    db.unit_with_hooks(move |tx| async move { login(&tx, user).await }).await
}

/// What a login writes, but for the session.
async fn login(tx: &Tx, user: i64) -> std::result::Result<(), Error> {
    tx.one::<(i64,)>("UPDATE auth_users SET version = version + 1 WHERE id = $1 RETURNING epoch", params![user]).await?;
    tx.run("UPDATE auth_users SET last_login_at = $2 WHERE id = $1", params![user, 1_767_225_600_000_i64]).await?;
    let sql = "INSERT INTO auth_audit (at, event, user_id, data) VALUES ($2, 'session.opened', $1, '{}')";
    tx.run(sql, params![user, 1_767_225_600_000_i64]).await?;
    Ok(())
}

/// How long the disk takes to keep a page.
fn sync_millis(machine: &Machine) -> Result<f64> {
    let file = Arc::new(File::create(machine.folder().join("sync"))?);
    let mut times = Vec::new();
    for _ in 0..200 {
        file.as_ref().write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}
