//! Vestibule as a server: registration, login and accounts beside an application in any language.
//!
//! [`cli`] is what can be typed, [`commands`] what happens then, [`serve`] the accept loop, [`logs`] how events are written.

mod cli;
mod commands;
mod explain;
mod load;
mod logs;
mod memory;
mod metrics;
mod output;
mod serve;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::Cli;
use commands::Failure;

/// Hashing and serving at once fragment the system's allocator; this one gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 0 done, 1 failed, 2 misuse.
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => return tell(&told),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().thread_name("vestibule").enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(&Failure::Failed(format!("cannot start: {error}"))),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure),
    }
}

/// What clap has to say: help and version are no failures.
fn tell(told: &clap::Error) -> ExitCode {
    // A reader that left does not change what was asked for.
    let _ = told.print();
    match told.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Failure::MISUSE),
    }
}

fn end(failure: &Failure) -> ExitCode {
    output::complain(failure.text());
    ExitCode::from(failure.status())
}
