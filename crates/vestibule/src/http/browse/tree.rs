//! The endpoints beside a page.

use serde::Serialize;

use super::super::dispatch::Bound;

/// One address.
#[derive(Serialize)]
pub(super) struct Entry {
    path: String,
    /// Where it leads; nowhere where a part of the address is missing.
    href: Option<String>,
    current: bool,
}

/// The addresses that begin alike stand together, in the order of the directory.
pub(super) fn of(bound: &Bound) -> Vec<Vec<Entry>> {
    let base = bound.auth.settings.server.base_path.trim_end_matches('/');
    let mut groups: Vec<(&str, Vec<Entry>)> = Vec::new();
    for endpoint in &bound.directory.endpoints {
        let begins = endpoint.path.split(['/', '.']).next().unwrap_or_default();
        let end = if endpoint.path.contains('.') { "" } else { "/" };
        let path = format!("{}{end}", endpoint.path);
        let href = (!path.contains('{')).then(|| format!("{base}/{path}"));
        let entry = Entry { path, href, current: endpoint.path == bound.endpoint.path };
        match groups.iter_mut().find(|(name, _)| *name == begins) {
            Some((_, group)) => group.push(entry),
            None => groups.push((begins, vec![entry])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
