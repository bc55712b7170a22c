//! People who do things, and what must be true of them after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::driver::{Answer, Driver, password_change, registration};

/// One request of a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Deed {
    Register { name: String, password: String },
    LogIn { name: String, password: String },
    Change { name: String, key: String, old: String, new: String },
    LogOut { name: String, key: String },
    Edit { name: String, key: String, first_name: String },
}

impl Deed {
    pub(crate) fn send(&self, to: Driver) -> io::Result<Answer> {
        let (method, path, key, body): (_, _, _, Value) = match self {
            Self::Register { name, password } => ("POST", "registration/", None, registration(name, password)),
            Self::LogIn { name, password } => ("POST", "login/", None, json!({ "username": name, "password": password })),
            Self::Change { key, old, new, .. } => ("POST", "password/change/", Some(key.as_str()), password_change(old, new)),
            Self::LogOut { key, .. } => ("POST", "logout/", Some(key.as_str()), json!({})),
            Self::Edit { key, first_name, .. } => ("PATCH", "user/", Some(key.as_str()), json!({ "first_name": first_name })),
        };
        to.send(method, path, key, Some(&body))
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Register { name, .. }
            | Self::LogIn { name, .. }
            | Self::Change { name, .. }
            | Self::LogOut { name, .. }
            | Self::Edit { name, .. } => name,
        }
    }
}

/// What is known of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) password: String,
    pub(crate) first_name: String,
    /// Keys that must count.
    pub(crate) open: BTreeSet<String>,
    /// Keys that must not count any more.
    ended: BTreeSet<String>,
    /// Passwords that must not count any more.
    former: BTreeSet<String>,
    /// What was asked for last and not acknowledged: it may have happened or not, but not by half.
    unsure: Option<Deed>,
}

/// All accounts by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct People(pub(crate) BTreeMap<String, Person>);

impl People {
    /// Takes note of a deed, acknowledged (with the key that it gave) or not.
    pub(crate) fn note(&mut self, deed: &Deed, acknowledged: Option<Option<String>>) {
        let person = self.0.entry(deed.name().to_owned()).or_default();
        match acknowledged {
            None => person.unsure = Some(deed.clone()),
            Some(key) => person.happened(deed, key),
        }
    }
}

impl Person {
    fn happened(&mut self, deed: &Deed, given: Option<String>) {
        match deed {
            Deed::Register { password, .. } => self.password.clone_from(password),
            Deed::LogIn { .. } => {}
            Deed::Change { key, new, .. } => {
                self.former.insert(std::mem::replace(&mut self.password, new.clone()));
                let others = std::mem::take(&mut self.open);
                self.ended.extend(others.into_iter().filter(|other| other != key));
                self.open.insert(key.clone());
            }
            Deed::LogOut { key, .. } => {
                self.open.remove(key);
                self.ended.insert(key.clone());
            }
            Deed::Edit { first_name, .. } => self.first_name.clone_from(first_name),
        }
        self.open.extend(given);
    }

    /// Finds out what became of the request that was cut, and asks for it again: the answer must be a normal one.
    fn settle(&mut self, name: &str, to: Driver, found: &mut Found) {
        let Some(deed) = self.unsure.take() else { return };
        let again = deed.send(to).expect("an answer");
        match (&deed, again.status) {
            (Deed::Register { .. }, 201) | (Deed::LogIn { .. } | Deed::Change { .. } | Deed::Edit { .. }, 200) => {
                let key = again.json()["key"].as_str().map(str::to_owned);
                self.happened(&deed, key);
            }
            // It had happened: the name is taken, the old password is not the password any more, the session is over.
            (Deed::Register { .. } | Deed::Change { .. }, 400) | (Deed::LogOut { .. }, 401) => {
                found.happened += 1;
                self.happened(&deed, None);
            }
            (Deed::LogOut { .. }, 200) => self.happened(&deed, None),
            _ => found.wrong.push(format!("{name}: {deed:?} again: {} {}", again.status, again.text)),
        }
    }

    /// Everything that is not as it was acknowledged.
    fn check(&mut self, name: &str, to: Driver, wrong: &mut Vec<String>) {
        let login = to.login(name, &self.password);
        let mut found = vec![("the acknowledged password", login.status, 200)];
        found.extend(self.former.iter().map(|former| ("a password that was changed", to.login(name, former).status, 400)));
        found.extend(self.ended.iter().map(|key| ("a key that was ended", to.status_of(key), 401)));
        for key in &self.open {
            let user = to.get("user/", key);
            found.push(("a key that was given", user.status, 200));
            if user.status == 200 && user.json()["first_name"] != self.first_name.as_str() {
                wrong.push(format!("{name}: {} was edited to {:?}", user.text, self.first_name));
            }
        }
        let differs = found.into_iter().filter(|(_, status, right)| status != right);
        wrong.extend(differs.map(|(what, status, right)| format!("{name}: {what}: {status} instead of {right}")));
        if login.status == 200 {
            self.open.insert(login.key());
        }
    }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Claims that do not hold.
    pub(crate) wrong: Vec<String>,
    /// Requests that were done although nobody heard of it; those that leave a trace in the answer to the same request again.
    pub(crate) happened: usize,
}

/// The claims of some against what the server says now. What was unsure is settled.
pub(crate) fn compare<'a>(people: impl Iterator<Item = (&'a String, &'a mut Person)>, to: Driver) -> Found {
    let mut found = Found::default();
    for (name, person) in people {
        person.settle(name, to, &mut found);
        person.check(name, to, &mut found.wrong);
    }
    found
}

/// What somebody does next; `new` is the name of a newcomer.
pub(crate) fn choose(people: &People, new: String) -> Deed {
    let dice = random(100);
    let Some((name, person)) = people.0.iter().nth(random(people.0.len().max(1) as u64) as usize).filter(|_| dice >= 25) else {
        return Deed::Register { password: format!("Tr1cky-{new}-pass"), name: new };
    };
    let (name, old) = (name.clone(), person.password.clone());
    let Some(key) = person.open.first().cloned().filter(|_| dice >= 40) else {
        return Deed::LogIn { name, password: old };
    };
    match dice {
        40..65 => Deed::Change { name, key, old, new: format!("An0ther-{new}-pass") },
        65..85 => Deed::LogOut { name, key },
        _ => Deed::Edit { name, key, first_name: format!("First {new}") },
    }
}

/// A number below `end`.
pub(crate) fn random(end: u64) -> u64 {
    RandomState::new().hash_one(Instant::now()) % end
}
