//! From the command line to an open service.

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;
use tracing::level_filters::LevelFilter;
use vestibule::settings::{LogFormat, LogLevel};
use vestibule::{Auth, Builder, Settings};

use super::Failure;
use crate::load::{self, Loaded};
use crate::logs::{self, Format};

/// The settings from the file and the environment, checked.
pub(super) fn load(config: Option<&Path>) -> Result<Loaded, Failure> {
    load::load(config, variables()?.into_iter()).map_err(|problems| Failure::Failed(problems.to_string()))
}

/// The environment; others' variables may hold what they like, ours must be text.
fn variables() -> Result<Vec<(String, String)>, Failure> {
    let ours = |(name, value): (OsString, OsString)| match (name.into_string(), value.into_string()) {
        (Ok(name), Ok(value)) => Some(Ok((name, value))),
        (Ok(name), Err(_)) if name.to_ascii_uppercase().starts_with("VESTIBULE__") => {
            Some(Err(Failure::Failed(format!("{name}: is not UTF-8 text"))))
        }
        _ => None,
    };
    std::env::vars_os().filter_map(ours).collect()
}

/// As [`load`], with the log begun, at most as talkative as `level`.
pub(super) fn settings(config: Option<&Path>, level: LevelFilter) -> Result<Settings, Failure> {
    let Loaded { settings, .. } = load(config)?;
    begin_log(&settings, level).map_err(Failure::Failed)?;
    Ok(settings)
}

/// The database, if it is a file that is not there yet.
pub(super) fn new_file(settings: &Settings) -> Option<&Path> {
    settings.database.url.expose().strip_prefix("sqlite://").map(Path::new).filter(|file| !file.exists())
}

/// Lets the settings name a database of their own, which goes with the folder that this gives.
pub(super) fn elsewhere(settings: &mut Settings) -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::Failed(format!("no temporary folder: {error}")))?;
    settings.database.url = format!("sqlite://{}", folder.path().join("empty.db").display()).into();
    settings.database.migrate = true;
    Ok(folder)
}

fn begin_log(settings: &Settings, most: LevelFilter) -> Result<(), String> {
    let level = match settings.log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let format = match settings.log.format {
        LogFormat::Auto => Format::Auto,
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    logs::install(level.min(most), format)
}

/// How talkative a command's log is at most: its answer is what it prints.
pub(super) const QUIET: LevelFilter = LevelFilter::WARN;

/// An open service for a command that is not `serve`.
pub(super) async fn service(config: Option<&Path>) -> Result<Auth, Failure> {
    let settings = settings(config, QUIET)?;
    build(Auth::builder(settings)).await
}

/// Opens the service.
pub(super) async fn build(builder: Builder) -> Result<Auth, Failure> {
    builder.build().await.map_err(|error| Failure::Failed(error.to_string()))
}
