//! What a browser keeps for us.

use http::HeaderMap;
use http::header::COOKIE;

use crate::ground::Secret;

/// The lines with cookies alone. Costs nothing where there is none.
pub(super) fn lines(headers: &HeaderMap) -> HeaderMap {
    let mut lines = HeaderMap::new();
    for line in headers.get_all(COOKIE) {
        lines.append(COOKIE, line.clone());
    }
    lines
}

/// The value of a cookie; of two different ones of a name none counts, since a neighbouring host may have put one there.
pub(super) fn one(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then(|| first.into())
}
