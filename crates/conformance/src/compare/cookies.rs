//! Cookies: name, attributes, and whether one is set, changed or removed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Captured, claims};
use crate::placeholders::{captures, is_bound};
use crate::steps::Exchange;
use crate::wire::Answer;

/// The reference's session cookie.
const SESSION: &str = "sessionid";

/// Compares the recorded cookies with ours, with all attributes but the end, which `Max-Age` tells. Every cookie that we set must
/// be recorded, but for those `beside`; of the recorded ones, those that are `offered` must be set.
///
/// # Errors
/// The first difference.
pub fn cookies(exchange: &Exchange, answer: &Answer, offered: &BTreeSet<String>, beside: &[String]) -> Result<(), String> {
    let recorded = recorded(exchange);
    for ours in answer.all("set-cookie").filter(|ours| !beside.iter().any(|beside| beside == name(ours))) {
        let name = name(ours);
        let theirs = recorded.iter().find(|theirs| self::name(theirs) == name);
        let theirs = theirs.ok_or_else(|| format!("cookie {name}, which the reference does not set"))?;
        if attributes(theirs) != attributes(ours) {
            return Err(format!("cookie {name} with {:?} instead of {:?}", attributes(ours), attributes(theirs)));
        }
        for (label, value) in value_of(theirs, ours)? {
            claims::check(&label, &value).map_err(|why| format!("cookie {name}: {why}"))?;
        }
    }
    let set: BTreeSet<&str> = answer.all("set-cookie").map(name).collect();
    let must = |name: &str| offered.contains(name) && (name != SESSION || is_about_a_login(exchange, &recorded));
    let missing = recorded.iter().map(|theirs| name(theirs)).find(|name| must(name) && !set.contains(name));
    missing.map_or(Ok(()), |name| Err(format!("no cookie {name}, which the reference sets")))
}

/// Whether the reference's session cookie is that of a login: it comes with a new CSRF token, or to a request that has one. The
/// reference also keeps other things in sessions, such as which sign-up waits for its mail.
fn is_about_a_login(exchange: &Exchange, recorded: &[&str]) -> bool {
    let sent = exchange.request_header("cookie").unwrap_or_default();
    recorded.iter().any(|cookie| name(cookie) == "csrftoken") || sent.contains(SESSION)
}

/// What the placeholders of recorded keys and tokens stand for, whatever else the answer is: in cookies, and in the members of a
/// login's answer. A token that we put into a cookie alone is looked for there.
pub fn credentials(exchange: &Exchange, answer: &Answer) -> Captured {
    let recorded = recorded(exchange);
    let pairs =
        answer.all("set-cookie").filter_map(|ours| Some((recorded.iter().find(|theirs| name(theirs) == name(ours))?, ours)));
    let values = pairs.filter_map(|(theirs, ours)| value_of(theirs, ours).ok()).flatten();
    let mut found: Captured = values.filter(|(label, _)| is_bound(label)).collect();
    let body: Option<Value> = exchange.response_body.as_deref().and_then(|text| super::pattern(text, &exchange.method).ok());
    let ours = answer.json().unwrap_or_default();
    for (member, kind) in [("key", "token"), ("access", "access"), ("refresh", "refresh")] {
        let Some(label) = body.as_ref().and_then(|body| label(body.get(member)?.as_str()?)) else { continue };
        let in_body = ours.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
        let cookies = answer.all("set-cookie").map(value);
        let in_cookie = cookies.into_iter().find(|text| claims::token_type(text).is_some_and(|found| found == kind));
        found.extend(in_body.or(in_cookie).map(|text| (label.to_owned(), text.to_owned())));
    }
    found
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

    fn exchange(theirs: &[&str], ours: &[&str]) -> (Exchange, Answer) {
        let mut exchange = Exchange::default();
        exchange.response_headers.insert("set-cookie".into(), json!(theirs));
        let headers = ours.iter().map(|cookie| ("set-cookie".to_owned(), (*cookie).to_owned())).collect();
        (exchange, Answer { headers, ..Answer::default() })
    }

    fn check(theirs: &[&str], ours: &[&str], offered: &[&str]) -> Result<(), String> {
        let (exchange, answer) = exchange(theirs, ours);
        cookies(&exchange, &answer, &offered.iter().map(|name| (*name).to_owned()).collect(), &[])
    }

    #[test]
    fn cookies_that_we_set_have_the_recorded_attributes() {
        let theirs = ["sessionid={{sessionid:1}}; expires={{http_date:+9s}}; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"];
        let ours = ["sessionid=z; Path=/; HttpOnly; SameSite=Lax; Max-Age=300"];
        assert_eq!(check(&theirs, &ours, &[]), Ok(()));
        let (recorded, answer) = exchange(&theirs, &ours);
        assert_eq!(credentials(&recorded, &answer), [("sessionid:1".to_owned(), "z".to_owned())]);
        assert!(check(&theirs, &["sessionid=z; Path=/"], &[]).is_err());
        assert!(check(&theirs, &["other=z; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"], &[]).is_err());
    }

    #[test]
    fn a_cookie_that_is_offered_must_be_set() {
        let theirs = ["sessionid={{sessionid:1}}; Path=/", "messages={{messages:1}}; Path=/"];
        assert_eq!(check(&theirs, &[], &["sessionid"]), Ok(()), "no login");
        let theirs = ["sessionid={{sessionid:1}}; Path=/", "csrftoken={{csrftoken:1}}; Path=/"];
        assert_eq!(check(&theirs, &[], &[]), Ok(()));
        assert!(check(&theirs, &[], &["sessionid"]).unwrap_err().contains("no cookie sessionid"));
        assert!(check(&theirs, &["sessionid=z; Path=/"], &["sessionid"]).is_ok());
    }

    #[test]
    fn a_removed_cookie_is_removed() {
        let theirs = ["access=\"\"; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax"];
        assert_eq!(check(&theirs, &["access=; Max-Age=0; Path=/; SameSite=Lax"], &["access"]), Ok(()));
        assert!(check(&theirs, &["access=x; Max-Age=0; Path=/; SameSite=Lax"], &["access"]).is_err());
    }
}
