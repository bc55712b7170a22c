//! Sentences that are translated.

use super::lexer::{Kind, Token};
use super::tags::assignments;
use super::values::{is_name, literal, quoted, value};
use super::writer::Writer;

/// `{% translate "…" %}`.
pub(super) fn one(writer: &mut Writer<'_>, words: &[&str]) -> Result<(), String> {
    let Some(text) = words.get(1) else { return Err("a text is missing".into()) };
    let (mut stored, mut plain) = (None, false);
    let mut rest = words.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            [] => break,
            ["noop", rest @ ..] => {
                plain = true;
                rest
            }
            // The same text in two contexts is one sentence here.
            ["context", _, rest @ ..] => rest,
            ["as", name, rest @ ..] if is_name(name) => {
                stored = Some(*name);
                rest
            }
            [other, ..] => return Err(format!("`{other}` is not understood here")),
        };
    }
    let said = match literal(text) {
        Some(text) if plain => quoted(&text),
        Some(text) => format!("{}({})", function(writer, &text), quoted(&text)),
        None => {
            let value = value(text, &writer.names)?;
            if value.starts_with('"') { value.replacen('"', "_(\"", 1).replacen("\"|", "\")|", 1) } else { format!("_({value})") }
        }
    };
    match stored {
        Some(name) => {
            writer.code(&format!("set {name} = {said}"));
            writer.names.define(name, name);
        }
        None => writer.value(&said),
    }
    Ok(())
}

/// A sentence with markup in a page is markup itself, as Django has it; only its values are escaped.
fn function(writer: &Writer<'_>, sentence: &str) -> &'static str {
    if writer.escapes() && sentence.contains(['<', '&']) { "_html" } else { "_" }
}

/// What stands beside `blocktranslate`.
#[derive(Default)]
struct Options {
    given: Vec<(String, String)>,
    count: Option<String>,
    trimmed: bool,
    stored: Option<String>,
}

impl Options {
    fn read(words: &[&str], writer: &Writer<'_>) -> Result<Self, String> {
        let is_option = |word: &str| matches!(word, "with" | "count" | "trimmed" | "asvar" | "context");
        let (mut options, mut at) = (Self::default(), 1);
        while let Some(word) = words.get(at) {
            at += 1;
            let after = words.get(at..).unwrap_or_default();
            let length = after.iter().position(|word| is_option(word)).unwrap_or(after.len());
            let own = after.get(..length).unwrap_or_default();
            match (*word, own) {
                ("with", _) => options.given.extend(assignments(own, &writer.names)?),
                ("count", _) => {
                    let given = assignments(own, &writer.names)?;
                    options.count = given.first().map(|(_, value)| value.clone());
                    options.given.extend(given);
                }
                ("trimmed", []) => options.trimmed = true,
                ("asvar", [name]) if is_name(name) => options.stored = Some((*name).to_owned()),
                ("context", [_]) => {}
                _ => return Err(format!("`{word}` is not understood here")),
            }
            at += length;
        }
        Ok(options)
    }
}

/// `{% blocktranslate %}…{% plural %}…{% endblocktranslate %}`.
pub(super) fn block(writer: &mut Writer<'_>, token: &Token<'_>, words: &[&str]) -> Result<(), String> {
    // The inside belongs to this tag, also when something about it cannot be turned.
    let inside = writer.until(if token.name() == "blocktrans" { &["endblocktrans"] } else { &["endblocktranslate"] })?;
    let options = Options::read(words, writer)?;
    let mut values = options.given;
    let mut forms =
        inside.split(|token| token.name() == "plural").map(|form| sentence(form, &mut values, options.trimmed, writer));
    let (one, many) = (forms.next().unwrap_or_else(|| Ok(String::new()))?, forms.next().transpose()?);
    drop(forms);
    let said = match (&options.count, many) {
        (None, None) => format!("{}({}", function(writer, &one), quoted(&one)),
        (Some(count), Some(many)) if function(writer, &one) == "_" && function(writer, &many) == "_" => {
            if !values.iter().any(|(name, _)| name == "count") {
                values.insert(0, ("count".to_owned(), count.clone()));
            }
            format!("_n({}, {}", quoted(&one), quoted(&many))
        }
        (Some(_), Some(_)) => return Err("a sentence with both a number and markup must be written anew".into()),
        _ => return Err("`count` and `plural` belong together".into()),
    };
    let given: String = values.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    match options.stored {
        Some(name) => {
            writer.code(&format!("set {name} = {said}{given})"));
            writer.names.define(&name, &name);
        }
        None => writer.value(&format!("{said}{given})")),
    }
    Ok(())
}

/// The text with a placeholder for each value; adds values that have no name yet.
fn sentence(
    tokens: &[Token<'_>],
    values: &mut Vec<(String, String)>,
    trimmed: bool,
    writer: &Writer<'_>,
) -> Result<String, String> {
    let mut out = String::new();
    for token in tokens {
        match token.kind {
            Kind::Text => out.push_str(token.inner),
            Kind::Comment => {}
            Kind::Variable => {
                let name: String = token.inner.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let given = is_name(token.inner) && values.iter().any(|(given, _)| *given == name);
                if !given && !values.iter().any(|(known, _)| *known == name) {
                    let value = value(token.inner, &writer.names).map_err(|what| format!("{what} (line {})", token.line))?;
                    let name = if is_name(&name) { name.clone() } else { format!("_{name}") };
                    values.push((name, value));
                }
                out.extend(["{", &name, "}"]);
            }
            Kind::Tag => return Err(format!("`{}` cannot stand inside a sentence (line {})", token.inner, token.line)),
        }
    }
    let lines = || out.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(if trimmed { lines() } else { out })
}
