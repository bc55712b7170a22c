//! The tags that mail templates use, one by one.

use super::lexer::Token;
use super::values::{self, Names, is_name, literal, value};
use super::writer::Writer;

/// The pages that a mail's link leads to, by the names that the reference and Django give them.
const LINKED: [&str; 4] =
    ["password_reset_confirm", "rest_password_reset_confirm", "account_confirm_email", "account_reset_password_from_key"];

pub(super) fn tag(writer: &mut Writer<'_>, token: &Token<'_>, words: &[&str]) -> Result<(), String> {
    let arguments = words.get(1..).unwrap_or_default();
    match (words.first().copied().unwrap_or_default(), arguments) {
        ("load", _) => {}
        ("comment", _) => drop(writer.until(&["endcomment"])?),
        ("verbatim", _) => {
            let inner: String = writer.until(&["endverbatim"])?.iter().map(|token| token.whole).collect();
            writer.text(&format!("{{% raw %}}{inner}{{% endraw %}}"));
        }
        ("extends", [parent]) => {
            let parent = value(parent, &writer.names)?;
            writer.code(&format!("extends {parent}"));
        }
        ("include", [template, rest @ ..]) => include(writer, template, rest)?,
        ("block", [name]) if is_name(name) => {
            writer.code(&format!("block {name}"));
            writer.open("endblock", "endblock", token.line);
        }
        ("if" | "elif", condition) => {
            let said = values::condition(condition, &writer.names)?;
            writer.code(&format!("{} {said}", words[0]));
            if words[0] == "if" {
                writer.open("endif", "endif", token.line);
            }
        }
        ("else", []) => writer.code("else"),
        ("empty", []) if writer.is_in("endfor") => writer.code("else"),
        ("for", _) => each(writer, token, arguments)?,
        ("with", _) => with(writer, token, arguments)?,
        ("autoescape", [on @ ("on" | "off")]) => {
            writer.code(if *on == "on" { "autoescape true" } else { "autoescape false" });
            writer.open("endautoescape", "endautoescape", token.line);
            writer.escape(*on == "on");
        }
        ("spaceless", []) => writer.open("endspaceless", "", token.line),
        ("filter", [chain]) => {
            let chain = values::filters(chain, &writer.names)?;
            writer.code(&format!("filter {chain}"));
            writer.open("endfilter", "endfilter", token.line);
        }
        ("firstof", [_, ..]) => {
            let said = arguments.iter().map(|argument| value(argument, &writer.names)).collect::<Result<Vec<_>, _>>()?;
            writer.value(&said.join(" or "));
        }
        ("user_display", [_]) => writer.value("display_name"),
        ("user_display", [_, "as", name]) if is_name(name) => writer.names.define(name, "display_name"),
        ("get_current_language", ["as", name]) if is_name(name) => writer.names.define(name, "language"),
        ("url", [page, rest @ ..]) => url(writer, page, rest)?,
        (name, arguments) => return setting(writer, name, arguments),
    }
    Ok(())
}

fn include(writer: &mut Writer<'_>, template: &str, rest: &[&str]) -> Result<(), String> {
    let template = value(template, &writer.names)?;
    let given = match rest.strip_suffix(&["only"]).unwrap_or(rest) {
        [] => Vec::new(),
        ["with", given @ ..] => assignments(given, &writer.names)?,
        _ => return Err("only `with` may follow what is included".into()),
    };
    let given: Vec<String> = given.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if given.is_empty() {
        writer.code(&format!("include {template}"));
    } else {
        writer.code(&format!("with {}", given.join(", ")));
        writer.code(&format!("include {template}"));
        writer.code("endwith");
    }
    Ok(())
}

/// `a=b c=d`, or `b as a and d as c`.
pub(super) fn assignments(words: &[&str], names: &Names) -> Result<Vec<(String, String)>, String> {
    let mut out = Vec::new();
    let mut words = words.iter().copied().filter(|word| *word != "and").peekable();
    while let Some(word) = words.next() {
        let (name, given) = match word.split_once('=').filter(|(name, _)| is_name(name)) {
            Some(pair) => pair,
            None if words.next_if_eq(&"as").is_some() => (words.next().unwrap_or_default(), word),
            None => return Err(format!("`{word}` gives nothing a name")),
        };
        if !is_name(name) {
            return Err(format!("`{name}` is not a name"));
        }
        out.push((name.to_owned(), value(given, names)?));
    }
    Ok(out)
}

fn each(writer: &mut Writer<'_>, token: &Token<'_>, arguments: &[&str]) -> Result<(), String> {
    let at = arguments.iter().position(|word| *word == "in").ok_or("`in` is missing")?;
    let names = arguments.get(..at).unwrap_or_default().join(" ");
    let names: Vec<&str> = names.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let (list, backwards) = match arguments.get(at + 1..).unwrap_or_default() {
        [list] => (list, ""),
        [list, "reversed"] => (list, "|reverse"),
        _ => return Err("one list is expected after `in`".into()),
    };
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return Err("a name is expected before `in`".into());
    }
    let list = value(list, &writer.names)?;
    writer.code(&format!("for {} in {list}{backwards}", names.join(", ")));
    writer.open("endfor", "endfor", token.line);
    names.into_iter().for_each(|name| writer.names.define(name, name));
    Ok(())
}

fn with(writer: &mut Writer<'_>, token: &Token<'_>, arguments: &[&str]) -> Result<(), String> {
    let given = assignments(arguments, &writer.names)?;
    if given.is_empty() {
        return Err("`with` gives nothing a name".into());
    }
    let written: Vec<String> = given.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    writer.code(&format!("with {}", written.join(", ")));
    writer.open("endwith", "endwith", token.line);
    given.iter().for_each(|(name, _)| writer.names.define(name, name));
    Ok(())
}

fn url(writer: &mut Writer<'_>, page: &str, rest: &[&str]) -> Result<(), String> {
    let name = literal(page).ok_or_else(|| format!("the page {page} must be named in quotation marks"))?;
    if !LINKED.contains(&name.rsplit(':').next().unwrap_or_default()) {
        return Err(format!("there is no page \"{name}\"; write its address, or put it into templates.vars"));
    }
    match rest {
        [.., "as", name] if is_name(name) => writer.names.define(name, "link"),
        _ => writer.value("link"),
    }
    Ok(())
}

/// Tags of Django's that take one text and read no setting.
const NO_SETTINGS: [&str; 9] =
    ["cycle", "get_media_prefix", "get_static_prefix", "language", "now", "regroup", "static", "templatetag", "widthratio"];

/// A tag of one's own that reads a setting: `{% get_settings_var 'CUSTOM_URL' %}` is `{{ vars.custom_url }}`.
fn setting(writer: &mut Writer<'_>, name: &str, arguments: &[&str]) -> Result<(), String> {
    let unknown = || {
        format!(
            "the tag `{name}` has no counterpart; a function that the program adds (`Builder::template_function`) can take its place"
        )
    };
    let (argument, stored) = match arguments {
        [argument] => (argument, None),
        [argument, "as", stored] if is_name(stored) => (argument, Some(*stored)),
        _ => return Err(unknown()),
    };
    if NO_SETTINGS.contains(&name) {
        return Err(unknown());
    }
    let setting = literal(argument).filter(|setting| is_name(setting) && setting.chars().all(|c| !c.is_ascii_lowercase()));
    let setting = setting.ok_or_else(unknown)?.to_ascii_lowercase();
    let meaning = format!("vars.{setting}");
    writer.vars.insert(setting);
    match stored {
        Some(stored) => writer.names.define(stored, &meaning),
        None => writer.value(&meaning),
    }
    Ok(())
}
