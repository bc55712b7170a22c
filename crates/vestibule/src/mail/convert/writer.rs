//! Writes our template while it reads Django's.

use std::collections::BTreeSet;

use super::lexer::{Kind, Token, words};
use super::values::{self, Names};
use super::{ConvertProblem, sentences, tags};

/// What a written piece says, as far as links are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Scheme,
    Domain,
    Other,
}

enum Piece {
    Text(String),
    Code(String, Says),
}

/// A tag that waits for its end.
struct Open {
    /// What ends it.
    end: &'static str,
    /// What is written there.
    written: &'static str,
    line: usize,
}

pub(super) struct Writer<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    pieces: Vec<Piece>,
    open: Vec<Open>,
    escapes: Vec<bool>,
    pub(super) names: Names,
    pub(super) vars: BTreeSet<String>,
    problems: Vec<ConvertProblem>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(tokens: &'a [Token<'a>], html: bool) -> Self {
        Self {
            tokens,
            at: 0,
            pieces: Vec::new(),
            open: Vec::new(),
            escapes: vec![html],
            names: Names::default(),
            vars: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Writes everything; gives the text, the settings it reads, and what could not be turned.
    pub(super) fn write(mut self) -> (String, BTreeSet<String>, Vec<ConvertProblem>) {
        while let Some(token) = self.next() {
            let done = match token.kind {
                Kind::Text => {
                    self.text(token.inner);
                    Ok(())
                }
                Kind::Comment => Ok(()),
                Kind::Variable => values::value(token.inner, &self.names).map(|value| self.value(&value)),
                Kind::Tag => self.tag(&token),
            };
            if let Err(what) = done {
                self.problems.push(ConvertProblem { line: token.line, what });
            }
        }
        let unclosed =
            self.open.iter().map(|open| ConvertProblem { line: open.line, what: format!("`{}` is missing", open.end) });
        self.problems.extend(unclosed);
        let text = self.pieces.into_iter().map(|(Piece::Text(text) | Piece::Code(text, _))| text).collect();
        (text, self.vars, self.problems)
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    /// Whether values are escaped here.
    pub(super) fn escapes(&self) -> bool {
        self.escapes.last().copied().unwrap_or_default()
    }

    pub(super) fn text(&mut self, text: &str) {
        if let Some(Piece::Text(before)) = self.pieces.last_mut() {
            before.push_str(text);
        } else {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
    }

    /// Writes a tag of ours.
    pub(super) fn code(&mut self, inner: &str) {
        self.pieces.push(Piece::Code(format!("{{% {inner} %}}"), Says::Other));
    }

    /// Writes a value of ours.
    pub(super) fn value(&mut self, value: &str) {
        let says = match value {
            "site.scheme" => Says::Scheme,
            "site.domain" => Says::Domain,
            _ => Says::Other,
        };
        if value == "link" {
            self.take_host_back();
        }
        self.pieces.push(Piece::Code(format!("{{{{ {value} }}}}"), says));
    }

    /// Our links are whole: what was written of scheme and host before one goes.
    fn take_host_back(&mut self) {
        let had_domain = matches!(self.pieces.last(), Some(Piece::Code(_, Says::Domain)));
        let domain = if had_domain { self.pieces.pop() } else { None };
        let Some(Piece::Text(text)) = self.pieces.last_mut() else {
            self.pieces.extend(domain);
            return;
        };
        let begin = text.rfind("://").filter(|at| {
            let host = text.get(at + 3..).unwrap_or_default();
            let plain = !host.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\''));
            plain && host.is_empty() == had_domain
        });
        let Some(begin) = begin else {
            self.pieces.extend(domain);
            return;
        };
        let written =
            ["https", "http"].into_iter().find(|scheme| text.get(..begin).is_some_and(|before| before.ends_with(scheme)));
        text.truncate(begin - written.map_or(0, str::len));
        if text.is_empty() {
            self.pieces.pop();
        }
        if written.is_none() && matches!(self.pieces.last(), Some(Piece::Code(_, Says::Scheme))) {
            self.pieces.pop();
        }
    }

    /// Opens a tag with a scope of names.
    pub(super) fn open(&mut self, end: &'static str, written: &'static str, line: usize) {
        self.names.enter();
        self.escapes.push(self.escapes());
        self.open.push(Open { end, written, line });
    }

    /// From here to the end of the tag just opened, values are escaped or not.
    pub(super) fn escape(&mut self, on: bool) {
        self.escapes.last_mut().into_iter().for_each(|escapes| *escapes = on);
    }

    /// Whether the innermost open tag ends so.
    pub(super) fn is_in(&self, end: &str) -> bool {
        self.open.last().is_some_and(|open| open.end == end)
    }

    fn tag(&mut self, token: &Token<'a>) -> Result<(), String> {
        let name = token.name();
        if let Some(ending) = name.strip_prefix("end") {
            let Some(open) = self.open.pop_if(|open| open.end == name) else {
                return Err(format!("nothing of `{ending}` is open here"));
            };
            self.names.leave();
            self.escapes.pop();
            if !open.written.is_empty() {
                self.code(open.written);
            }
            return Ok(());
        }
        let words = words(token.inner);
        match name {
            "trans" | "translate" => sentences::one(self, &words),
            "blocktrans" | "blocktranslate" => sentences::block(self, token, &words),
            _ => tags::tag(self, token, &words),
        }
    }

    /// Gives the tokens up to the tag that ends this one, and passes it.
    pub(super) fn until(&mut self, ends: &[&str]) -> Result<&'a [Token<'a>], String> {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let end =
            rest.iter().position(|token| ends.contains(&token.name())).ok_or_else(|| format!("`{}` is missing", ends[0]))?;
        self.at += end + 1;
        Ok(rest.get(..end).unwrap_or_default())
    }
}
