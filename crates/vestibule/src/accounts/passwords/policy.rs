//! Which passwords are good enough.
//!
//! The rules and sentences are the reference's, in its order, and one of ours: no password built on the site's name (T03).

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use super::{common, similarity};
use crate::ground::{Message, Secret};

/// What the site asks of a password.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The fewest characters (code points).
    pub min_length: usize,
    /// The most bytes in UTF-8.
    pub max_bytes: usize,
    /// The site's name; one of fewer than four characters is not looked for.
    pub site_name: String,
    /// What the host asks beyond that.
    pub own: Option<OwnRule>,
}

/// A host's own rule for passwords: what is wrong with one.
#[derive(Clone)]
pub struct OwnRule(Arc<Rule>);

type Rule = dyn Fn(&Secret) -> Vec<Message> + Send + Sync;

impl OwnRule {
    /// The rule that this function is.
    pub fn new(rule: impl Fn(&Secret) -> Vec<Message> + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }
}

impl fmt::Debug for OwnRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnRule")
    }
}

impl Policy {
    /// What is wrong with the password by itself.
    ///
    /// A password with U+0000 (T72) or with too many bytes gets that message alone and is not looked at further.
    pub fn check(&self, password: &Secret) -> Vec<Message> {
        let secret = password;
        let password = secret.expose();
        if password.len() > self.max_bytes {
            return vec![Message::TooManyBytes(self.max_bytes)];
        }
        if password.contains('\0') {
            return vec![Message::NullCharacters];
        }
        let mut messages = Vec::new();
        if password.chars().count() < self.min_length {
            messages.push(Message::PasswordTooShort(self.min_length));
        }
        if common::contains(password) {
            messages.push(Message::PasswordTooCommon);
        }
        // Digits of every script and shape (٣, ³, ③); a fraction is more than digits, as recorded.
        if !password.is_empty() && password.nfkc().all(char::is_numeric) {
            messages.push(Message::PasswordNumeric);
        }
        if let Some(OwnRule(rule)) = &self.own {
            messages.extend(rule(secret));
        }
        messages
    }

    /// What is wrong with the password for this account: at most one message, about the first of the account's own data that
    /// it is too similar to, else about the site's name.
    ///
    /// `attributes` are labels as the client reads them (`username`, `first name`, `last name`, `email address`, a custom field's
    /// label in lower case) and values, in the order of the form.
    pub fn check_against(&self, password: &Secret, attributes: &[(String, String)]) -> Vec<Message> {
        let password = password.expose();
        let near = attributes.iter().find(|(_, value)| similarity::is_near(password, value));
        let values: Vec<&str> = attributes.iter().map(|(_, value)| value.as_str()).collect();
        let label = match near {
            Some((label, _)) => label.clone(),
            None if similarity::is_built_on(&self.site_name, password, &values, self.min_length) => "site name".into(),
            None => return Vec::new(),
        };
        vec![Message::PasswordTooSimilar(label)]
    }

    /// Both checks in the order in which a change or a reset of a password reports them: the account's own data first.
    ///
    /// A registration reports [`Policy::check`] at the field, and [`Policy::check_against`] for the whole form only when nothing
    /// else is wrong.
    pub fn check_all(&self, password: &Secret, attributes: &[(String, String)]) -> Vec<Message> {
        let alone = self.check(password);
        if matches!(alone[..], [Message::TooManyBytes(_) | Message::NullCharacters]) {
            return alone;
        }
        let mut messages = self.check_against(password, attributes);
        messages.extend(alone);
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::Entropy;
    use crate::ground::names::recorded;

    fn policy(site_name: &str) -> Policy {
        Policy { min_length: 8, max_bytes: 1024, site_name: site_name.into(), own: None }
    }

    fn own(data: &[(&str, &str)]) -> Vec<(String, String)> {
        data.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    }

    fn marian() -> Vec<(String, String)> {
        own(&[("username", "marian"), ("email address", "marian.k@example.test")])
    }

    #[test]
    fn passwords_are_judged_as_recorded() {
        let rows = recorded("password");
        assert_eq!(rows.len(), 82);
        for row in rows {
            let password = Secret::from(row["password"].as_str().unwrap());
            let user = &row["user"];
            let value = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
            let attributes = [
                ("username".to_owned(), value("username")),
                ("first name".to_owned(), value("first_name")),
                ("last name".to_owned(), value("last_name")),
                ("email address".to_owned(), value("email")),
            ];
            let ours = if user.is_null() {
                policy("Vestibule").check(&password)
            } else {
                policy("Vestibule").check_all(&password, &attributes)
            };
            let ours: Vec<_> = ours.iter().map(|message| (message.code().to_owned(), message.text().into_owned())).collect();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let theirs: Vec<_> =
                row["errors"].as_array().unwrap().iter().map(|e| (text(&e["code"]), text(&e["message"]))).collect();
            assert_eq!(ours, theirs, "{row}");
        }
    }

    #[test]
    fn t03_no_entry_of_the_common_list_passes() {
        for entry in common::entries().filter(|entry| entry.len() >= 8).step_by(300) {
            assert!(policy("Acme").check(&Secret::from(entry.to_uppercase())).contains(&Message::PasswordTooCommon), "{entry}");
        }
    }

    #[test]
    fn t03_a_password_built_on_the_site_or_the_account_is_refused() {
        for (password, label) in [
            ("Acme-marian-2026", "site name"),
            ("2026acmeACME!", "site name"),
            ("acme-EXAMPLE-42", "site name"),
            ("mARIAN77", "username"),
            ("MARIAN.K@example.test", "email address"),
        ] {
            let messages = policy("Acme").check_against(&password.into(), &marian());
            assert_eq!(messages, [Message::PasswordTooSimilar(label.into())], "{password}");
        }
        assert_eq!(
            policy("Acme Shop").check_against(&"acmeshop-2026".into(), &[]),
            [Message::PasswordTooSimilar("site name".into())]
        );
        assert!(policy("Acme").check_against(&"acme-k7#vQ92m".into(), &marian()).is_empty(), "enough is left");
        assert!(policy("Abc").check_against(&"abc-1234567".into(), &[]).is_empty(), "too short a name to look for");
        assert!(policy("").check_all(&"k7#vQ92m".into(), &[]).is_empty());
        let field = own(&[("phone number", "+15550100")]);
        assert_eq!(
            policy("Acme").check_against(&"p15550100".into(), &field),
            [Message::PasswordTooSimilar("phone number".into())]
        );
    }

    #[test]
    fn t03_a_random_password_is_accepted() {
        let entropy = Entropy::seeded(3);
        for _ in 0..200 {
            let password = Secret::from(hex::encode(entropy.bytes::<8>().unwrap()));
            assert_eq!(policy("Acme").check_all(&password, &marian()), [], "{}", password.expose());
        }
    }

    #[test]
    fn t72_nul_and_too_many_bytes_are_said_alone() {
        let all = |password: &str| policy("Acme").check_all(&password.into(), &marian());
        assert_eq!(all("a\0"), [Message::NullCharacters]);
        assert_eq!(all(&"é".repeat(513)), [Message::TooManyBytes(1024)]);
        assert_eq!(all(&"é".repeat(512)), []);
    }

    #[test]
    fn the_shortest_length_is_counted_in_characters() {
        assert_eq!(policy("Acme").check(&"ж☃éжжжж".into()), [Message::PasswordTooShort(8)]);
        assert_eq!(policy("Acme").check(&"ж☃éжжжжж".into()), []);
    }
}
