//! What the recording did behind the server's back.

use serde_json::Value;
use vestibule::accounts::tokens::Purpose;

use super::Replay;
use crate::history::Origin;
use crate::report::Verdict;
use crate::steps::Fixture;

impl Replay {
    pub(super) fn fixture(&mut self, fixture: &Fixture) -> Result<(), String> {
        let args = &fixture.args;
        let name = args.get("username").or_else(|| args.get("email")).and_then(Value::as_str).unwrap_or_default();
        let age = args.get("age_seconds").and_then(Value::as_i64).unwrap_or_default();
        match fixture.op.as_str() {
            "create_user" => self.create_user(fixture, name),
            "make_token" => {
                let key = self.library.make_token(name)?;
                labels(&fixture.result).iter().for_each(|(_, label)| self.bindings.set(label, key.clone()));
                self.note_key(key);
                Ok(())
            }
            "set_user" => match args.pointer("/fields/is_active") {
                Some(Value::Bool(active)) => {
                    self.library.set_active(name, *active)?;
                    self.note_active(name, *active);
                    Ok(())
                }
                _ => Err(format!("cannot set {args}")),
            },
            "delete_user" => self.library.delete_user(name),
            "set_email_verified" => {
                let names = self.library.names(name);
                self.history.unlisted.retain(|address| !names.contains(address));
                self.library.set_email_verified(name, args.get("verified") != Some(&Value::Bool(false)))
            }
            "create_social_account" => {
                let text = |member: &str| args.get(member).and_then(Value::as_str).unwrap_or_default();
                self.library.connect(name, text("provider"), text("uid"))
            }
            "set_unusable_password" => self.library.remove_password(name),
            // Counters of one process are in its memory.
            "clear_cache" => self.server.restart(),
            "email_addresses" | "user_row" => Ok(()),
            "make_jwt" if self.is_signing() => {
                let kind = args.get("kind").and_then(Value::as_str).unwrap_or("access");
                let whose = args.pointer("/claims/user_id").and_then(|id| id.as_i64().or_else(|| id.as_str()?.parse().ok()));
                let token = self.library.make_jwt(name, kind, age, whose)?;
                labels(&fixture.result).iter().for_each(|(_, label)| self.bindings.set(label, token.clone()));
                self.note_key(token);
                Ok(())
            }
            "make_email_key" => self.make_link(Purpose::VerifyEmail, fixture, name, age),
            "make_reset" => self.make_link(Purpose::ResetPassword, fixture, name, age),
            op => {
                self.remember_what_for(op, &fixture.result);
                Ok(())
            }
        }
    }

    fn is_signing(&self) -> bool {
        self.server.settings.pointer("/tokens/mode").is_some_and(|mode| mode != "opaque")
    }

    fn create_user(&mut self, fixture: &Fixture, name: &str) -> Result<(), String> {
        let args = &fixture.args;
        let pk = self.library.create_user(args)?;
        let email = args.get("email").and_then(Value::as_str).map(str::to_lowercase);
        self.history.addresses.extend(email.clone());
        self.note_own_words(
            args.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))),
        );
        if args.get("email_address").and_then(Value::as_str).is_none() {
            self.history.unlisted.extend(email);
        }
        if args.get("is_active") == Some(&Value::Bool(false)) {
            self.note_active(name, false);
        }
        if let Some(theirs) = fixture.result.get("pk") {
            self.bindings.set(&format!("pk:{theirs}"), pk.to_string());
        }
        Ok(())
    }

    fn note_active(&mut self, name: &str, active: bool) {
        for name in self.library.names(name) {
            if active {
                self.history.disabled.remove(&name)
            } else {
                self.history.disabled.insert(name)
            };
        }
    }

    fn make_link(&mut self, purpose: Purpose, fixture: &Fixture, name: &str, age: i64) -> Result<(), String> {
        let (uid, token) = self.library.make_link(purpose, name, age)?;
        for (member, label) in labels(&fixture.result) {
            self.bindings.set(&label, if member == "uid" { uid.clone() } else { token.clone() });
            self.note_link(&label, name, age);
        }
        Ok(())
    }

    /// A fixture for something that is not offered gives nothing; what it would have given is told where it is used.
    fn remember_what_for(&mut self, op: &str, result: &Value) {
        let feature = match op {
            "make_jwt" => "JWT",
            "totp_code" => "MFA",
            _ => "a fixture that this program does not know",
        };
        for (_, label) in labels(result) {
            let why = format!("{feature}: {op}");
            self.history.unbound.insert(label, Origin { verdict: Verdict::NotOffered, rule: None, why });
        }
    }
}

/// The placeholders of a fixture's result, with the names of their members.
fn labels(result: &Value) -> Vec<(String, String)> {
    let values = result.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let placeholders =
        values.filter_map(|(name, text)| Some((name.clone(), text.strip_prefix("{{")?.strip_suffix("}}")?.to_owned())));
    placeholders.collect()
}
