//! Variables of the environment: `VESTIBULE__SECTION__KEY`, two underscores between levels, in any case.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Problem;
use super::shape::Shape;
use super::tree::{Content, Node, Source};

const PREFIX: &str = "vestibule__";

/// The tree that the variables describe. Variables without the prefix are not ours.
pub(crate) fn read(variables: impl Iterator<Item = (String, String)>, schema: Shape<'_>, problems: &mut Vec<Problem>) -> Node {
    let source = Source::Variable("the environment".into());
    let mut root = Node { content: Content::Table(BTreeMap::new()), source };
    let mut ours: Vec<_> = variables.filter_map(|(name, text)| Some((segments(&name)?, name, text))).collect();
    // A whole section goes before its members, so that the more exact variable wins.
    ours.sort_by(|a, b| (a.0.len(), &a.0, &a.1).cmp(&(b.0.len(), &b.0, &b.1)));
    let mut before: Option<(Vec<String>, String)> = None;
    for (path, name, text) in ours {
        let source = Source::Variable(name.clone());
        let mut tell = |what: String, remedy: &str| {
            problems.push(Problem { key: path.join("."), source: Some(source.clone()), what, remedy: remedy.into() });
        };
        if let Some((_, twin)) = before.as_ref().filter(|(twin, _)| *twin == path) {
            tell(format!("is set a second time, by {twin} too"), "Keep one of the two variables.");
        } else {
            match content(&text, find(schema, &path), &source) {
                Ok(content) => root.overlay(wrap(&path, Node { content, source: source.clone() })),
                Err((what, remedy)) => tell(what, remedy),
            }
        }
        before = Some((path, name));
    }
    root
}

fn segments(name: &str) -> Option<Vec<String>> {
    let lower = name.to_ascii_lowercase();
    let rest = lower.strip_prefix(PREFIX)?;
    Some(rest.split("__").map(str::to_owned).collect())
}

fn find<'a>(schema: Shape<'a>, path: &[String]) -> Option<Shape<'a>> {
    path.iter().try_fold(schema, |shape, name| shape.member(name).or_else(|| shape.values()))
}

fn wrap(path: &[String], node: Node) -> Node {
    let source = node.source.clone();
    path.iter().rev().fold(node, |inner, name| Node {
        content: Content::Table(BTreeMap::from([(name.clone(), inner)])),
        source: source.clone(),
    })
}

/// What a text means in its place; a place that does not exist is told by the walk.
fn content(text: &str, shape: Option<Shape<'_>>, source: &Source) -> Result<Content, (String, &'static str)> {
    let Some(shape) = shape else { return Ok(Content::Leaf(text.into())) };
    if text.is_empty() && shape.takes("null") {
        return Ok(Content::Leaf(Value::Null));
    }
    let json = |remedy| match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(Node::from_json(value, source).content),
        // Only the place: the reader's own words could repeat a part of a secret.
        Err(e) => Err((format!("is not JSON at column {}", e.column()), remedy)),
    };
    if shape.is_table() {
        return json("Write a JSON object, or one variable for each member.");
    }
    let Some(items) = shape.items() else { return Ok(Content::Leaf(scalar(text, shape))) };
    if text.trim_start().starts_with('[') {
        return json("Write a JSON list.");
    }
    if items.takes("object") {
        return Err(("is not JSON".into(), "Write a JSON list of objects."));
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    Ok(Content::List(parts.map(|part| Node { content: Content::Leaf(scalar(part, items)), source: source.clone() }).collect()))
}

/// A text as the type that its place takes; what does not fit stays text, and the walk tells it.
fn scalar(text: &str, shape: Shape<'_>) -> Value {
    if shape.takes("boolean") {
        return text.parse::<bool>().map_or_else(|_| text.into(), Value::from);
    }
    if shape.takes("integer") {
        return text.parse::<i64>().map_or_else(|_| text.into(), Value::from);
    }
    text.into()
}
