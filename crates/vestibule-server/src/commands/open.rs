//! From the command line to an open service.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use vestibule::settings::{Environment, LogFormat, LogLevel};
use vestibule::{Auth, Builder, Settings};

use super::Failure;
use crate::load::{self, Loaded};
use crate::logs::{self, Format};
use crate::secret_key;

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

/// As [`load`], with the key that development makes for itself, and with the log begun, at most as talkative as `level`.
pub(super) fn settings(config: Option<&Path>, level: LevelFilter) -> Result<(Settings, Option<PathBuf>), Failure> {
    let Loaded { mut settings, .. } = load(config)?;
    begin_log(&settings, level).map_err(Failure::Failed)?;
    if settings.secret_key.is_some() || settings.environment != Environment::Development {
        return Ok((settings, None));
    }
    let path = key_path(&settings);
    settings.secret_key = Some(secret_key::make_or_read(&path).map_err(Failure::Failed)?);
    Ok((settings, Some(path)))
}

/// Whether the database is a file that is not there yet.
pub(super) fn is_new(settings: &Settings) -> bool {
    settings.database.url.expose().strip_prefix("sqlite://").is_some_and(|file| !Path::new(file).exists())
}

/// Beside the database file: `vestibule.db` has its key in `vestibule.key`. For a database elsewhere, in this folder.
fn key_path(settings: &Settings) -> PathBuf {
    match settings.database.url.expose().strip_prefix("sqlite://") {
        Some(file) => Path::new(file.split('?').next().unwrap_or(file)).with_extension("key"),
        None => PathBuf::from("vestibule.key"),
    }
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
    let (settings, _) = settings(config, QUIET)?;
    build(Auth::builder(settings)).await
}

/// Opens the service.
pub(super) async fn build(builder: Builder) -> Result<Auth, Failure> {
    builder.build().await.map_err(|error| Failure::Failed(error.to_string()))
}
