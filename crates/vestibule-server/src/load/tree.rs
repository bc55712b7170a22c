//! Written settings as a tree that knows where each leaf came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A line of the configuration file, counted from 1.
    File(String, usize),
    /// A variable of the environment.
    Variable(String),
    /// A file that holds one secret.
    SecretFile(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, line) => write!(f, "{name}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::SecretFile(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// A part of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) source: Source,
}

/// What a part of the tree holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A text, number, truth value or `null`.
    Leaf(Value),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Node {
    /// A part read from JSON that stood in one place.
    pub(crate) fn from_json(value: Value, source: &Source) -> Self {
        let content = match value {
            Value::Array(items) => Content::List(items.into_iter().map(|item| Self::from_json(item, source)).collect()),
            Value::Object(members) => {
                Content::Table(members.into_iter().map(|(name, inner)| (name, Self::from_json(inner, source))).collect())
            }
            leaf => Content::Leaf(leaf),
        };
        Self { content, source: source.clone() }
    }

    /// The part for deserialisation, without its sources.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Leaf(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Table(members) => Value::Object(members.iter().map(|(name, node)| (name.clone(), node.to_json())).collect()),
        }
    }

    /// Lays `over` upon this part: tables are merged, everything else is replaced.
    pub(crate) fn overlay(&mut self, over: Node) {
        match (&mut self.content, over.content) {
            (Content::Table(members), Content::Table(others)) => {
                for (name, other) in others {
                    match members.get_mut(&name) {
                        Some(member) => member.overlay(other),
                        None => drop(members.insert(name, other)),
                    }
                }
            }
            (content, other) => {
                *content = other;
                self.source = over.source;
            }
        }
    }

    /// The source of every leaf by its key.
    pub(crate) fn sources(&self, key: &str, into: &mut BTreeMap<String, Source>) {
        match &self.content {
            Content::Leaf(_) => drop(into.insert(key.to_owned(), self.source.clone())),
            Content::List(items) => {
                into.insert(key.to_owned(), self.source.clone());
                items.iter().enumerate().for_each(|(at, item)| item.sources(&format!("{key}[{at}]"), into));
            }
            Content::Table(members) => members.iter().for_each(|(name, node)| node.sources(&join(key, name), into)),
        }
    }
}

/// The key of a member: `server.listen`, with quotes around a name that has characters of its own.
pub(crate) fn join(key: &str, name: &str) -> String {
    let name = quote(name);
    if key.is_empty() { name } else { format!("{key}.{name}") }
}

/// A name as TOML takes it.
pub(crate) fn quote(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}

/// A line that TOML cannot be read at, and why. The line itself is not repeated: it may hold a secret.
pub(crate) struct SyntaxError {
    pub(crate) source: Source,
    pub(crate) what: String,
}

/// The tree of a TOML text.
///
/// # Errors
/// Every place where the text is not TOML.
pub(crate) fn from_toml(name: &str, text: &str) -> Result<Node, Vec<SyntaxError>> {
    let at = |offset: usize| {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        Source::File(name.to_owned(), before.iter().filter(|b| **b == b'\n').count() + 1)
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node { content: table_content(table.get_ref(), &at), source: at(0) });
    }
    let told = |e: &toml::de::Error| SyntaxError { source: at(e.span().map_or(0, |s| s.start)), what: e.message().to_owned() };
    Err(errors.iter().map(told).collect())
}

fn table_content(table: &DeTable<'_>, at: &dyn Fn(usize) -> Source) -> Content {
    let member = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let node = Node { content: content(value.get_ref(), at), source: at(name.span().start) };
        (<std::borrow::Cow<'_, str> as AsRef<str>>::as_ref(name.get_ref()).to_owned(), node)
    };
    Content::Table(table.iter().map(member).collect())
}

fn content(value: &DeValue<'_>, at: &dyn Fn(usize) -> Source) -> Content {
    match value {
        DeValue::String(text) => Content::Leaf(text.as_ref().into()),
        DeValue::Integer(n) => {
            let exact = i64::from_str_radix(n.as_str(), n.radix()).map(Value::from);
            Content::Leaf(exact.unwrap_or_else(|_| n.to_string().into()))
        }
        DeValue::Float(n) => Content::Leaf(n.as_str().parse::<f64>().map_or(Value::Null, Value::from)),
        DeValue::Boolean(b) => Content::Leaf((*b).into()),
        DeValue::Datetime(moment) => Content::Leaf(moment.to_string().into()),
        DeValue::Array(items) => {
            let node = |item: &Spanned<DeValue<'_>>| Node { content: content(item.get_ref(), at), source: at(item.span().start) };
            Content::List(items.iter().map(node).collect())
        }
        DeValue::Table(table) => table_content(table, at),
    }
}
