//! In what form a client wants its answer.

use super::{Asked, Instead, Rule};
use crate::wire::Request;

pub(super) const UNWANTED: Rule = Rule {
    name: "What is not wanted is not sent",
    when: "`Accept: application/json;q=0`, which the reference reads as a wish for JSON.",
    instead: "406 `Could not satisfy the request Accept header.`",
    reason: "A weight of 0 means not acceptable.",
    source: "RFC 9110 §12.4.2",
    answer: |asked| {
        let refuses = accept(asked)?.split(',').all(|range| range.replace(' ', "").ends_with(";q=0"));
        let sentence = "Could not satisfy the request Accept header.";
        (refuses && asked.status() != 406).then(|| Instead::detail(406, sentence))?
    },
};

pub(super) const NO_WISH: Rule = Rule {
    name: "An empty Accept is no wish",
    when: "An `Accept` header with nothing in it, to which the reference answers 406.",
    instead: "What the request gets without the header.",
    reason: "There is no media type that the client would refuse.",
    source: "RFC 9110 §12.5.1",
    answer: |asked| {
        let empty = accept(asked)?.trim().is_empty() && asked.status() == 406;
        empty.then(|| Instead::SameAs(asked.with_header("Accept", None)))
    },
};

pub(super) const FORMAT_IN_QUERY: Rule = Rule {
    name: "The format is asked for by Accept alone",
    when: "`?format=` in the path, by which the reference chooses a page or answers 404.",
    instead: "What the path gets without it.",
    reason: "One way to ask is enough, and it is the one that HTTP has.",
    source: "RFC 9110 §12.5.1",
    answer: |asked| {
        let (path, query) = asked.request.path.split_once('?')?;
        let (format, other): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| pair.starts_with("format="));
        let path = if other.is_empty() { path.to_owned() } else { format!("{path}?{}", other.join("&")) };
        (!format.is_empty()).then(|| Instead::SameAs(Request { path, ..asked.request.clone() }))
    },
};

fn accept<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    asked.request.header("accept")
}
