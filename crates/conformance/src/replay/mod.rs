//! Replays the steps of a variant and judges each answer.
//!
//! `Replay::exchange` sends one request, waits for its mails, lets `judge` compare, and `learn` keep what explains later
//! answers; `behind` does what the recording did behind the server's back.

mod behind;
mod judge;
mod learn;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::compare::{self, Captured};
use crate::fixtures::Library;
use crate::history::{History, Origin};
use crate::mailbox::{self, Letter, Mailbox};
use crate::offered;
use crate::placeholders::{Bindings, kind_of};
use crate::report::{Outcome, Verdict};
use crate::rules::{self, Asked};
use crate::server::{NoServer, Server};
use crate::steps::{self, Directory, Exchange, Kind, Sent};
use crate::variants::{self, Variant};
use crate::wire::{Answer, Request};

/// Replays all variants of all folders against servers of that program.
///
/// # Errors
/// What is wrong with the folders or the program; a wrong answer is no error.
pub fn all(folders: &[&Path], server: &Path) -> Result<Vec<Outcome>, String> {
    let directories = folders.iter().map(|folder| steps::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let mut table = BTreeMap::new();
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
    let label = |number: usize, seq: u64, exchange: &Exchange, (verdict, rule, detail): Judgement, answered| Outcome {
        dir: directories.get(number).map(|directory| directory.name.clone()).unwrap_or_default(),
        variant: name.to_owned(),
        seq,
        name: exchange.name.clone(),
        verdict,
        rule,
        detail,
        answered,
    };
    let server = match Server::start(program, &variant.settings()) {
        Ok(server) => server,
        Err(NoServer::Broken(why)) => return Err(why),
        Err(NoServer::NotOffered(why)) => {
            let refused = |(number, step): (usize, steps::Step)| match step.kind {
                Kind::Http(exchange) => {
                    Some(label(number, step.seq, &exchange, (Verdict::NotOffered, None, why.clone()), String::new()))
                }
                Kind::Fixture(_) => None,
            };
            return Ok(steps.into_iter().filter_map(refused).collect());
        }
    };
    let mut replay = Replay::new(server)?;
    let mut outcomes = Vec::new();
    for (number, step) in steps {
        match step.kind {
            Kind::Fixture(fixture) => replay.fixture(&fixture).map_err(|why| format!("{} {}: {why}", step.seq, fixture.op))?,
            Kind::Http(exchange) => {
                let (judgement, answered) = replay.exchange(&exchange).map_err(|why| format!("{}: {why}", step.seq))?;
                outcomes.push(label(number, step.seq, &exchange, judgement, answered));
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
    mailbox: Mailbox,
    bindings: Bindings,
    history: History,
    /// The cookies that this server sets.
    cookies: BTreeSet<String>,
}

/// What came of a request.
#[derive(Default)]
struct Received {
    answer: Answer,
    mails: Vec<Letter>,
}

impl Replay {
    fn new(server: Server) -> Result<Self, String> {
        let library = Library::open(&server.settings)?;
        let mailbox = Mailbox::new(&server.mail());
        let cookies = offered::cookies(&server.settings);
        Ok(Self { server, library, mailbox, bindings: Bindings::default(), history: History::default(), cookies })
    }

    /// The verdict on an exchange, and the outline of what was answered.
    fn exchange(&mut self, exchange: &Exchange) -> Result<(Judgement, String), String> {
        let request = match self.request(exchange)? {
            Ok(request) => request,
            Err(label) => {
                let judgement = self.unbound(&label);
                self.remember_unbound(exchange, &judgement);
                return Ok((judgement, String::new()));
            }
        };
        let whom = self.whom(exchange, &request)?;
        let kept = learn::may_be_taken(exchange, &request);
        if kept {
            self.library.keep()?;
        }
        // No answer, or a recording that cannot be read, is this exchange's failure and not the end of the replay.
        let received = self.send(&request);
        let judged = received.and_then(|received| Ok((self.judge(exchange, &request, &received, whom.as_deref())?, received)));
        let ((judgement, captured), received) = match judged {
            Ok(judged) => judged,
            Err(why) => (((Verdict::Failing, None, why), Vec::new()), Received::default()),
        };
        self.bind(captured);
        self.bind(compare::credentials(exchange, &received.answer));
        self.bind(mailbox::bindings(&exchange.emails_sent, &received.mails));
        self.note_mailed(exchange);
        self.remember_unbound(exchange, &judgement);
        self.learn(exchange, &request, &received.answer, &judgement)?;
        self.log_in_again(exchange, &judgement, &request)?;
        if kept && (200..=399).contains(&received.answer.status) {
            self.undo(exchange)?;
        }
        Ok((judgement, received.answer.outline()))
    }

    /// A client whose key has ended here alone, and who was told so, logs in again: what follows is compared and not explained.
    fn log_in_again(&mut self, exchange: &Exchange, judgement: &Judgement, request: &Request) -> Result<(), String> {
        let asked = self.asked(exchange, request, None);
        let logs_out = asked.is("POST", "logout") && exchange.status == 200;
        let key = asked.credential().map(|(_, key)| key.to_owned()).filter(|key| self.history.ended.contains(key));
        let Some((key, name)) = key.and_then(|key| Some((key.clone(), self.history.owners.get(&key)?.clone()))) else {
            return Ok(());
        };
        if judgement.0 == Verdict::Deviating && !logs_out && !key.contains('.') {
            let fresh = self.library.make_token(&name)?;
            self.bindings.replace(&key, &fresh);
            self.note_key(fresh);
        }
        Ok(())
    }

    fn bind(&mut self, captured: Captured) {
        for (label, value) in captured {
            if matches!(kind_of(&label), "token" | "jwt_access" | "jwt_refresh") {
                self.note_key(value.clone());
            }
            self.bindings.set(&label, value);
        }
    }

    /// Keeps a key or token that was given out, and whose it is.
    fn note_key(&mut self, key: String) {
        if let Ok(Some(address)) = self.library.address_of(&key) {
            self.history.owners.insert(key.clone(), address);
        }
        self.history.keys.insert(key);
    }

    /// Sends a request and waits for its mails.
    fn send(&mut self, request: &Request) -> Result<Received, String> {
        let answer = request.send(self.server.address)?;
        self.library.wait_for_mail()?;
        Ok(Received { answer, mails: self.mailbox.fresh()? })
    }

    /// The address of the account that a request is about.
    fn whom(&self, exchange: &Exchange, request: &Request) -> Result<Option<String>, String> {
        let asked = self.asked(exchange, request, None);
        if let Some(link) = asked.link() {
            return Ok(self.library.names(&link.whose).into_iter().find(|name| name.contains('@')));
        }
        match asked.credential() {
            Some((_, key)) => self.library.address_of(key),
            None => Ok(None),
        }
    }

    fn asked<'a>(&'a self, exchange: &'a Exchange, request: &'a Request, whom: Option<&'a str>) -> Asked<'a> {
        Asked { exchange, request, history: &self.history, settings: &self.server.settings, whom }
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
}

/// The members of a recorded request, with its placeholders.
fn recorded_members(exchange: &Exchange) -> Vec<(String, String)> {
    let body = exchange.request_body.as_deref().unwrap_or_default();
    rules::members(exchange.request_header("content-type"), body.as_bytes())
}
