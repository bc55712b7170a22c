//! Cookies: name, attributes, and whether one is set, changed or removed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Captured, claims};
use crate::placeholders::{captures, is_bound};
use crate::steps::Exchange;
use crate::wire::Answer;

/// Compares the recorded cookies with ours, with all attributes but the end, which `Max-Age` tells. Every cookie that we set must
/// be recorded; of the recorded ones, those that are `offered` must be set. What placeholders stand for in them.
///
/// # Errors
/// The first difference.
pub fn cookies(exchange: &Exchange, answer: &Answer, offered: &BTreeSet<String>) -> Result<Captured, String> {
    let recorded = recorded(exchange);
    let mut captured = Vec::new();
    for ours in answer.all("set-cookie") {
        let name = name(ours);
        let theirs = recorded.iter().find(|theirs| self::name(theirs) == name);
        let theirs = theirs.ok_or_else(|| format!("cookie {name}, which the reference does not set"))?;
        if attributes(theirs) != attributes(ours) {
            return Err(format!("cookie {name} with {:?} instead of {:?}", attributes(ours), attributes(theirs)));
        }
        for (label, value) in value_of(theirs, ours)? {
            claims::check(&label, &value).map_err(|why| format!("cookie {name}: {why}"))?;
            captured.extend(is_bound(&label).then_some((label, value)));
        }
    }
    let set: BTreeSet<&str> = answer.all("set-cookie").map(name).collect();
    let missing = recorded.iter().map(|theirs| name(theirs)).find(|name| offered.contains(*name) && !set.contains(name));
    missing.map_or(Ok(captured), |name| Err(format!("no cookie {name}, which the reference sets")))
}

/// The recorded `Set-Cookie` headers.
fn recorded(exchange: &Exchange) -> Vec<&str> {
    let list = exchange.response_headers.get("set-cookie").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The name of a cookie.
fn name(cookie: &str) -> &str {
    cookie.split('=').next().unwrap_or_default().trim()
}

fn value(cookie: &str) -> &str {
    let value = cookie.split(';').next().and_then(|first| first.split_once('=')).map_or("", |(_, value)| value.trim());
    value.trim_matches('"')
}

/// A cookie that is removed has no value; of one that is set the value is what the placeholder says.
fn value_of(theirs: &str, ours: &str) -> Result<Captured, String> {
    let (theirs, mine) = (value(theirs), value(ours));
    if theirs.is_empty() != mine.is_empty() {
        return Err(format!("cookie {} with the value {mine:?} instead of {theirs:?}", name(ours)));
    }
    // What a value looks like that names nobody is the server's own business.
    Ok(captures(theirs, mine).or_else(|| Some(vec![(label(theirs)?.to_owned(), mine.to_owned())])).unwrap_or_default())
}

fn label(value: &str) -> Option<&str> {
    value.strip_prefix("{{")?.strip_suffix("}}")
}

fn attributes(cookie: &str) -> BTreeSet<String> {
    let each = cookie.split(';').skip(1).map(|attribute| attribute.trim().to_lowercase());
    each.filter(|attribute| !attribute.starts_with("expires=")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(theirs: &[&str], ours: &[&str], offered: &[&str]) -> Result<Captured, String> {
        let mut exchange = Exchange::default();
        exchange.response_headers.insert("set-cookie".into(), json!(theirs));
        let headers = ours.iter().map(|cookie| ("set-cookie".to_owned(), (*cookie).to_owned())).collect();
        let offered = offered.iter().map(|name| (*name).to_owned()).collect();
        cookies(&exchange, &Answer { headers, ..Answer::default() }, &offered)
    }

    #[test]
    fn cookies_that_we_set_have_the_recorded_attributes() {
        let theirs = ["sessionid={{sessionid:1}}; expires={{http_date:+9s}}; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"];
        let bound = vec![("sessionid:1".to_owned(), "z".to_owned())];
        assert_eq!(check(&theirs, &["sessionid=z; Path=/; HttpOnly; SameSite=Lax; Max-Age=300"], &[]), Ok(bound));
        assert!(check(&theirs, &["sessionid=z; Path=/"], &[]).is_err());
        assert!(check(&theirs, &["other=z; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"], &[]).is_err());
    }

    #[test]
    fn a_cookie_that_is_offered_must_be_set() {
        let theirs = ["sessionid={{sessionid:1}}; Path=/", "messages={{messages:1}}; Path=/"];
        assert_eq!(check(&theirs, &[], &[]), Ok(vec![]));
        assert!(check(&theirs, &[], &["sessionid"]).unwrap_err().contains("no cookie sessionid"));
        assert!(check(&theirs, &["sessionid=z; Path=/"], &["sessionid"]).is_ok());
    }

    #[test]
    fn a_removed_cookie_is_removed() {
        let theirs = ["access=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax"];
        assert_eq!(check(&theirs, &["access=; Max-Age=0; Path=/; SameSite=Lax"], &["access"]), Ok(vec![]));
        assert!(check(&theirs, &["access=x; Max-Age=0; Path=/; SameSite=Lax"], &["access"]).is_err());
    }
}
