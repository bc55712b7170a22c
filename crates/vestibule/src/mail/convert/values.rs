//! Values, filters and conditions of Django templates in our words.

use std::collections::BTreeMap;

use crate::mail::templates::NAMES;

/// The names that a template defines for itself, each with what it stands for here.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<BTreeMap<String, String>>);

impl Names {
    /// Names from here on that end with [`Names::leave`].
    pub(super) fn enter(&mut self) {
        self.0.push(BTreeMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// `name` stands for `meaning` until its scope is left.
    pub(super) fn define(&mut self, name: &str, meaning: &str) {
        if self.0.is_empty() {
            self.enter();
        }
        self.0.last_mut().into_iter().for_each(|scope| drop(scope.insert(name.to_owned(), meaning.to_owned())));
    }

    fn meaning(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find_map(|scope| scope.get(name)).map(String::as_str)
    }
}

/// What the reference's mails call by another name.
const RENAMED: [(&str, &str); 21] = [
    ("site_name", "site.name"),
    ("current_site.name", "site.name"),
    ("current_site.domain", "site.domain"),
    ("current_site", "site.domain"),
    ("site_domain", "site.domain"),
    ("domain", "site.domain"),
    ("protocol", "site.scheme"),
    ("activate_url", "link"),
    ("password_reset_url", "link"),
    ("reset_url", "link"),
    ("user_display", "display_name"),
    ("username", "user.username"),
    ("user.get_username", "user.username"),
    ("user.get_short_name", "user.first_name"),
    ("user.get_full_name", "(user.first_name ~ \" \" ~ user.last_name)|trim"),
    ("LANGUAGE_CODE", "language"),
    ("block.super", "super()"),
    ("True", "true"),
    ("False", "false"),
    ("None", "none"),
    ("user", "display_name"),
];

const LOOP: [(&str, &str); 6] = [
    ("counter", "loop.index"),
    ("counter0", "loop.index0"),
    ("revcounter", "loop.revindex"),
    ("revcounter0", "loop.revindex0"),
    ("first", "loop.first"),
    ("last", "loop.last"),
];

/// The value of an expression: a variable or a text, and filters after it.
///
/// # Errors
/// What has no counterpart, in words.
pub(super) fn value(text: &str, names: &Names) -> Result<String, String> {
    let mut reader = Reader { rest: text.trim(), names };
    let mut out = reader.operand()?;
    while reader.take("|") {
        out.push('|');
        out.push_str(&reader.filter()?);
    }
    if reader.rest.is_empty() { Ok(out) } else { Err(format!("`{text}` is not a value")) }
}

/// The filters of `{% filter … %}`.
pub(super) fn filters(text: &str, names: &Names) -> Result<String, String> {
    value(&format!("0|{text}"), names).map(|value| value.trim_start_matches("0|").to_owned())
}

/// A text in quotation marks, if that is all there is.
pub(super) fn literal(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text.trim(), names: &Names::default() };
    reader.literal().filter(|_| reader.rest.is_empty())
}

/// A text as it is written in our templates.
pub(super) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}

/// The condition of an `if`.
///
/// # Errors
/// What has no counterpart, in words.
pub(super) fn condition(words: &[&str], names: &Names) -> Result<String, String> {
    let mut out: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let operator = matches!(*word, "and" | "or" | "not" | "in" | "is" | "==" | "!=" | "<" | ">" | "<=" | ">=");
        let tested = at > 0 && (words[at - 1] == "is" || (at > 1 && words[at - 1] == "not" && words[at - 2] == "is"));
        let said = if operator { (*word).to_owned() } else { value(word, names)? };
        if tested && !operator && !matches!(said.as_str(), "none" | "true" | "false") {
            return Err(format!("`is {word}` compares what a mail cannot; write `== {word}`"));
        }
        out.push(said);
    }
    if out.is_empty() { Err("a condition is missing".into()) } else { Ok(out.join(" ")) }
}

/// Whether a template may call something by that name.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Reader<'a> {
    rest: &'a str,
    names: &'a Names,
}

