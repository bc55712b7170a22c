//! Who a provider says that somebody is.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::id_token::fits;
use super::kinds::{Addresses, Members};

/// The most characters of a name that are taken over.
const LONGEST_NAME: usize = 150;

/// Somebody, as a provider tells. Only issuer and subject identify; everything else may change, and may be anybody's word.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// Who tells.
    pub issuer: String,
    /// What the issuer calls the person, for ever and to the byte.
    pub subject: String,
    /// The address, as told.
    pub email: Option<String>,
    /// Whether the provider says that it has proven the address: only ever by the JSON value `true` (T51).
    pub email_verified: bool,
    /// The name that the person chose there.
    pub username: Option<String>,
    /// The given name; empty if unknown.
    pub first_name: String,
    /// The family name; empty if unknown.
    pub last_name: String,
    /// Values for declared fields, as `map` names them.
    pub fields: Map<String, Value>,
}

/// Where the members of a person are, after the settings had their say: `map` names members of the account.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    subject: Vec<String>,
    email: String,
    email_verified: String,
    username: String,
    first_name: String,
    last_name: String,
    name: String,
    fields: Vec<(String, String)>,
}

impl Reading {
    pub(super) fn new(members: &Members, own: &std::collections::BTreeMap<String, String>) -> Self {
        let or = |name: &str, usual: &str| own.get(name).map_or(usual, String::as_str).to_owned();
        let standard = ["subject", "email", "email_verified", "username", "first_name", "last_name", "name"];
        let fields = own.iter().filter(|(name, _)| !standard.contains(&name.as_str()));
        Self {
            subject: own
                .get("subject")
                .map_or_else(|| members.subject.iter().map(|name| (*name).to_owned()).collect(), |own| vec![own.clone()]),
            email: or("email", members.email),
            email_verified: or("email_verified", members.email_verified),
            username: or("username", members.username),
            first_name: or("first_name", members.first_name),
            last_name: or("last_name", members.last_name),
            name: or("name", members.name),
            fields: fields.map(|(name, member)| (name.clone(), member.clone())).collect(),
        }
    }

    /// Whether a document lacks what a second document may have.
    pub(super) fn is_poor(&self, document: &Value) -> bool {
        let lacks = |member: &str| !member.is_empty() && at(document, member).is_none();
        lacks(&self.email) || self.fields.iter().any(|(_, member)| lacks(member))
    }

    /// The person of a document.
    ///
    /// # Errors
    /// [`Failure::Untrusted`] when it does not say who it is.
    pub(super) fn person(&self, document: &Value, issuer: String) -> Result<Person, Failure> {
        let parts: Option<Vec<String>> = self.subject.iter().map(|member| at(document, member).and_then(name)).collect();
        let subject = parts.map(|parts| parts.join("_")).filter(|subject| fits(subject));
        let subject = subject.ok_or_else(|| Failure::Untrusted("the subject is missing, empty or too long".into()))?;
        let text = |member: &str| Some(at(document, member)?.as_str()?.trim().to_owned()).filter(|text| !text.is_empty());
        let shown = |member: &str| text(member).map(|text| cut(&text)).unwrap_or_default();
        let (mut first_name, mut last_name) = (shown(&self.first_name), shown(&self.last_name));
        if first_name.is_empty() && last_name.is_empty() {
            (first_name, last_name) = split(&shown(&self.name));
        }
        let fields = self.fields.iter().filter_map(|(field, member)| Some((field.clone(), at(document, member)?.clone())));
        Ok(Person {
            issuer,
            subject,
            email: text(&self.email),
            email_verified: at(document, &self.email_verified) == Some(&Value::Bool(true)),
            username: text(&self.username),
            first_name,
            last_name,
            fields: fields.filter(|(_, value)| !value.is_null()).collect(),
        })
    }
}

/// The member of that name, or on that path of names with dots between.
fn at<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return None;
    }
    let found = document.get(path).or_else(|| path.split('.').try_fold(document, |value, name| value.get(name)));
    found.filter(|value| !value.is_null())
}

/// A text, or the number that older interfaces use for one.
fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}

/// A whole name in two parts, for want of better: people can correct it.
fn split(whole: &str) -> (String, String) {
    match whole.split_once(' ') {
        Some((first, rest)) => (first.to_owned(), rest.trim().to_owned()),
        None => (whole.to_owned(), String::new()),
    }
}

