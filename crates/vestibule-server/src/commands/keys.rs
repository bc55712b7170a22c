//! `vestibule keys …`.

use std::path::Path;

use serde_json::json;
use vestibule::accounts::signing::rotation::{self, KNOWN_AFTER, KeyInfo, Refusal, State};

use super::{Failure, open};
use crate::cli::{KeysCommand, ListKeys, RetireKey, RotateKeys};
use crate::output;

/// Looks after the keys that sign tokens, on the database that servers may be running on.
pub(super) async fn run(config: Option<&Path>, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List(list) => self::list(config, list).await,
        KeysCommand::Rotate(rotate) => self::rotate(config, rotate).await,
        KeysCommand::Retire(which) => retire(config, which).await,
    }
}

async fn list(config: Option<&Path>, list: ListKeys) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    let keys = rotation::list(&auth).await.map_err(|refusal| failed(&refusal, ""))?;
    keys.iter().for_each(|key| output::say(&if list.json { as_json(key) } else { as_line(key) }));
    Ok(())
}

fn as_line(key: &KeyInfo) -> String {
    let when = match (key.state, key.signs_from, key.verifies_until) {
        (State::Waiting, Some(from), _) => format!("  signs from {from}"),
        (_, _, Some(until)) => format!("  its tokens count until {until}"),
        (_, None, _) => "  given by the settings".to_owned(),
        _ => String::new(),
    };
    format!("{}  {}  {}{when}", key.kid, key.algorithm.word(), key.state.word())
}

fn as_json(key: &KeyInfo) -> String {
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm.word(),
        "state": key.state.word(),
        "created_at_ms": key.created_at.map(|time| time.millis()),
        "signs_from_ms": key.signs_from.map(|time| time.millis()),
        "verifies_until_ms": key.verifies_until.map(|time| time.millis()),
    })
    .to_string()
}

async fn rotate(config: Option<&Path>, rotate: RotateKeys) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    let key = rotation::rotate(&auth, rotate.now).await.map_err(|refusal| failed(&refusal, ""))?;
    if rotate.now {
        tokio::time::sleep(KNOWN_AFTER).await;
        output::say(&format!("key {} signs now; tokens of the key before it count until they end", key.kid));
    } else {
        let from = key.signs_from.map(|time| time.to_string()).unwrap_or_default();
        output::say(&format!(
            "key {} is published and signs from {from}; tokens of the key before it count until they end",
            key.kid
        ));
    }
    Ok(())
}

async fn retire(config: Option<&Path>, which: RetireKey) -> Result<(), Failure> {
    let auth = open::service(config).await?;
    rotation::retire(&auth, &which.kid).await.map_err(|refusal| failed(&refusal, &which.kid))?;
    output::say(&format!("key {} counts no more, and whoever holds one of its tokens has to log in again", which.kid));
    Ok(())
}

fn failed(refusal: &Refusal, kid: &str) -> Failure {
    Failure::Failed(match refusal {
        Refusal::Owned => "the settings give the key (jwt.secret or jwt.private_key_file); change it there".to_owned(),
        Refusal::Unused => "no setting asks for keys: tokens.mode is opaque".to_owned(),
        Refusal::Overtaken => "another process has rotated the keys just now; see vestibule keys list".to_owned(),
        Refusal::Unknown => format!("there is no key {kid:?}"),
        Refusal::Last => "this key has no successor; run vestibule keys rotate first".to_owned(),
        Refusal::Failed(error) => format!("{error:?}"),
    })
}
