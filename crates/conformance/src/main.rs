//! `conformance DIR [--with DIR2]… [--server PATH] [--json FILE]`: 0 when nothing fails, 1 when something does, 2 for misuse and
//! for a set-up that does not work.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use conformance::report::{Outcome, Verdict};
use conformance::{replay, report, rules};

/// Replays recorded exchanges of dj-rest-auth against the server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The folder with the transcripts, or with `transcripts/` and `variants.json`.
    #[arg(required_unless_present = "rules_markdown")]
    dir: Option<PathBuf>,
    /// Another folder, whose steps belong between those of the first.
    #[arg(long = "with", value_name = "DIR")]
    with: Vec<PathBuf>,
    /// The server; `vestibule` beside this program when left out.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Where to write every exchange with its verdict.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Prints the rules of deviation as a page and does nothing else.
    #[arg(long)]
    rules_markdown: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(outcomes) if outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failing) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            // A reader that left does not change what came out.
            let _ = writeln!(std::io::stderr(), "conformance: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Vec<Outcome>, String> {
    let Some(dir) = arguments.dir.as_ref().filter(|_| !arguments.rules_markdown) else {
        say(&rules::markdown());
        return Ok(Vec::new());
    };
    let server = match &arguments.server {
        Some(path) => path.clone(),
        None => beside_this_program()?,
    };
    let server = server.canonicalize().map_err(|error| format!("{}: {error}", server.display()))?;
    let folders: Vec<&Path> = std::iter::once(dir.as_path()).chain(arguments.with.iter().map(PathBuf::as_path)).collect();
    let outcomes = replay::all(&folders, &server)?;
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&outcomes).map_err(|error| error.to_string())?;
        std::fs::write(file, json + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    say(&report::text(&outcomes));
    Ok(outcomes)
}

fn beside_this_program() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let server = program.with_file_name("vestibule");
    if server.is_file() { Ok(server) } else { Err("there is no `vestibule` beside this program: name it with --server".into()) }
}

fn say(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}