/// Takes the address to use from a list of addresses.
pub(super) fn choose(person: &mut Person, addresses: &Addresses, document: &Value) {
    let list = if addresses.list.is_empty() { Some(document) } else { at(document, addresses.list) };
    let entries = || list.and_then(Value::as_array).into_iter().flatten();
    let holds = |entry: &Value, member: &str| entry.get(member) == Some(&Value::Bool(true));
    let chosen = entries().find(|entry| holds(entry, addresses.primary)).or_else(|| entries().next());
    let Some(chosen) = chosen else { return };
    person.email = chosen.get("email").and_then(Value::as_str).map(str::to_owned);
    person.email_verified = holds(chosen, addresses.verified);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::kinds;
    use super::*;

    fn read(kind: &str, own: &[(&str, &str)], document: &Value) -> Result<Person, Failure> {
        let own: BTreeMap<String, String> = own.iter().map(|(name, member)| ((*name).into(), (*member).into())).collect();
        Reading::new(&kinds::by_name(kind).unwrap().members, &own).person(document, "https://idp.test".into())
    }

    #[test]
    fn t51_only_the_json_value_true_says_that_an_address_is_proven() {
        for (value, proven) in
            [(json!(true), true), (json!(false), false), (json!("true"), false), (json!(1), false), (Value::Null, false)]
        {
            let person = read("oidc", &[], &json!({ "sub": "1", "email": "ana@example.org", "email_verified": value })).unwrap();
            assert_eq!(person.email_verified, proven, "{value}");
        }
        assert!(!read("oidc", &[], &json!({ "sub": "1", "email": "ana@example.org" })).unwrap().email_verified);
        let microsoft = json!({ "sub": "1", "email": "ana@example.org", "email_verified": true });
        assert!(!read("microsoft", &[], &microsoft).unwrap().email_verified, "there it is the tenant's own word");
    }

    #[test]
    fn t52_the_subject_is_taken_to_the_byte() {
        for (kind, document, subject) in [
            ("oidc", json!({ "sub": "0123" }), "0123"),
            ("oidc", json!({ "sub": "aB" }), "aB"),
            ("github", json!({ "id": 123 }), "123"),
            ("slack", json!({ "sub": "U1", "https://slack.com/team_id": "T1" }), "T1_U1"),
            ("x", json!({ "data": { "id": "7" } }), "7"),
        ] {
            assert_eq!(read(kind, &[], &document).unwrap().subject, subject);
        }
        for document in [json!({}), json!({ "sub": "" }), json!({ "sub": 1.5 }), json!({ "sub": ["1"] }), json!({ "sub": null })]
        {
            assert!(read("oidc", &[], &document).is_err(), "{document}");
        }
        assert!(read("slack", &[], &json!({ "sub": "U1" })).is_err());
    }

    #[test]
    fn members_are_where_the_settings_say() {
        let own = [("subject", "user.key"), ("email", "mail"), ("phone_number", "user.phone")];
        let document =
            json!({ "user": { "key": "k", "phone": "+15550100" }, "mail": " ana@example.org ", "name": "Ana Maria Lind" });
        let person = read("oauth2", &own, &document).unwrap();
        assert_eq!((person.subject.as_str(), person.email.as_deref()), ("k", Some("ana@example.org")));
        assert_eq!((person.first_name.as_str(), person.last_name.as_str()), ("Ana", "Maria Lind"));
        assert_eq!(person.fields["phone_number"], "+15550100");
    }

    #[test]
    fn the_primary_address_of_a_list_is_used_with_what_is_said_of_it() {
        let list = json!([
            { "email": "old@example.org", "primary": false, "verified": true },
            { "email": "ana@example.org", "primary": true, "verified": false },
        ]);
        let mut person = read("github", &[], &json!({ "id": 1, "email": "shown@example.org" })).unwrap();
        choose(&mut person, &kinds::by_name("github").unwrap().addresses.unwrap(), &list);
        assert_eq!((person.email.as_deref(), person.email_verified), (Some("ana@example.org"), false));
        let values = json!({ "values": [{ "email": "b@example.org", "is_primary": true, "is_confirmed": true }] });
        choose(&mut person, &kinds::by_name("bitbucket").unwrap().addresses.unwrap(), &values);
        assert_eq!((person.email.as_deref(), person.email_verified), (Some("b@example.org"), true));
    }
}
