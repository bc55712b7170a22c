//! What each command does.

use crate::cli::{Cli, Command, ConfigCommand, UserCommand};

/// Why a command did not do what it was asked for, as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "misuse is found by the commands that are joined next")]
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
    let name = match cli.command {
        Command::Serve => "serve",
        Command::Migrate => "migrate",
        Command::Check(_) => "check",
        Command::Config(ConfigCommand::Show) => "config show",
        Command::Config(ConfigCommand::Example) => "config example",
        Command::User(UserCommand::Create(_)) => "user create",
        Command::User(UserCommand::List(_)) => "user list",
        Command::User(UserCommand::Disable(_)) => "user disable",
        Command::User(UserCommand::Enable(_)) => "user enable",
        Command::User(UserCommand::SetPassword(_)) => "user set-password",
    };
    Err(Failure::Failed(format!("`{name}` is not part of this build")))
}
