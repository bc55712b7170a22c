//! `vestibule user …`.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use serde_json::json;
use vestibule::Auth;
use vestibule::accounts::admin::{self, NewAccount};
use vestibule::accounts::session_list::{self, Listed, Why};
use vestibule::accounts::{Client, User, deletion};
use vestibule::ground::{Error, Secret};

use super::{Failure, import_users, open};
use crate::cli::{CreateUser, DeleteUser, ListUsers, PasswordSource, Sessions, SetPassword, UserCommand, WhichUser};
use crate::output;

/// Looks after accounts, on the database that servers may be running on.
pub(super) async fn run(config: Option<&Path>, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Create(create) => self::create(config, create).await,
        UserCommand::List(list) => self::list(config, list).await,
        UserCommand::Disable(which) => switch(config, which, false).await,
        UserCommand::Enable(which) => switch(config, which, true).await,
        UserCommand::SetPassword(set) => set_password(config, set).await,
        UserCommand::Sessions(asked) => sessions(config, asked).await,
        UserCommand::Import(import) => import_users::run(config, &import.file).await,
        UserCommand::Delete(delete) => self::delete(config, delete).await,
    }
}

async fn create(config: Option<&Path>, create: CreateUser) -> Result<(), Failure> {
    let password = password(create.password)?;
    let auth = open::service(config).await?;
    let account = NewAccount {
        username: create.username,
        email: create.email,
        email_verified: !create.unverified,
        password: Some(password),
        is_staff: create.staff,
        profile: create.fields,
    };
    let user = admin::create_user(&auth, account).await.map_err(|error| failed(&error))?;
    output::say(&format!("created account {}", user.id));
    Ok(())
}

async fn list(config: Option<&Path>, list: ListUsers) -> Result<(), Failure> {
    let after = match &list.after {
        Some(text) => text.parse().map_err(|_| Failure::Misuse(format!("--after {text}: not the key of an account")))?,
        None => 0,
    };
    let auth = open::service(config).await?;
    let users = admin::list(&auth, after, list.limit.into()).await.map_err(|error| failed(&error))?;
    users.iter().for_each(|user| output::say(&if list.json { as_json(&auth, user) } else { as_line(user) }));
    Ok(())
}

fn as_line(user: &User) -> String {
    let name = user.username.as_deref().unwrap_or("-");
    let email = user.email.as_deref().unwrap_or("-");
    let verified = if user.email_verified { "verified" } else { "unverified" };
    let state = if user.is_active { "" } else { "  disabled" };
    let staff = if user.is_staff { "  staff" } else { "" };
    format!("{}  {name}  {email}  {verified}{state}{staff}", user.id)
}

fn as_json(auth: &Auth, user: &User) -> String {
    json!({
        "pk": user.id,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "created_at_ms": user.created_at.millis(),
        "last_login_at_ms": user.last_login_at.map(|time| time.millis()),
        "profile": auth.declared_profile(user),
    })
    .to_string()
}

async fn switch(config: Option<&Path>, which: WhichUser, on: bool) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    let user = find(&auth, &which).await?;
    let changed = if on { admin::enable(&auth, user.id).await } else { admin::disable(&auth, user.id).await };
    let word = if on { "enabled" } else { "disabled" };
    output::say(&match changed.map_err(|error| failed(&error))? {
        true => format!("account {} is {word}", user.id),
        false => format!("account {} was {word} already", user.id),
    });
    Ok(())
}

async fn set_password(config: Option<&Path>, set: SetPassword) -> Result<(), Failure> {
    let password = password(set.password)?;
    let auth = open::service(config).await?;
    let user = find(&auth, &set.which).await?;
    admin::set_password(&auth, &user, &password).await.map_err(|error| failed(&error))?;
    output::say(&format!("account {} has a new password, and its sessions have ended", user.id));
    Ok(())
}

async fn delete(config: Option<&Path>, delete: DeleteUser) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    let user = find(&auth, &delete.which).await?;
    if !delete.yes && !agreed(&user)? {
        return Err(Failure::Failed(format!("account {} is left as it is", user.id)));
    }
    deletion::delete(&auth, &Client::operator(&auth), user.id).await.map_err(|error| failed(&error))?;
    output::say(&format!("account {} is gone, with its sessions and everything else of its own", user.id));
    Ok(())
}

/// Whether the operator means it; without a terminal there is nobody to ask.
fn agreed(user: &User) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Misuse("there is no terminal to ask whether you mean it; use --yes".to_owned()));
    }
    output::say(&format!("This removes {} for ever. Type yes to do so:", as_line(user)));
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| Failure::Failed(format!("cannot read the answer: {error}")))?;
    Ok(line.trim() == "yes")
}

async fn sessions(config: Option<&Path>, asked: Sessions) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    let user = find(&auth, &asked.which).await?;
    if asked.end_all {
        let ended = session_list::end_all(&auth, user.id).await.map_err(|error| failed(&error))?;
        output::say(&format!("{ended} sessions of account {} have ended", user.id));
    } else if let Some(sid) = &asked.end {
        let ended =
            session_list::end(&auth, &Client::operator(&auth), user.id, sid, Why::Ended).await.map_err(|error| failed(&error))?;
        if !ended {
            return Err(Failure::Failed(format!("account {} has no session {sid:?}", user.id)));
        }
        output::say(&format!("session {sid} has ended"));
    } else {
        let listed = session_list::of(&auth, user.id).await.map_err(|error| failed(&error))?;
        listed.iter().for_each(|session| output::say(&session_line(session, asked.json)));
    }
    Ok(())
}

fn session_line(session: &Listed, as_json: bool) -> String {
    if as_json {
        return session.as_json().to_string();
    }
    let (ip, device) = (session.ip.as_deref().unwrap_or("-"), session.device.as_deref().unwrap_or("-"));
    format!(
        "{}  opened {}  last used {}  {ip}  {device}  {}",
        session.sid, session.created_at, session.last_used_at, session.method
    )
}

async fn find(auth: &Auth, which: &WhichUser) -> Result<User, Failure> {
    admin::find(auth, &which.user).await.map_err(|error| match error {
        Error::Refused(404, _) => Failure::Failed(format!("there is no account {:?}", which.user)),
        other => failed(&other),
    })
}

/// The first line of standard input, or what is typed twice at the terminal.
fn password(source: PasswordSource) -> Result<Secret, Failure> {
    let unreadable = |error: io::Error| Failure::Failed(format!("cannot read the password: {error}"));
    if source.stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
        return Ok(Secret::from(line.trim_end_matches(['\n', '\r'])));
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Misuse("there is no terminal to ask for the password; use --password-stdin".to_owned()));
    }
    let first = rpassword::prompt_password("Password: ").map_err(unreadable)?;
    let second = rpassword::prompt_password("The same again: ").map_err(unreadable)?;
    if first == second { Ok(Secret::from(first)) } else { Err(Failure::Failed("the two passwords differ".to_owned())) }
}

pub(super) fn failed(error: &Error) -> Failure {
    Failure::Failed(match error {
        Error::Fields(fields) => {
            let lines = fields
                .iter()
                .flat_map(|(field, messages)| messages.iter().map(move |message| format!("{field}: {}", message.text())));
            lines.collect::<Vec<_>>().join("\n")
        }
        Error::Unavailable(_) => "the database is busy or gone; try again".to_owned(),
        other => format!("{other:?}"),
    })
}
