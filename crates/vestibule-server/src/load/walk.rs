//! Compares the tree with the schema: every unknown key and every bad leaf is found, and taken out.

use serde_json::Value;
use vestibule::settings::check_format;

use super::Problem;
use super::shape::Shape;
use super::tree::{Content, Node, Source, join};

/// One comparison.
pub(crate) struct Walk {
    known: Vec<String>,
    pub(crate) problems: Vec<Problem>,
}

impl Walk {
    /// A comparison with this schema.
    pub(crate) fn new(schema: Shape<'_>) -> Self {
        let mut known = Vec::new();
        collect_keys(schema, "", &mut known);
        Self { known, problems: Vec::new() }
    }

    fn add(&mut self, key: &str, source: &Source, what: impl Into<String>, remedy: impl Into<String>) {
        let (what, remedy) = (what.into(), remedy.into());
        self.problems.push(Problem { key: key.into(), source: Some(source.clone()), what, remedy });
    }

    /// What is left of the node when everything that does not fit is taken out; nothing if it does not fit itself.
    pub(crate) fn node(&mut self, key: &str, node: Node, shape: Shape<'_>) -> Option<Node> {
        let Node { content, source } = node;
        let content = match content {
            Content::Table(members) if shape.takes("object") => {
                let mut kept = std::collections::BTreeMap::new();
                for (name, member) in members {
                    if let Some(member) = self.member(&join(key, &name), &name, member, shape) {
                        kept.insert(name, member);
                    }
                }
                let missing: Vec<_> = shape.required().filter(|name| !kept.contains_key(*name)).collect();
                for name in &missing {
                    let member = join(key, name);
                    // What was there and did not fit is told already.
                    if !self.problems.iter().any(|p| p.key == member) {
                        self.add(&member, &source, "is missing", "Write it.");
                    }
                }
                missing.is_empty().then_some(Content::Table(kept))
            }
            Content::List(items) if shape.takes("array") => {
                let of = shape.items()?;
                let count = items.len();
                let walked = items.into_iter().enumerate().map(|(at, item)| self.node(&format!("{key}[{at}]"), item, of));
                let kept: Vec<_> = walked.collect::<Vec<_>>().into_iter().flatten().collect();
                (kept.len() == count).then_some(Content::List(kept))
            }
            Content::Leaf(value) => match leaf(&value, shape) {
                Ok(()) => Some(Content::Leaf(value)),
                Err((what, remedy)) => {
                    self.add(key, &source, what, remedy);
                    None
                }
            },
            Content::Table(_) => {
                self.add(key, &source, "is a table", expected(shape));
                None
            }
            Content::List(_) => {
                self.add(key, &source, "is a list", expected(shape));
                None
            }
        };
        content.map(|content| Node { content, source })
    }

    fn member(&mut self, key: &str, name: &str, node: Node, shape: Shape<'_>) -> Option<Node> {
        if let Some(inner) = shape.member(name).or_else(|| shape.values()) {
            return self.node(key, node, inner);
        }
        let remedy = match self.nearest(key, shape) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Remove it; `vestibule config example` shows every setting.".into(),
        };
        self.add(key, &node.source, "is not a setting", remedy);
        None
    }

    /// The key that was probably meant: a neighbour that is written alike, or the same name in another section.
    fn nearest(&self, key: &str, shape: Shape<'_>) -> Option<String> {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let bare = |text: &str| text.to_lowercase().replace('-', "_");
        let near = shape.members()?.keys().map(|known| (distance(&bare(name), &bare(known)), known));
        let best = near.min_by_key(|(d, _)| *d).filter(|(d, known)| *d <= known.len().min(name.len()) / 3);
        let elsewhere = || {
            let mut same = self.known.iter().filter(|known| known.rsplit('.').next() == Some(name));
            same.next().filter(|_| same.next().is_none()).cloned()
        };
        best.map(|(_, known)| join_raw(section, known)).or_else(elsewhere)
    }
}

fn join_raw(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn collect_keys(shape: Shape<'_>, key: &str, into: &mut Vec<String>) {
    for (name, inner) in shape.members().into_iter().flatten() {
        let inner_key = join(key, name);
        collect_keys(Shape(inner), &inner_key, into);
        into.push(inner_key);
    }
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Whether one value fits its place; else what is wrong and what would be right. Secrets are never repeated.
fn leaf(value: &Value, shape: Shape<'_>) -> Result<(), (String, String)> {
    let wrong = |what: String| Err((what, expected(shape)));
    match value {
        Value::Null if shape.takes("null") => Ok(()),
        Value::Bool(_) if shape.takes("boolean") => Ok(()),
        Value::Number(n) if shape.takes("integer") => {
            let (least, most) = shape.range();
            match n.as_i64() {
                Some(n) if (least..=most).contains(&n) => Ok(()),
                _ if shape.is_secret() => wrong("is out of range".into()),
                _ => wrong(format!("is {n}")),
            }
        }
        Value::String(text) if shape.takes("string") => {
            let words = shape.words();
            if !words.is_empty() && words.iter().all(|(word, _)| word != text) {
                return wrong(format!("is {text:?}"));
            }
            check_format(shape.format(), text).map_err(|e| (format!("{}: {text:?}", e.what), e.remedy.to_owned()))
        }
        _ if shape.is_secret() => wrong("is not text".into()),
        other => wrong(format!("is {other}")),
    }
}

/// What may stand in a place, as an instruction.
fn expected(shape: Shape<'_>) -> String {
    let words: Vec<_> = shape.words().into_iter().map(|(word, _)| format!("{word:?}")).collect();
    let number = || match shape.range() {
        (i64::MIN, i64::MAX) => "a whole number".to_owned(),
        (least, i64::MAX) => format!("a whole number from {least}"),
        (least, most) => format!("a whole number from {least} to {most}"),
    };
    if let Some((last, others)) = words.split_last() {
        return if others.is_empty() { format!("Write {last}.") } else { format!("Write {} or {last}.", others.join(", ")) };
    }
    if shape.takes("boolean") {
        "Write true or false, without quotes.".into()
    } else if shape.takes("integer") && shape.takes("string") {
        check_format(shape.format(), "?").err().map_or_else(String::new, |e| e.remedy.to_owned())
    } else if shape.takes("integer") {
        format!("Write {}, without quotes.", number())
    } else if shape.takes("array") {
        "Write a list, as in [\"a\", \"b\"].".into()
    } else if shape.is_table() {
        "Make it a table with members of its own.".into()
    } else if shape.takes("object") {
        "Write text in quotes, or a table.".into()
    } else {
        "Write text in quotes.".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_letters() {
        for (a, b, d) in [("", "abc", 3), ("pasword", "password", 1), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }
}
