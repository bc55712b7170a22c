//! Secrets that stand in files of their own.

use std::path::PathBuf;

use serde_json::Value;
use vestibule::settings::read_secret_file;

use super::Problem;
use super::shape::Shape;
use super::tree::{Content, Node, Source, join};

/// Reads every `…_file` into the setting that it stands for; one that stands for none is only looked at (T40).
pub(crate) fn read(node: &mut Node, key: &str, shape: Shape<'_>, problems: &mut Vec<Problem>) {
    let Content::Table(members) = &mut node.content else { return };
    let mut secrets = Vec::new();
    for (name, member) in members.iter_mut() {
        let member_key = join(key, name);
        let Some(inner) = shape.member(name).or_else(|| shape.values()) else { continue };
        let path = name.strip_suffix("_file").zip(text(member)).filter(|_| shape.member(name).is_some());
        let Some((stem, path)) = path else {
            read(member, &member_key, inner, problems);
            continue;
        };
        let path = PathBuf::from(path);
        match read_secret_file(&path) {
            Ok(secret) if shape.member(stem).is_some_and(Shape::is_secret) => {
                secrets.push((stem.to_owned(), secret, path, member.source.clone()));
            }
            Ok(_) => {}
            Err(e) => {
                let source = Some(member.source.clone());
                problems.push(Problem { key: member_key, source, what: e.what, remedy: e.remedy.into() });
            }
        }
    }
    for (name, secret, path, source) in secrets {
        if members.get(&name).is_some_and(|other| !matches!(other.content, Content::Leaf(Value::Null))) {
            let file_key = join(key, &format!("{name}_file"));
            let what = format!("is set besides {}", join(key, &name));
            problems.push(Problem { key: file_key, source: Some(source), what, remedy: "Keep one of the two.".into() });
            continue;
        }
        let content = Content::Leaf(secret.expose().into());
        members.insert(name, Node { content, source: Source::SecretFile(path) });
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Leaf(Value::String(text)) => Some(text),
        _ => None,
    }
}
