//! `vestibule check` and `vestibule migrate`.

use std::path::Path;

use vestibule::accounts::facts::Duplicate;
use vestibule::accounts::misfits::{self, Misfits};
use vestibule::db::{Db, Options, migrate};
use vestibule::settings::TokenMode;
use vestibule::{Auth, Settings};

use super::{Failure, open};
use crate::output;

/// Brings the database to the form that this version needs.
pub(super) async fn migrate(config: Option<&Path>) -> Result<(), Failure> {
    let mut settings = open::settings(config, open::QUIET)?;
    settings.database.migrate = true;
    let auth = open::build(Auth::builder(settings).without_indexes()).await?;
    let duplicates = auth.index_fields().await.map_err(|error| Failure::Failed(format!("{error:?}")))?;
    if duplicates.is_empty() {
        output::say("the database is as this version needs it");
        return Ok(());
    }
    Err(Failure::Failed(told(&duplicates)))
}

fn told(duplicates: &[Duplicate]) -> String {
    let lines =
        duplicates.iter().map(|(field, first, second)| format!("  {field}: accounts {first} and {second} have the same value"));
    let lines: Vec<String> = lines.take(100).collect();
    format!(
        "user.fields: values that must be unique are not; change one of each two, then run `vestibule migrate` again:\n{}",
        lines.join("\n")
    )
}

/// How many values that do not fit are named.
const MISFITS_TOLD: usize = 100;

/// The values are named, never shown.
fn unfit(found: &Misfits) -> String {
    let lines: Vec<String> =
        found.first.iter().map(|one| format!("  account {}: {}: {}", one.user, one.field, one.message.text())).collect();
    let more = found.count - found.first.len() as u64;
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!(
        "user.fields: {} value(s) of before no longer fit; they stay and are shown, and whoever edits one must bring a value that fits:\n{}{more}",
        found.count,
        lines.join("\n")
    )
}

/// Says whether the settings and the database are fit to serve. Changes nothing: where the database is not as this version needs it,
/// the service is opened beside it.
pub(super) async fn check(config: Option<&Path>, deploy: bool) -> Result<(), Failure> {
    let mut settings = open::settings(config, open::QUIET)?;
    let advice = if deploy { advice(&settings) } else { Vec::new() };
    hints(&settings).iter().for_each(|hint| output::say(hint));
    let (beside, verdict) = match (lacking(&settings).await?, settings.database.migrate) {
        (Lacking::All, true) => (true, "fit to serve; there is no database yet, `vestibule serve` makes it".to_owned()),
        (Lacking::All, false) => (true, "fit to serve; there is no database yet, `vestibule migrate` makes it".to_owned()),
        (Lacking::Migrations(count @ 1..), true) => {
            (true, format!("fit to serve; the database lacks {count} migration(s), which the next start makes"))
        }
        (Lacking::Migrations(_), _) => (false, "fit to serve".to_owned()),
    };
    let _folder = if beside { Some(open::elsewhere(&mut settings)?) } else { None };
    settings.database.migrate = beside;
    let auth = open::build(Auth::builder(settings).only_looking()).await?;
    let found = misfits::find(&auth, MISFITS_TOLD).await.map_err(|error| Failure::Failed(format!("{error:?}")))?;
    if found.count > 0 {
        output::say(&unfit(&found));
    }
    if advice.is_empty() {
        output::say(&verdict);
        return Ok(());
    }
    Err(Failure::Failed(format!("not fit for the internet:\n{}", advice.join("\n"))))
}

/// What a database lacks of what this version needs.
enum Lacking {
    /// It is not there.
    All,
    /// So many migrations.
    Migrations(usize),
}

async fn lacking(settings: &Settings) -> Result<Lacking, Failure> {
    if let Some(file) = open::new_file(settings) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
        return match folder {
            Some(folder) => {
                let folder = folder.display();
                Err(Failure::Failed(format!(
                    "the folder {folder} of the database does not exist; make it, or change database.url"
                )))
            }
            None => Ok(Lacking::All),
        };
    }
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let db = Db::open(settings.database.url.expose(), Options::default()).await.map_err(|error| failed(&error))?;
    let pending = migrate::pending(&db).await.map_err(|error| failed(&error))?;
    Ok(Lacking::Migrations(pending.len()))
}

/// What can be meant, but hardly is.
fn hints(settings: &Settings) -> Vec<String> {
    let legacy = settings.jwt.accept_legacy_until.is_some() && settings.tokens.mode == TokenMode::Opaque;
    let text = "jwt.accept_legacy_until: is set while tokens.mode is opaque, where no token can be refreshed: people log in again as soon \
                as their access tokens end; set tokens.mode to jwt or jwt-cookie";
    let alike = settings.providers_alike().into_iter().map(|[one, other]| {
        format!(
            "social.{other}.issuer: is that of social.{one}, which asks elsewhere who somebody is: whoever has a subject at one comes \
             into the account of the other; give each its own issuer unless they are the same people"
        )
    });
    legacy.then(|| text.to_owned()).into_iter().chain(alike).collect()
}

/// What is fine in development but not on the internet.
fn advice(settings: &Settings) -> Vec<String> {
    let mut advice = Vec::new();
    let mut add = |wrong: bool, text: &str| advice.extend(wrong.then(|| format!("  {text}")));
    add(!settings.production(), "environment: is development; set it to \"production\", which checks the rest");
    add(!settings.https(), "server.public_url: is not https; passwords would travel in the clear");
    add(settings.docs_browsable(), "docs.browsable: is on; turn it off unless strangers may explore the API");
    add(
        settings.password.min_length < 15,
        "password.min_length: without a second factor 15 characters are advised (NIST 800-63B-4)",
    );
    add(settings.compat(), "account.profile: compat tells strangers which addresses have accounts; strict does not");
    add(!settings.require_old(), "password.require_old: is off; an unguarded screen is enough to take an account over");
    add(!settings.limits.enabled, "limits.enabled: is off; passwords can be guessed without end");
    let numbers = settings.metrics.listen.filter(|address| !address.ip().is_loopback());
    add(numbers.is_some(), "metrics.listen: is reachable from other machines; let only the collector of your numbers come there");
    advice
}
