//! The template engine with what templates here can say beside the usual: sentences in the reader's language, filters that Django
//! has, and the host's own functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, Serde};
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::ground::Language;
use crate::ground::language::fill;

use super::problem::Problem;
use super::sources::Sources;

type Function = Arc<dyn Fn(&[serde_json::Value]) -> serde_json::Value + Send + Sync>;

/// Functions of the host that templates can call by name: `{{ price("basic") }}`.
#[derive(Clone, Default)]
pub struct Functions(BTreeMap<String, Function>);

impl Functions {
    /// Adds a function; the later of two with one name wins.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        function: impl Fn(&[serde_json::Value]) -> serde_json::Value + Send + Sync + 'static,
    ) {
        self.0.insert(name.into(), Arc::new(function));
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// An engine with all templates; what cannot be read is told, all of it.
pub(super) fn engine(sources: &Sources, functions: &Functions) -> Result<Environment<'static>, Vec<Problem>> {
    let mut engine = empty(functions);
    let mut problems = Vec::new();
    for (name, source) in sources.iter() {
        if let Err(error) = engine.add_template_owned(name.to_owned(), source.text.clone().into_owned()) {
            problems.push(Problem::of_error(sources, name, &error));
        }
    }
    if problems.is_empty() { Ok(engine) } else { Err(problems) }
}

/// An engine that reads each template when a mail needs it, so that a mistake keeps back no mail but those that it is in.
pub(super) fn lazy(sources: &Sources, functions: &Functions) -> Environment<'static> {
    let mut engine = empty(functions);
    let sources = sources.clone();
    engine.set_loader(move |name| Ok(sources.get(name).map(|source| source.text.clone().into_owned())));
    engine
}

/// An engine without templates.
pub(crate) fn empty(functions: &Functions) -> Environment<'static> {
    let mut engine = Environment::new();
    // A name that does not exist is a mistake, but may be asked for: `{% if user.nickname %}`.
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_auto_escape_callback(|name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None });
    engine.set_formatter(write);
    engine.add_filter("capfirst", capfirst);
    engine.add_filter("linebreaksbr", linebreaksbr);
    engine.add_filter("pluralize", pluralize);
    engine.add_filter("truncatechars", truncatechars);
    engine.add_filter("urlencode", urlencode);
    engine.add_filter("yesno", yesno);
    for (name, function) in functions.0.clone() {
        engine.add_function(name, move |arguments: Rest<Value>| {
            let arguments: Vec<serde_json::Value> =
                arguments.iter().map(|value| serde_json::to_value(value).unwrap_or_default()).collect();
            Value::from(Serde(function(&arguments)))
        });
    }
    engine
}

/// The functions that say a sentence in that language: `_` escapes like any value, `_html` takes the sentence for HTML and escapes
/// only the values, `_n` chooses by `count`.
pub(crate) fn sentences(language: &Language) -> [(&'static str, Value); 3] {
    let (plain, counted, html) = (language.clone(), language.clone(), language.clone());
    let say_plain = move |sentence: &str, values: Kwargs| Ok::<_, Error>(say(&plain, sentence, &texts(&values, false)?));
    let say_count = move |one: &str, many: &str, values: Kwargs| {
        let count: u64 = values.get("count")?;
        let texts = texts(&values, false)?;
        Ok::<_, Error>(counted.say_count(one, many, count, &borrowed(&texts)))
    };
    let say_html = move |sentence: &str, values: Kwargs| {
        Ok::<_, Error>(Value::from_safe_string(say(&html, sentence, &texts(&values, true)?)))
    };
    [("_", Value::from_function(say_plain)), ("_n", Value::from_function(say_count)), ("_html", Value::from_function(say_html))]
}

fn say(language: &Language, sentence: &str, values: &[(String, String)]) -> String {
    fill(language.find(sentence, None).unwrap_or(sentence), &borrowed(values))
}

fn borrowed(values: &[(String, String)]) -> Vec<(&str, &str)> {
    values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn texts(values: &Kwargs, for_html: bool) -> Result<Vec<(String, String)>, Error> {
    let text = |name: &str| {
        let value: Value = values.get(name)?;
        if value.is_undefined() {
            return Err(Error::new(minijinja::ErrorKind::UndefinedError, format!("`{name}` has no value")));
        }
        let text = value.to_string();
        Ok((name.to_owned(), if for_html && !value.is_safe() { escape(&text) } else { text }))
    };
    values.args().map(text).collect()
}

/// Escapes what must be escaped in HTML and no more: a link stays readable in the source.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let is_text = value.as_str().is_some() && !value.is_safe();
    match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if is_text => out.write_str(&escape(text)).map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn capfirst(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn linebreaksbr(state: &State, text: &Value) -> Value {
    let html = matches!(state.auto_escape(), AutoEscape::Html) && !text.is_safe();
    let text = if html { escape(&text.to_string()) } else { text.to_string() };
    Value::from_safe_string(text.replace("\r\n", "\n").replace('\n', "<br>"))
}

fn pluralize(value: &Value, endings: Option<&str>) -> String {
    let (one, many) = endings.unwrap_or("s").split_once(',').unwrap_or(("", endings.unwrap_or("s")));
    let count = value.as_i64().or_else(|| value.len().and_then(|length| i64::try_from(length).ok()));
    if count == Some(1) { one.to_owned() } else { many.to_owned() }
}

fn truncatechars(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// As in a path: a slash stays.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

fn urlencode(text: &str) -> String {
    utf8_percent_encode(text, &KEPT).to_string()
}

fn yesno(value: &Value, words: Option<&str>) -> String {
    let mut words = words.unwrap_or("yes,no").split(',');
    let (yes, no) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let neither = words.next().unwrap_or(no);
    let word = if value.is_none() {
        neither
    } else if value.is_true() {
        yes
    } else {
        no
    };
    word.to_owned()
}
