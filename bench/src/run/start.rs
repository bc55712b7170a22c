//! How long a server takes until it answers, on a database that is there already.

use std::path::Path;

use super::Options;
use super::table::{Report, median};
use super::targets::Machine;
use crate::Result;
use crate::seed::seed;

/// How often it is started.
const STARTS: u32 = 5;

pub(super) fn measure(options: &Options, machine: &Machine, report: &mut Report) -> Result<()> {
    let small = options.small();
    let url = machine.sqlite(&format!("users{}.db", small.users));
    if !Path::new(url.trim_start_matches("sqlite://")).exists() {
        machine.runtime.block_on(seed(&url, small))?;
    }
    let starts = (0..STARTS).map(|_| Ok(machine.serve(&url)?.ready_in.as_secs_f64() * 1e3));
    let millis = median(starts.collect::<Result<Vec<_>>>()?);
    report.judged("ready on an existing database, SQLite", format!("{millis:.0} ms"), "≤ 300 ms", millis <= 300.0);
    Ok(())
}
