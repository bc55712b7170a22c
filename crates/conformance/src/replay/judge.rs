//! The verdict on one answer.

use super::{Judgement, Received, Replay};
use crate::compare::{self, Body, Captured, Expected, Page, Words};
use crate::offered;
use crate::report::Verdict;
use crate::rules::{Instead, RULES};
use crate::steps::Exchange;
use crate::wire::{Answer, Request};

impl Replay {
    pub(super) fn judge(
        &mut self,
        exchange: &Exchange,
        request: &Request,
        received: &Received,
        whom: Option<&str>,
    ) -> Result<(Judgement, Captured), String> {
        let expected = Expected::recorded(exchange)?;
        if let Some(what) = offered::missing(exchange, &received.answer) {
            return Ok(((Verdict::NotOffered, None, what), Vec::new()));
        }
        let why = match self.compare(exchange, &expected, received, &[]) {
            Ok((Page::WithoutForms, _)) => {
                return Ok(((Verdict::NotOffered, None, "browsable page: it has no forms yet".into()), Vec::new()));
            }
            Ok((_, captured)) => return Ok(((Verdict::Matched, None, not_compared(exchange, &received.answer)), captured)),
            Err(why) => why,
        };
        let asked = self.asked(exchange, request, whom);
        let rules: Vec<_> = RULES.iter().filter_map(|rule| Some((rule.name, (rule.answer)(&asked)?))).collect();
        let mut unfit = String::new();
        for (name, instead) in rules {
            match self.fits(exchange, instead, received)? {
                Ok(captured) => return Ok(((Verdict::Deviating, Some(name), why), captured)),
                Err(difference) => unfit.push_str(&format!("; not as `{name}` says: {difference}")),
            }
        }
        if received.answer.status >= 500 {
            unfit.push_str(&format!("; the server's log: {}", compare::cut(&self.server.log())));
        }
        Ok(((Verdict::Failing, None, why + &unfit), Vec::new()))
    }

    /// Compares with what was recorded, but for cookies beside.
    fn compare(
        &self,
        exchange: &Exchange,
        expected: &Expected,
        received: &Received,
        beside: &[String],
    ) -> Result<(Page, Captured), String> {
        let answer = &received.answer;
        let captured = expected.check(answer, &received.mails, &self.bindings)?;
        // The cookie against forms of other sites: on pages the reference has it under another name.
        let form = offered::FORM_COOKIES.iter().filter(|_| offered::is_page(exchange)).map(|name| (*name).to_owned());
        let beside: Vec<String> = beside.iter().cloned().chain(form).collect();
        compare::cookies(exchange, answer, &self.cookies, &beside)?;
        if let Some(language) = compare::asked_language(exchange)
            && answer.header("content-language").map(compare::base) != Some(compare::base(language))
        {
            return Err(format!("Content-Language {:?} instead of {language}", answer.header("content-language")));
        }
        let page = exchange.response_html_summary.as_ref().filter(|_| !exchange.method.eq_ignore_ascii_case("HEAD"));
        match page.map(|summary| compare::page(summary, &answer.body)) {
            Some(Page::Lacking(what)) => Err(what),
            Some(page) => Ok((page, captured)),
            None => Ok((Page::Same, captured)),
        }
    }

    fn fits(&mut self, exchange: &Exchange, instead: Instead, received: &Received) -> Result<Result<Captured, String>, String> {
        let (answer, mails) = (&received.answer, &received.mails);
        let mut expected = match instead {
            Instead::Mails(to) => {
                let recorded = Expected { mails: Some(to), ..Expected::recorded(exchange)? };
                return Ok(self.compare(exchange, &recorded, received, &[]).map(|(_, captured)| captured));
            }
            Instead::Beside(cookies) => {
                let recorded = Expected::recorded(exchange)?;
                return Ok(self.compare(exchange, &recorded, received, &cookies).map(|(_, captured)| captured));
            }
            Instead::Answer(expected) => {
                // A path that we do not know has no methods to tell.
                let allow = exchange.recorded_header("allow").filter(|_| expected.status != 404);
                let challenge = expected.challenge.as_ref().map(|_| self.challenge().to_owned());
                Expected { allow: allow.map(str::to_owned), challenge, ..expected }
            }
            Instead::Plain(expected) => return Ok(expected.check(answer, mails, &self.bindings)),
            Instead::Better if answer.status < 500 => self.any(answer),
            Instead::Better => return Ok(Err("the server crashed too".into())),
            // What succeeded must not be done twice.
            Instead::SameAs(twin) if answer.status < 300 && twin.method != "GET" => self.any(answer),
            Instead::SameAs(twin) => {
                let same = self.send(&twin)?;
                let body = same.answer.json().map_or(Body::Any, Body::Json);
                // Another endpoint has other methods.
                let methods =
                    if twin.path == exchange.path { same.answer.header("allow") } else { exchange.recorded_header("allow") };
                Expected {
                    allow: methods.map(str::to_owned),
                    challenge: same.answer.header("www-authenticate").map(str::to_owned),
                    mails: Some(compare::recipients(&same.mails)),
                    ..Expected::ours(same.answer.status, body)
                }
            }
        };
        expected.words = Words::of(exchange);
        match exchange.method.as_str() {
            "HEAD" => expected.body = Body::Empty,
            _ if offered::is_page(exchange) => expected.body = Body::Html,
            _ => {}
        }
        Ok(expected.check(answer, mails, &self.bindings))
    }

    /// Any answer with the status of this one.
    fn any(&self, answer: &Answer) -> Expected {
        let challenge = (answer.status == 401).then(|| self.challenge().to_owned());
        Expected { mails: None, challenge, ..Expected::ours(answer.status, Body::Any) }
    }

    /// How the server asks for a credential.
    fn challenge(&self) -> &'static str {
        offered::challenge(&self.server.settings)
    }
}

/// What belongs to a matched exchange and is not offered yet.
fn not_compared(exchange: &Exchange, answer: &Answer) -> String {
    let cookies = exchange.response_headers.contains_key("set-cookie") && answer.header("set-cookie").is_none();
    if cookies { "not offered yet and not compared: cookies".into() } else { String::new() }
}
