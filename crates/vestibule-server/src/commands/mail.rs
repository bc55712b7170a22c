//! `vestibule mail …`.

use std::path::Path;

use serde_json::json;
use vestibule::Auth;
use vestibule::ground::language::Languages;
use vestibule::ground::{Clock, Entropy, Error, Language, Time};
use vestibule::jobs::queue::{self, Queued};
use vestibule::mail::templates::{Functions, Kind, Templates};
use vestibule::mail::{Mail, Transport};
use vestibule::settings::Settings;

use super::{Failure, open};
use crate::cli::{MailCommand, Preview, QueueCommand};
use crate::output;

/// Looks at mails, sends one, or looks after the outbox.
pub(super) async fn run(config: Option<&Path>, command: MailCommand) -> Result<(), Failure> {
    match command {
        MailCommand::Preview(preview) => self::preview(config, &preview),
        MailCommand::SendTest { address } => send_test(config, &address).await,
        MailCommand::Queue(command) => {
            let auth = open::service(config).await?;
            match command {
                QueueCommand::List { json, limit } => list(&auth, json, limit).await,
                QueueCommand::Requeue { ids, .. } => {
                    let ids = chosen(&auth, ids).await?;
                    for_each(&ids, "queued anew", async |id| queue::requeue(&auth, id).await).await
                }
                QueueCommand::Drop { ids, .. } => {
                    let ids = chosen(&auth, ids).await?;
                    for_each(&ids, "dropped", async |id| queue::forget(&auth, id).await).await
                }
            }
        }
    }
}

fn preview(config: Option<&Path>, preview: &Preview) -> Result<(), Failure> {
    let settings = open::load(config)?.settings;
    let kind = Kind::from_name(&preview.name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        Failure::Misuse(format!("there is no mail {:?}; there are {}", preview.name, names.join(", ")))
    })?;
    let asked = &settings.languages;
    let languages = Languages::load(&asked.default, asked.enabled.as_deref(), asked.dir.as_deref());
    let languages = languages.map_err(|problems| Failure::Failed(problems.join("\n")))?;
    let templates = Templates::load(&settings, &languages, Functions::default());
    let wrong = |problem: &dyn std::fmt::Display| Failure::Failed(problem.to_string());
    let templates =
        templates.map_err(|problems| Failure::Failed(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let mail = templates.preview(kind, language(&languages, preview.language.as_deref())?).map_err(|problem| wrong(&problem))?;
    output::say(&format!("Subject: {}\n\n{}", mail.subject, mail.text));
    match (&preview.html, &mail.html) {
        (Some(file), Some(html)) => std::fs::write(file, html).map_err(|error| wrong(&format!("{}: {error}", file.display()))),
        (Some(_), None) => Err(Failure::Failed("this mail is text alone: you have a text of your own and no HTML to it".into())),
        (None, _) => Ok(()),
    }
}

fn language<'l>(languages: &'l Languages, tag: Option<&str>) -> Result<&'l Language, Failure> {
    let Some(tag) = tag else { return Ok(languages.fallback()) };
    languages.enabled().iter().find(|language| language.tag().eq_ignore_ascii_case(tag)).ok_or_else(|| {
        let tags: Vec<&str> = languages.enabled().iter().map(Language::tag).collect();
        Failure::Misuse(format!("{tag}: is not spoken here; there are {}", tags.join(", ")))
    })
}

async fn send_test(config: Option<&Path>, address: &str) -> Result<(), Failure> {
    let settings = open::settings(config, open::QUIET)?;
    let transport = Transport::from_settings(&settings).map_err(Failure::Failed)?.print_with(output::say);
    let word = transport.word();
    let sent = transport.send(&test_mail(&settings, address)?).await;
    sent.map_err(|error| Failure::Failed(format!("the mail was not sent by {word}: {error}")))?;
    output::say(&format!("the mail was handed over by {word}"));
    Ok(())
}

fn test_mail(settings: &Settings, address: &str) -> Result<Mail, Failure> {
    let id = Entropy::System.bytes::<16>().map_err(|error| Failure::Failed(format!("{error:?}")))?;
    let from = settings.email_from().ok_or_else(|| Failure::Failed("email.from: is not set".into()))?;
    let url = settings.public_url();
    let text = format!("This is a test of the way out for mails.\n\nIt was sent from the command line of {url}.\n");
    Ok(Mail {
        id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        to: address.to_owned(),
        from,
        subject: format!("{}Test", settings.subject_prefix()),
        html: Some(format!("<p>This is a test of the way out for mails.</p><p>It was sent from the command line of {url}.</p>")),
        text,
        link: None,
        kind: "test",
    })
}

async fn list(auth: &Auth, json: bool, limit: u32) -> Result<(), Failure> {
    let mails = queue::list(auth, limit.into()).await.map_err(|error| failed(&error))?;
    let now = Clock::System.now();
    mails.iter().for_each(|mail| output::say(&if json { as_json(mail) } else { as_line(mail, now) }));
    Ok(())
}

fn as_line(mail: &Queued, now: Time) -> String {
    let to = match (&mail.user, &mail.address) {
        (_, Some(address)) => address.clone(),
        (Some(user), None) => format!("account {user}"),
        (None, None) => "-".into(),
    };
    let state = match mail.given_up_at {
        Some(_) => "given up",
        None if mail.leased_until > now => "being sent",
        None => "waiting",
    };
    let age = mail.created_at.until(now).as_secs();
    let error = mail.error.as_deref().map(|error| format!("  {error}")).unwrap_or_default();
    format!("{}  {}  {to}  {state}  {age} s old  {} tries{error}", mail.id, mail.kind, mail.attempts)
}

fn as_json(mail: &Queued) -> String {
    json!({
        "id": mail.id,
        "kind": mail.kind,
        "user": mail.user,
        "address": mail.address,
        "created_at_ms": mail.created_at.millis(),
        "run_at_ms": mail.run_at.millis(),
        "attempts": mail.attempts,
        "given_up_at_ms": mail.given_up_at.map(|time| time.millis()),
        "error": mail.error,
    })
    .to_string()
}

/// The mails that were named; without a name, all that were given up.
async fn chosen(auth: &Auth, ids: Vec<i64>) -> Result<Vec<i64>, Failure> {
    if ids.is_empty() { queue::given_up(auth).await.map_err(|error| failed(&error)) } else { Ok(ids) }
}

async fn for_each(ids: &[i64], done: &str, act: impl AsyncFn(i64) -> vestibule::ground::Result<bool>) -> Result<(), Failure> {
    let mut missed = Vec::new();
    for &id in ids {
        if act(id).await.map_err(|error| failed(&error))? {
            output::say(&format!("mail {id} is {done}"));
        } else {
            missed.push(id.to_string());
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("mail {}: is not in the outbox, or is being sent at the moment", missed.join(", "))))
}

fn failed(error: &Error) -> Failure {
    Failure::Failed(format!("{error:?}"))
}
