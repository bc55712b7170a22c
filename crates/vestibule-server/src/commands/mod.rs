//! What each command does.

mod check;
mod import_users;
mod keys;
mod mail;
mod open;
mod openapi;
mod serve;
mod social;
mod templates;
mod users;

use crate::cli::{Cli, Command, ConfigCommand, SocialCommand, TemplatesCommand};
use crate::{explain, output};

/// Why a command did not do what it was asked for, as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not be done: exit status 1.
    Failed(String),
    /// It was asked for in a way that cannot be right: exit status 2.
    Misuse(String),
}

impl Failure {
    /// Exit status of a command line that cannot be right.
    pub(crate) const MISUSE: u8 = 2;

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Misuse(_) => Self::MISUSE,
        }
    }

    /// The sentence.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Failed(text) | Self::Misuse(text) => text,
        }
    }
}

/// Does what the command line asks for.
///
/// # Errors
/// Why it was not done.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Serve => serve::run(config).await,
        Command::Migrate => check::migrate(config).await,
        Command::Check(check) => check::check(config, check.deploy).await,
        Command::Config(ConfigCommand::Show) => {
            output::say(&explain::show(&open::load(config)?));
            Ok(())
        }
        Command::Config(ConfigCommand::Example) => {
            output::say(&explain::example());
            Ok(())
        }
        Command::Openapi => openapi::run(config).await,
        Command::Keys(command) => keys::run(config, command).await,
        Command::User(command) => users::run(config, command).await,
        Command::Mail(command) => mail::run(config, command).await,
        Command::Social(SocialCommand::Test { id }) => social::test(config, &id).await,
        Command::Templates(TemplatesCommand::Convert { dir, out }) => templates::convert(&dir, out.as_deref()),
    }
}