impl<'a> Reader<'a> {
    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign).map(str::trim_start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn literal(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let mut characters = self.rest.get(1..)?.chars();
        let mut out = String::new();
        loop {
            match characters.next()? {
                end if end == quote => break,
                '\\' => match characters.next()? {
                    plain @ ('"' | '\'' | '\\') => out.push(plain),
                    other => out.extend(['\\', other]),
                },
                other => out.push(other),
            }
        }
        self.rest = characters.as_str();
        Some(out)
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn operand(&mut self) -> Result<String, String> {
        if let Some(text) = self.literal() {
            return Ok(quoted(&text));
        }
        if self.rest.starts_with("_(") && self.take("_(") {
            let text = self.literal().filter(|_| self.take(")"));
            return text.map(|text| format!("_({})", quoted(&text))).ok_or_else(|| "`_(…)` holds no text".into());
        }
        let word = self.word();
        let number = !word.is_empty() && word.strip_prefix('-').unwrap_or(word).split('.').all(is_digits);
        if number { Ok(word.to_owned()) } else { variable(word, self.names) }
    }

    fn filter(&mut self) -> Result<String, String> {
        let name = self.word();
        let argument = if self.take(":") { Some(self.operand()?) } else { None };
        filter(name, argument.as_deref()).ok_or_else(|| {
            let with = argument.map_or_else(String::new, |argument| format!(":{argument}"));
            format!("the filter `{name}{with}` has no counterpart")
        })
    }
}

fn filter(name: &str, argument: Option<&str>) -> Option<String> {
    Some(match (name, argument) {
        ("lower" | "upper" | "title" | "capfirst" | "length" | "first" | "last" | "safe" | "escape", None) => name.to_owned(),
        ("urlencode" | "linebreaksbr" | "pluralize" | "yesno", None) => name.to_owned(),
        ("force_escape", None) => "escape".to_owned(),
        ("default", Some(other)) => format!("default({other}, true)"),
        ("default_if_none", Some(other)) => format!("default({other})"),
        ("cut", Some(part)) => format!("replace({part}, \"\")"),
        ("join" | "pluralize" | "truncatechars" | "yesno", Some(argument)) => format!("{name}({argument})"),
        _ => return None,
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn variable(path: &str, names: &Names) -> Result<String, String> {
    let (root, rest) = path.split_once('.').map_or((path, None), |(root, rest)| (root, Some(rest)));
    if let Some(meaning) = names.meaning(root) {
        return members(meaning, rest, path);
    }
    if let Some((_, ours)) = RENAMED.iter().find(|(theirs, _)| *theirs == path) {
        return Ok((*ours).to_owned());
    }
    match (root, rest) {
        ("forloop", Some(what)) => {
            let found = LOOP.iter().find(|(theirs, _)| *theirs == what);
            found.map(|(_, ours)| (*ours).to_owned()).ok_or_else(|| format!("`{path}` has no counterpart"))
        }
        ("user", Some("id" | "pk")) => Err(format!("`{path}` is not told to mails; `uid` is in a reset mail")),
        ("request", _) => Err(format!("`{path}`: mails are made without a request; use `site` or `public_url`")),
        _ if NAMES.contains(&root) => members(root, rest, path),
        _ => Err(format!("a mail has no value `{path}`; a text of your own can stand in templates.vars and be `vars.<name>`")),
    }
}

/// `a.b.0` below what `a` stands for.
fn members(root: &str, rest: Option<&str>, path: &str) -> Result<String, String> {
    let mut out = root.to_owned();
    for member in rest.into_iter().flat_map(|rest| rest.split('.')) {
        if is_digits(member) {
            out.push_str(&format!("[{member}]"));
        } else if member == "items" {
            out.push_str("|items");
        } else if is_name(member) {
            out.extend([".", member]);
        } else {
            return Err(format!("`{path}` is not a value"));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &str) -> Result<String, String> {
        let mut names = Names::default();
        names.define("item", "item");
        names.define("who", "display_name");
        value(text, &names)
    }

    #[test]
    fn values_are_called_by_our_names() {
        for (theirs, expected) in [
            ("site_name", "site.name"),
            ("user.get_username", "user.username"),
            ("user.phone_number", "user.phone_number"),
            ("activate_url", "link"),
            ("who", "display_name"),
            ("item.0.items", "item[0]|items"),
            ("forloop.counter", "loop.index"),
            ("\"it's\"", "\"it's\""),
            ("'a \\'b\\' \"c\"'", "\"a 'b' \\\"c\\\"\""),
            ("_(\"Hi\")|upper", "_(\"Hi\")|upper"),
            ("-1.5", "-1.5"),
            ("user.first_name|default:\"you\"|capfirst", "user.first_name|default(\"you\", true)|capfirst"),
            ("email|cut:'@'|truncatechars:5", "email|replace(\"@\", \"\")|truncatechars(5)"),
            ("vars.x", "vars.x"),
        ] {
            assert_eq!(ours(theirs).as_deref(), Ok(expected), "{theirs}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        for theirs in [
            "request.path",
            "user.pk",
            "nothing",
            "email|date:\"Y\"",
            "email|wordwrap",
            "forloop.parentloop",
            "a b",
            "",
            "\"open",
            "item.a-b",
        ] {
            assert!(ours(theirs).is_err(), "{theirs}");
        }
    }

    #[test]
    fn conditions_keep_their_operators() {
        let ours = |words: &[&str]| condition(words, &Names::default());
        assert_eq!(
            ours(&["not", "user.first_name", "and", "code", "==", "'x'"]).unwrap(),
            "not user.first_name and code == \"x\""
        );
        assert_eq!(ours(&["code", "is", "not", "None"]).unwrap(), "code is not none");
        assert!(ours(&["code", "is", "email"]).is_err());
        assert!(ours(&[]).is_err());
    }
}
