//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Registration, login and accounts beside an application in any language.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Settings come from the file, then from the environment: VESTIBULE__SERVER__LISTEN sets server.listen.\n\
    Exit status: 0 done, 1 failed, 2 misuse.")]
pub(crate) struct Cli {
    /// The settings file [default: vestibule.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the endpoints until told to stop
    ///
    /// Without any settings: on http://127.0.0.1:8000/auth/, with an SQLite file in this folder and mails on the console. SIGTERM or
    /// Ctrl-C stops: requests that have begun get up to 20 seconds to finish; a second signal ends at once.
    Serve,
    /// Bring the database to the form this version needs
    ///
    /// Creates what is missing and changes nothing twice. Safe while other processes start: one of them does the work.
    Migrate,
    /// Say whether the settings and the database are fit to serve
    ///
    /// Prints every problem at once, each with the setting's name and where its value came from.
    Check(Check),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document of these settings
    ///
    /// What `openapi.json` answers, for generators of clients. Needs no database and leaves nothing behind.
    Openapi,
    /// Look after the keys that sign tokens; works while servers run on the same database
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look after accounts; works while servers run on the same database
    #[command(subcommand)]
    User(UserCommand),
    /// Look at mails, try the way out, look after what waits
    #[command(subcommand)]
    Mail(MailCommand),
    /// Try the sign-in providers of the settings out
    #[command(subcommand)]
    Social(SocialCommand),
    /// Bring mail templates over from Django
    #[command(subcommand)]
    Templates(TemplatesCommand),
}

/// `vestibule social …`.
#[derive(Debug, Subcommand)]
pub(crate) enum SocialCommand {
    /// Say whether a provider knows the client, the callback, the scopes and the secret
    ///
    /// Asks the provider, logs nobody in and needs no database. Prints what to enter at the provider, and what is wrong.
    Test {
        /// The provider's name: `google` in [social.google]
        id: String,
    },
}

/// `vestibule mail …`.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Print a mail about an invented account, without sending it
    ///
    /// Needs no database. The names are those of the kinds of mail: email_confirmation, password_reset and so on; a name that does not
    /// exist lists all.
    Preview(Preview),
    /// Send a test mail to an address, now and through the transport of the settings
    SendTest {
        /// Where to
        address: String,
    },
    /// The mails that wait or were given up; works while servers send
    #[command(subcommand)]
    Queue(QueueCommand),
}

/// `vestibule mail preview`.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// Which mail
    pub(crate) name: String,
    /// In which language, as in `pt-BR` [default: languages.default]
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// Write the HTML into this file, to be opened in a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// `vestibule mail queue …`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List mails, the oldest first, with what went wrong
    List {
        /// One JSON object per line, for programs
        #[arg(long)]
        json: bool,
        /// How many mails to print at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Queue mails anew, as if they had been asked for now
    Requeue {
        /// The numbers of the mails
        #[arg(required_unless_present = "given_up")]
        ids: Vec<i64>,
        /// All that were given up
        #[arg(long, conflicts_with = "ids")]
        given_up: bool,
    },
    /// Forget mails for good
    Drop {
        /// The numbers of the mails
        #[arg(required_unless_present = "given_up")]
        ids: Vec<i64>,
        /// All that were given up
        #[arg(long, conflicts_with = "ids")]
        given_up: bool,
    },
}

/// `vestibule templates …`.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplatesCommand {
    /// Turn a folder of Django mail templates into templates for templates.dir
    ///
    /// Takes the files that mails are made from, and what they extend or include. A file with something that has no counterpart is not
    /// written; its line is named, and the exit status is 1. No file is written over.
    Convert {
        /// The folder that has account/email or registration, or one above it
        dir: PathBuf,
        /// Where to write to [default: a new folder beside it, with -vestibule after its name]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// `vestibule check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Also warn of everything that is fine in development but not on the internet
    #[arg(long)]
    pub(crate) deploy: bool,
}

/// `vestibule config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where it came from; secrets are hidden
    Show,
    /// Print a settings file with every setting, its default and what it means
    Example,
}

/// `vestibule keys …`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys, the oldest first, with what each does
    List(ListKeys),
    /// Make a new key and publish it
    ///
    /// It signs ten minutes later, when no copy of the published keys is without it. Tokens of the key before it count until they
    /// end, so nobody is logged out.
    Rotate(RotateKeys),
    /// End a key that has a successor: its tokens count no more
    ///
    /// For a key that is no secret any more. Whoever holds one of its tokens has to log in again.
    Retire(RetireKey),
}

/// `vestibule keys list`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ListKeys {
    /// One JSON object per line, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// `vestibule keys rotate`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RotateKeys {
    /// Sign with the new key at once, as soon as every server has read it, which this waits for (2 s)
    #[arg(long)]
    pub(crate) now: bool,
}

