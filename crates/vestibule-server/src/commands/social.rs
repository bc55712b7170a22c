//! `vestibule social test`.

use std::path::Path;

use vestibule::ground::Clock;
use vestibule::social::{Providers, trial};

use super::{Failure, open};
use crate::output;

/// Tries a provider out and prints what it found.
pub(super) async fn test(config: Option<&Path>, id: &str) -> Result<(), Failure> {
    let settings = open::settings(config, open::QUIET)?;
    let providers = Providers::load(&settings).map_err(|problems| Failure::Failed(problems.join("\n")))?;
    let Some(provider) = providers.get(id) else {
        let known: Vec<&str> = providers.iter().map(|provider| provider.id).collect();
        let known = if known.is_empty() { "there is none".to_owned() } else { format!("there is {}", known.join(", ")) };
        return Err(Failure::Misuse(format!("social.{id} is not in the settings; {known}")));
    };
    let found = trial::run(provider, Clock::System.now()).await;
    for finding in &found {
        output::say(&format!("{}  {}", if finding.fine { "ok   " } else { "WRONG" }, finding.text));
    }
    match found.iter().filter(|finding| !finding.fine).count() {
        0 => Ok(()),
        wrong => Err(Failure::Failed(format!("{wrong} of {} things are wrong with social.{id}", found.len()))),
    }
}
