//! What an exchange leaves behind that explains later answers.

use vestibule::accounts::tokens::Purpose;

use super::{Judgement, Replay, recorded_members};
use crate::history::Link;
use crate::offered::BASE;
use crate::placeholders::kind_of;
use crate::steps::Exchange;
use crate::wire::{Answer, Request};

/// Whether the recording refuses what we might do: take a new password or a key, or end a session.
pub(super) fn may_be_taken(exchange: &Exchange, request: &Request) -> bool {
    let path = request.path.strip_prefix(BASE).unwrap_or_default();
    let takes = ["password/", "registration/account-confirm-email/", "logout"].iter().any(|start| path.starts_with(start));
    exchange.status >= 400 && request.method == "POST" && takes
}

/// What a placeholder of that kind does, if it is the token of a link.
pub(super) fn purpose(label: &str) -> Option<Purpose> {
    match kind_of(label) {
        "email_key" | "email_key_db" => Some(Purpose::VerifyEmail),
        "reset_token" => Some(Purpose::ResetPassword),
        _ => None,
    }
}

impl Replay {
    pub(super) fn learn(
        &mut self,
        exchange: &Exchange,
        request: &Request,
        answer: &Answer,
        judgement: &Judgement,
    ) -> Result<(), String> {
        let asked = self.asked(exchange, request, None);
        let path = asked.path().trim_matches('/').to_owned();
        let members = asked.members();
        let done = (200..300).contains(&exchange.status);
        let done_here = (200..300).contains(&answer.status);
        if done {
            let set = members.iter().filter(|(name, _)| matches!(name.as_str(), "password1" | "new_password1"));
            let padded = set.filter(|(_, value)| value.trim() != value);
            self.history.trimmed.extend(padded.map(|(_, value)| value.trim().to_owned()));
        }
        if path == "registration" && exchange.status == 201 {
            self.note_registered(&members, answer, judgement);
        }
        if path == "login" && done {
            self.note_login(&members);
        }
        if path == "password/reset/confirm" && done && done_here {
            self.note_reset(exchange);
        }
        if path == "registration/verify-email" && done {
            self.forget_used(exchange);
        }
        if done_here && path.starts_with("password/") {
            let dead = self.dead_keys()?;
            self.history.ended.extend(dead);
        }
        if done_here && path == "logout" {
            let dead = self.dead_keys()?;
            self.history.logged_out.extend(dead);
        }
        Ok(())
    }

    fn note_registered(&mut self, members: &[(String, String)], answer: &Answer, judgement: &Judgement) {
        let email = members.iter().find(|(name, _)| name == "email").map(|(_, value)| value.trim().to_lowercase());
        self.note_own_words(members.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let is_nameless = !members.iter().any(|(name, _)| name == "username");
        self.history.nameless.extend(email.clone().filter(|_| is_nameless));
        self.history.addresses.extend(email);
        if let (400.., Some(rule)) = (answer.status, judgement.1) {
            let names = members.iter().filter(|(name, _)| matches!(name.as_str(), "email" | "username"));
            self.history.refused.extend(names.map(|(_, value)| (value.trim().to_lowercase(), rule)));
        }
    }

    /// Values of declared fields that are long enough to be in a password.
    pub(super) fn note_own_words<'a>(&mut self, members: impl Iterator<Item = (&'a str, &'a str)>) {
        let standard = ["username", "email", "email_address", "password", "password1", "password2"];
        let own = members.filter(|(name, value)| !standard.contains(name) && value.chars().count() >= 4);
        self.history.own_words.extend(own.map(|(_, value)| value.to_lowercase()));
    }

    /// A login ends the reset links of its account in the reference.
    fn note_login(&mut self, members: &[(String, String)]) {
        let given = members.iter().filter(|(name, _)| matches!(name.as_str(), "email" | "username"));
        let given: Vec<String> = given.map(|(_, value)| value.trim().to_lowercase()).collect();
        for link in self.history.links.values_mut() {
            let names = self.library.names(&link.whose);
            link.outlived_login |= given.iter().any(|name| names.contains(name));
        }
    }

    /// A reset proves the address here, and ends every link of the account.
    fn note_reset(&mut self, exchange: &Exchange) {
        let Some(names) = self.link_of(exchange).map(|link| self.library.names(&link.whose)) else { return };
        self.history.proven.extend(names.iter().cloned());
        for link in self.history.links.values_mut() {
            link.ended_by_reset |= names.contains(&link.whose.to_lowercase());
        }
        self.forget_used(exchange);
    }

    /// The link whose placeholder the recorded request carries.
    fn link_of(&self, exchange: &Exchange) -> Option<&Link> {
        self.history.links.get(&used(exchange)?)
    }

    /// What the reference has taken is no link any more.
    fn forget_used(&mut self, exchange: &Exchange) {
        if let Some(label) = used(exchange) {
            self.history.links.remove(&label);
        }
    }

    /// The links of the mails of an exchange.
    pub(super) fn note_mailed(&mut self, exchange: &Exchange) {
        for mail in &exchange.emails_sent {
            let to = mail["to"][0].as_str().unwrap_or_default().to_lowercase();
            let lines = mail["body_lines_with_values"].as_array().into_iter().flatten().filter_map(|line| line.as_str());
            let labels: Vec<String> = lines.flat_map(crate::mailbox::labels).map(str::to_owned).collect();
            labels.into_iter().for_each(|label| self.note_link(&label, &to, 0));
        }
    }

    /// Keeps what a placeholder stands for, if it is the token of a link.
    pub(super) fn note_link(&mut self, label: &str, whose: &str, age: i64) {
        let (Some(purpose), Some(token)) = (purpose(label), self.bindings.get(label)) else { return };
        let (whose, token) = (whose.to_owned(), token.to_owned());
        let link = Link { purpose, whose, age, token, outlived_login: false, ended_by_reset: false };
        self.history.links.insert(label.to_owned(), link);
    }

    /// The keys that open no session any more.
    fn dead_keys(&self) -> Result<Vec<String>, String> {
        let mut dead = Vec::new();
        for key in &self.history.keys {
            if !self.library.is_live(key)? {
                dead.push(key.clone());
            }
        }
        Ok(dead)
    }

    /// What only we did is taken back, so that what follows is compared and not explained.
    pub(super) fn undo(&mut self, exchange: &Exchange) -> Result<(), String> {
        self.library.restore()?;
        if let Some(names) = self.link_of(exchange).map(|link| self.library.names(&link.whose)) {
            let whose = self.history.links.values_mut().filter(|link| names.contains(&link.whose.to_lowercase()));
            whose.for_each(|link| link.ended_by_reset = false);
        }
        for key in self.history.keys.clone() {
            if self.library.is_live(&key)? {
                self.history.ended.remove(&key);
                self.history.logged_out.remove(&key);
            }
        }
        Ok(())
    }
}

/// The label of the link that the recorded request carries.
fn used(exchange: &Exchange) -> Option<String> {
    let members = recorded_members(exchange);
    let member = members.iter().find(|(name, _)| matches!(name.as_str(), "token" | "key"));
    let value = member.map(|(_, value)| value.as_str()).or_else(|| exchange.path.split("account-confirm-email/").nth(1))?;
    let label = value.strip_prefix("{{")?.split(['}', '|']).next()?;
    purpose(label).map(|_| label.to_owned())
}
