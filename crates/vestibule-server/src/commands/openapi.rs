//! `vestibule openapi`.

use std::path::Path;

use vestibule::Auth;

use super::{Failure, open};
use crate::load::Loaded;
use crate::output;

/// Prints the document of these settings, also where they keep it from the outside.
pub(super) async fn run(config: Option<&Path>) -> Result<(), Failure> {
    let Loaded { mut settings, .. } = open::load(config)?;
    // The document says nothing of what is stored, so it can be had where no database is.
    let _folder = open::elsewhere(&mut settings)?;
    settings.docs.openapi = Some(true);
    // Nothing is written to the log: what is printed is read by programs.
    let auth = open::build(Auth::builder(settings).only_looking()).await?;
    let document = serde_json::to_string_pretty(&auth.openapi()).map_err(|error| Failure::Failed(error.to_string()))?;
    output::say(&document);
    Ok(())
}
