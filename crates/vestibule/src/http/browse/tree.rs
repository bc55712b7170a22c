//! The endpoints beside a page.

use serde::Serialize;

use crate::http::{Directory, Endpoint};
use crate::settings::Settings;

/// One address.
#[derive(Serialize)]
pub(super) struct Entry {
    path: String,
    /// Where it leads; nowhere where a part of the address is missing.
    href: Option<String>,
    current: bool,
}

/// Where an endpoint of ours stands; nowhere where it is left out.
pub(super) fn address(settings: &Settings, path: &str) -> Option<String> {
    let place = settings.endpoints.place(path)?;
    let end = if place.contains('.') { "" } else { "/" };
    Some(format!("{}/{place}{end}", settings.server.base_path.trim_end_matches('/')))
}

/// The addresses that begin alike stand together, in the order of the directory.
pub(super) fn of(settings: &Settings, directory: &Directory, current: Option<&Endpoint>) -> Vec<Vec<Entry>> {
    let mut groups: Vec<(&str, Vec<Entry>)> = Vec::new();
    for endpoint in &directory.endpoints {
        let begins = endpoint.path.split(['/', '.']).next().unwrap_or_default();
        let Some(address) = address(settings, endpoint.path) else { continue };
        let path = address[settings.server.base_path.trim_end_matches('/').len() + 1..].to_owned();
        let href = (!path.contains('{')).then_some(address);
        let entry = Entry { path, href, current: current.is_some_and(|current| current.path == endpoint.path) };
        match groups.iter_mut().find(|(name, _)| *name == begins) {
            Some((_, group)) => group.push(entry),
            None => groups.push((begins, vec![entry])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