/// `vestibule keys retire`.
#[derive(Debug, Args)]
pub(crate) struct RetireKey {
    /// The key's name, as `vestibule keys list` shows it
    #[arg(allow_hyphen_values = true)]
    pub(crate) kid: String,
}

/// `vestibule user …`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account
    ///
    /// The password is asked for, or read from standard input; it is never an argument, where other users of the machine would see it.
    Create(CreateUser),
    /// List accounts in the order of their keys
    List(ListUsers),
    /// Refuse every login of an account and end its sessions
    Disable(WhichUser),
    /// Let a disabled account log in again
    Enable(WhichUser),
    /// Set an account's password and end its sessions
    SetPassword(SetPassword),
    /// List an account's sessions, or end one or all of them
    Sessions(Sessions),
    /// Bring accounts over from Django, with their numbers, passwords and dates
    ///
    /// FILE is what `manage.py dumpdata accounts.customuser account.emailaddress --format jsonl` writes, or one JSON object a line
    /// with the same members. May be repeated, and works while servers run: what is there already is left as it is.
    Import(ImportUsers),
    /// Remove an account for ever
    ///
    /// Its sessions, its fields and the mails that wait for it go with it; the audit trail stays.
    Delete(DeleteUser),
}

/// `vestibule user create`.
#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// The name to log in with
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// Mark the account as staff
    #[arg(long)]
    pub(crate) staff: bool,
    /// Leave the address unproven, as after a registration; without this it counts as verified
    #[arg(long)]
    pub(crate) unverified: bool,
    /// The value of one of your own fields; may be given for each field
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    pub(crate) fields: Vec<(String, String)>,
    /// Where the password comes from.
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

/// Where a password comes from: the terminal, unless told otherwise.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long = "password-stdin")]
    pub(crate) stdin: bool,
}

/// `vestibule user list`.
#[derive(Debug, Args)]
pub(crate) struct ListUsers {
    /// One JSON object per line, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// How many accounts to print at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Begin behind the account with this key
    #[arg(long, value_name = "PK")]
    pub(crate) after: Option<String>,
}

/// An account, as the operator names it.
#[derive(Debug, Args)]
pub(crate) struct WhichUser {
    /// The account's key (pk), name or e-mail address
    pub(crate) user: String,
}

/// `vestibule user import`.
#[derive(Debug, Args)]
pub(crate) struct ImportUsers {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `vestibule user delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteUser {
    /// Whose account.
    #[command(flatten)]
    pub(crate) which: WhichUser,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `vestibule user sessions`.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Whose sessions.
    #[command(flatten)]
    pub(crate) which: WhichUser,
    /// One JSON object per line, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// End the session of this name, as the list shows it
    #[arg(long, value_name = "ID", conflicts_with_all = ["json", "end_all"])]
    pub(crate) end: Option<String>,
    /// End every session of the account, and every link that was mailed to it
    #[arg(long, conflicts_with = "json")]
    pub(crate) end_all: bool,
}

/// `vestibule user set-password`.
#[derive(Debug, Args)]
pub(crate) struct SetPassword {
    /// Whose password.
    #[command(flatten)]
    pub(crate) which: WhichUser,
    /// Where it comes from.
    #[command(flatten)]
    pub(crate) password: PasswordSource,
}

/// `name=value`, split at the first `=`.
fn field(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_settings_file_may_stand_behind_the_command() {
        let before = parse("vestibule --config a.toml user list").unwrap();
        let behind = parse("vestibule user list --config a.toml").unwrap();
        assert_eq!(before.config, Some(PathBuf::from("a.toml")));
        assert_eq!(behind.config, before.config);
    }

    #[test]
    fn own_fields_are_split_at_the_first_equals_sign() {
        let cli = parse("vestibule user create --email a@example.test --field motto=a=b --field empty= --staff").unwrap();
        let Command::User(UserCommand::Create(user)) = cli.command else { panic!("not create") };
        assert_eq!(user.fields, [("motto".into(), "a=b".into()), ("empty".into(), String::new())]);
        assert!(user.staff && !user.unverified && !user.password.stdin);
        assert!(parse("vestibule user create --field motto").is_err());
        assert!(parse("vestibule user create --field =value").is_err());
    }

    #[test]
    fn a_password_is_never_an_argument() {
        assert!(parse("vestibule user create --password secret").is_err());
        assert!(parse("vestibule user set-password alice secret").is_err());
        assert!(parse("vestibule user set-password alice --password-stdin").is_ok());
    }

    #[test]
    fn misuse_has_exit_status_2_and_help_has_0() {
        for line in ["vestibule", "vestibule nonsense", "vestibule user disable", "vestibule user list --limit 0"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        for line in ["vestibule --help", "vestibule user create --help", "vestibule --version"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
        }
    }
}
