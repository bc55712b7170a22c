//! Replays the steps of a variant and judges each answer.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::compare::{self, Body, Captured, Expected};
use crate::fixtures::Library;
use crate::history::{History, Origin};
use crate::offered;
use crate::placeholders::Bindings;
use crate::report::{Outcome, Verdict};
use crate::rules::{self, Asked, Instead, RULES};
use crate::server::{NoServer, Server};
use crate::steps::{self, Directory, Exchange, Fixture, Kind, Sent};
use crate::variants::{self, Variant};
use crate::wire::{Answer, Request};

/// Replays all variants of all folders against servers of that program.
///
/// # Errors
/// What is wrong with the folders or the program; a wrong answer is no error.
pub fn all(folders: &[&Path], server: &Path) -> Result<Vec<Outcome>, String> {
    let directories = folders.iter().map(|folder| steps::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let mut table = std::collections::BTreeMap::new();
    for folder in folders {
        table.extend(variants::table(folder)?);
    }
    let names: BTreeSet<&String> = directories.iter().flat_map(|directory| directory.variants.keys()).collect();
    let mut outcomes = Vec::new();
    for name in names {
        let variant = table.get(name).ok_or_else(|| format!("variants.json does not have {name}"))?;
        outcomes.extend(replay(&directories, name, variant, server).map_err(|why| format!("{name}: {why}"))?);
    }
    Ok(outcomes)
}

/// Replays one variant.
///
/// # Errors
/// As [`all`].
pub fn replay(directories: &[Directory], name: &str, variant: &Variant, program: &Path) -> Result<Vec<Outcome>, String> {
    let steps = steps::merge(directories, name);
    let label = |number: usize, seq: u64, exchange: &Exchange, (verdict, rule, detail): Judgement| Outcome {
        dir: directories.get(number).map(|directory| directory.name.clone()).unwrap_or_default(),
        variant: name.to_owned(),
        seq,
        name: exchange.name.clone(),
        verdict,
        rule,
        detail,
    };
    let server = match Server::start(program, &variant.settings()) {
        Ok(server) => server,
        Err(NoServer::Broken(why)) => return Err(why),
        Err(NoServer::NotOffered(why)) => {
            let refused = |(number, step): (usize, steps::Step)| match step.kind {
                Kind::Http(exchange) => Some(label(number, step.seq, &exchange, (Verdict::NotOffered, None, why.clone()))),
                Kind::Fixture(_) => None,
            };
            return Ok(steps.into_iter().filter_map(refused).collect());
        }
    };
    let library = Library::open(&server.settings)?;
    let mut replay = Replay { server, library, bindings: Bindings::default(), history: History::default() };
    let mut outcomes = Vec::new();
    for (number, step) in steps {
        match step.kind {
            Kind::Fixture(fixture) => replay.fixture(&fixture).map_err(|why| format!("{} {}: {why}", step.seq, fixture.op))?,
            Kind::Http(exchange) => {
                let judgement = replay.exchange(&exchange).map_err(|why| format!("{}: {why}", step.seq))?;
                outcomes.push(label(number, step.seq, &exchange, judgement));
            }
        }
    }
    Ok(outcomes)
}

type Judgement = (Verdict, Option<&'static str>, String);

/// A variant while it is replayed.
struct Replay {
    server: Server,
    library: Library,
    bindings: Bindings,
    history: History,
}

impl Replay {
    fn exchange(&mut self, exchange: &Exchange) -> Result<Judgement, String> {
        let request = match self.request(exchange)? {
            Ok(request) => request,
            Err(label) => {
                let judgement = self.unbound(&label);
                self.remember_unbound(exchange, &judgement);
                self.stand_in_for_reset(exchange, &judgement)?;
                return Ok(judgement);
            }
        };
        // No answer, or a recording that cannot be read, is this exchange's failure and not the end of the replay.
        let answered = request.send(self.server.address);
        let judged = answered.and_then(|answer| Ok((self.judge(exchange, &request, &answer)?, answer)));
        let ((judgement, captured), answer) = match judged {
            Ok(judged) => judged,
            Err(why) => (((Verdict::Failing, None, why), Vec::new()), Answer::default()),
        };
        for (label, value) in captured {
            if label.starts_with("token:") {
                self.history.keys.insert(value.clone());
            }
            self.bindings.set(&label, value);
        }
        self.remember_unbound(exchange, &judgement);
        self.learn(exchange, &request, &answer, &judgement)?;
        Ok(judgement)
    }

    /// The request with its placeholders filled in, or the label of one that stands for nothing.
    fn request(&self, exchange: &Exchange) -> Result<Result<Request, String>, String> {
        let sent = exchange.sent()?;
        let filled = || -> Result<Request, String> {
            let mut headers = vec![("Host".to_owned(), "testserver.local".to_owned())];
            for (name, value) in &exchange.request_headers {
                let value = self.bindings.fill(value.as_str().unwrap_or_default())?;
                if name.eq_ignore_ascii_case("host") {
                    headers.retain(|(name, _)| name != "Host");
                }
                headers.push((name.clone(), value));
            }
            let body = match &sent {
                Some(Sent::Text(text)) => Some(self.bindings.fill(text)?.into_bytes()),
                Some(Sent::Bytes(bytes)) => Some(bytes.clone()),
                None => None,
            };
            Ok(Request { method: exchange.method.clone(), path: self.bindings.fill(&exchange.path)?, headers, body })
        };
        Ok(filled())
    }

    fn unbound(&self, label: &str) -> Judgement {
        match self.history.unbound.get(label) {
            Some(origin) => (origin.verdict, origin.rule, format!("uses {label}, which there is not here: {}", origin.why)),
            None => {
                let kind = label.split(':').next().unwrap_or(label);
                let what = if matches!(kind, "sessionid" | "csrftoken" | "messages") { "cookies" } else { kind };
                (Verdict::NotOffered, None, format!("{what}: uses {label}, which this version does not give out"))
            }
        }
    }

    /// What the exchange should have shown first and did not, later exchanges cannot use.
    fn remember_unbound(&mut self, exchange: &Exchange, (verdict, rule, why): &Judgement) {
        let cookies = ["sessionid:", "csrftoken:", "messages:"];
        for label in exchange.defines.iter().map(|label| label.trim_matches(['{', '}'])) {
            let cookie = cookies.iter().any(|kind| label.starts_with(kind));
            if !cookie && *verdict != Verdict::Matched && self.bindings.get(label).is_none() {
                self.history.unbound.insert(label.to_owned(), Origin { verdict: *verdict, rule: *rule, why: why.clone() });
            }
        }
    }

    fn judge(&self, exchange: &Exchange, request: &Request, answer: &Answer) -> Result<(Judgement, Captured), String> {
        let expected = Expected::recorded(exchange)?;
        if let Some(what) = offered::missing(exchange, answer) {
            return Ok(((Verdict::NotOffered, None, what), Vec::new()));
        }
        let compared = expected.check(answer, &self.bindings);
        let why = match compared.and_then(|captured| compare::cookies(exchange, answer).map(|()| captured)) {
            Ok(_) if offered::is_page(exchange) => {
                return Ok(((Verdict::NotOffered, None, "browsable page: its words and forms".into()), Vec::new()));
            }
            Ok(captured) => return Ok(((Verdict::Matched, None, not_compared(exchange, answer)), captured)),
            Err(why) => why,
        };
        let asked = Asked { exchange, request, history: &self.history };
        let mut unfit = String::new();
        for rule in RULES {
            let Some(instead) = (rule.answer)(&asked) else { continue };
            match self.fits(exchange, instead, answer)? {
                Ok(captured) => return Ok(((Verdict::Deviating, Some(rule.name), why), captured)),
                Err(difference) => unfit.push_str(&format!("; not as `{}` says: {difference}", rule.name)),
            }
        }
        if answer.status >= 500 {
            unfit.push_str(&format!("; the server's log: {}", compare::cut(&self.server.log())));
        }
        Ok(((Verdict::Failing, None, why + &unfit), Vec::new()))
    }

    fn fits(&self, exchange: &Exchange, instead: Instead, answer: &Answer) -> Result<Result<Captured, String>, String> {
        let mut expected = match instead {
            Instead::Answer(expected) => {
                // A path that we do not know has no methods to tell.
                let allow = exchange.recorded_header("allow").filter(|_| expected.status != 404);
                Expected { allow: allow.map(str::to_owned), ..expected }
            }
            Instead::Better if answer.status < 500 => Expected::ours(answer.status, Body::Any),
            Instead::Better => return Ok(Err("the server crashed too".into())),
            // What succeeded must not be done twice.
            Instead::SameAs(twin) if answer.status < 300 && twin.method != "GET" => Expected::ours(answer.status, Body::Any),
            Instead::SameAs(twin) => {
                let same = twin.send(self.server.address)?;
                let body = same.json().map_or(Body::Any, Body::Json);
                Expected { allow: same.header("allow").map(str::to_owned), ..Expected::ours(same.status, body) }
            }
        };
        match exchange.method.as_str() {
            "HEAD" => expected.body = Body::Empty,
            _ if offered::is_page(exchange) => expected.body = Body::Html,
            _ => {}
        }
        Ok(expected.check(answer, &self.bindings))
    }

    /// Keeps what explains later answers, and does what a later step builds on where it is not offered.
    fn learn(&mut self, exchange: &Exchange, request: &Request, answer: &Answer, judgement: &Judgement) -> Result<(), String> {
        let asked = Asked { exchange, request, history: &self.history };
        let path = asked.path().trim_matches('/').to_owned();
        let members = asked.members();
        let recorded_well = (200..300).contains(&exchange.status);
        if recorded_well {
            let set = members.iter().filter(|(name, _)| matches!(name.as_str(), "password1" | "new_password1"));
            let padded = set.filter(|(_, value)| value.trim() != value);
            self.history.trimmed.extend(padded.map(|(_, value)| value.trim().to_owned()));
        }
        if path == "registration" && exchange.status == 201 {
            let email = members.iter().find(|(name, _)| name == "email").map(|(_, value)| value.trim().to_lowercase());
            let is_nameless = !members.iter().any(|(name, _)| name == "username");
            self.history.nameless.extend(email.clone().filter(|_| is_nameless));
            self.history.addresses.extend(email);
        }
        if let (201, true, "registration", Some(rule)) = (exchange.status, answer.status >= 400, path.as_str(), judgement.1) {
            let names = members.iter().filter(|(name, _)| matches!(name.as_str(), "email" | "username"));
            self.history.refused.extend(names.map(|(_, value)| (value.trim().to_lowercase(), rule)));
        }
        if path == "password/change" && answer.status == 200 {
            self.note_ended()?;
        }
        self.stand_in_for_reset(exchange, judgement)
    }

    /// Which keys a change of password has ended.
    fn note_ended(&mut self) -> Result<(), String> {
        for key in self.history.keys.clone() {
            if !self.library.is_live(&key)? {
                self.history.ended.insert(key);
            }
        }
        Ok(())
    }

    /// A reset that is not offered is done by the operator's hand: the steps after it log in with the new password.
    fn stand_in_for_reset(&mut self, exchange: &Exchange, (verdict, ..): &Judgement) -> Result<(), String> {
        let is_reset = exchange.path.trim_end_matches('/').ends_with("/password/reset/confirm") && exchange.status == 200;
        if !is_reset || *verdict != Verdict::NotOffered {
            return Ok(());
        }
        let body = exchange.request_body.as_deref().unwrap_or_default();
        let whose = self.history.uids.iter().find(|(label, _)| body.contains(&format!("{{{{{label}}}}}")));
        let members = rules::members(exchange.request_header("content-type"), body.as_bytes());
        let password = members.iter().find(|(name, _)| name == "new_password1");
        if let (Some((_, name)), Some((_, password))) = (whose, password) {
            self.library.set_password(name, password)?;
            self.note_ended()?;
        }
        Ok(())
    }

    fn fixture(&mut self, fixture: &Fixture) -> Result<(), String> {
        let args = &fixture.args;
        let name = args.get("username").or_else(|| args.get("email")).and_then(Value::as_str).unwrap_or_default();
        match fixture.op.as_str() {
            "create_user" => {
                let pk = self.library.create_user(args)?;
                let email = args.get("email").and_then(Value::as_str);
                self.history.addresses.extend(email.map(str::to_lowercase));
                if let Some(theirs) = fixture.result.get("pk") {
                    self.bindings.set(&format!("pk:{theirs}"), pk.to_string());
                }
                Ok(())
            }
            "make_token" => {
                let key = self.library.make_token(name)?;
                for label in labels(&fixture.result) {
                    self.bindings.set(&label, key.clone());
                }
                self.history.keys.insert(key);
                Ok(())
            }
            "set_user" => match args.pointer("/fields/is_active") {
                Some(Value::Bool(active)) => self.library.set_active(name, *active),
                _ => Err(format!("cannot set {args}")),
            },
            "delete_user" => self.library.delete_user(name),
            "set_email_verified" => self.library.set_email_verified(name, args.get("verified") != Some(&Value::Bool(false))),
            "set_unusable_password" => self.library.remove_password(name),
            // Counters of one process are in its memory.
            "clear_cache" => self.server.restart(),
            "email_addresses" | "user_row" => Ok(()),
            "make_email_key" => {
                let age = args.get("age_seconds").and_then(Value::as_i64).unwrap_or_default();
                let key = self.library.make_email_key(name, age)?;
                for label in labels(&fixture.result) {
                    self.bindings.set(&label, key.clone());
                }
                Ok(())
            }
            op => {
                self.remember_whose(op, name, &fixture.result);
                Ok(())
            }
        }
    }

    /// A fixture for something that is not offered gives nothing; what it would have given is told where it is used.
    fn remember_whose(&mut self, op: &str, name: &str, result: &Value) {
        let feature = match op {
            "make_reset" => "mail: reset links, which this program does not make yet",
            "make_jwt" => "JWT",
            "create_social_account" => "social",
            "totp_code" => "MFA",
            _ => "a fixture that this program does not know",
        };
        for label in labels(result) {
            if label.starts_with("uid:") {
                self.history.uids.insert(label.clone(), name.to_owned());
            }
            let why = format!("{feature}: {op}");
            self.history.unbound.insert(label, Origin { verdict: Verdict::NotOffered, rule: None, why });
        }
    }
}

/// What belongs to a matched exchange and is not offered yet.
fn not_compared(exchange: &Exchange, answer: &Answer) -> String {
    let mut left = Vec::new();
    if exchange.response_headers.contains_key("set-cookie") && answer.header("set-cookie").is_none() {
        left.push("cookies");
    }
    if !exchange.emails_sent.is_empty() {
        left.push("mail");
    }
    if left.is_empty() { String::new() } else { format!("not offered yet and not compared: {}", left.join(", ")) }
}

/// The placeholders of a fixture's result.
fn labels(result: &Value) -> Vec<String> {
    let values = result.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
    values.filter_map(|text| Some(text.strip_prefix("{{")?.strip_suffix("}}")?.to_owned())).collect()
}
