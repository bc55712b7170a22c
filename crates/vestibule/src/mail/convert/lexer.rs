//! A Django template in pieces.

/// One piece, with the line that it begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) line: usize,
    pub(super) kind: Kind,
    /// What stands between the braces, or the text.
    pub(super) inner: &'a str,
    /// All of it, with its braces.
    pub(super) whole: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Variable,
    Tag,
    Comment,
}

impl<'a> Token<'a> {
    /// The name of a tag.
    pub(super) fn name(&self) -> &'a str {
        if self.kind == Kind::Tag { self.inner.split_whitespace().next().unwrap_or_default() } else { "" }
    }
}

const BRACES: [(&str, &str, Kind); 3] = [("{%", "%}", Kind::Tag), ("{{", "}}", Kind::Variable), ("{#", "#}", Kind::Comment)];

/// Takes a template apart. A tag may go over several lines, as printed templates do.
///
/// # Errors
/// The line of a brace that is never closed.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, usize> {
    let (mut out, mut rest, mut line) = (Vec::new(), source, 1);
    while !rest.is_empty() {
        let next =
            BRACES.iter().filter_map(|(open, close, kind)| Some((rest.find(open)?, *close, *kind))).min_by_key(|(at, ..)| *at);
        let (at, close, kind) = next.unwrap_or((rest.len(), "", Kind::Text));
        let (text, braced) = rest.split_at(at);
        if !text.is_empty() {
            out.push(Token { line, kind: Kind::Text, inner: text, whole: text });
            line += breaks(text);
        }
        if kind == Kind::Text {
            break;
        }
        let after = braced.get(2..).unwrap_or_default();
        let end = after.find(close).ok_or(line)?;
        let (whole, after) = braced.split_at(end + 4);
        let inner = whole.get(2..whole.len() - 2).unwrap_or_default().trim();
        out.push(Token { line, kind, inner, whole });
        line += breaks(whole);
        rest = after;
    }
    Ok(out)
}

fn breaks(text: &str) -> usize {
    text.matches('\n').count()
}

/// The words of a tag; what stands in quotation marks is not torn apart.
pub(super) fn words(tag: &str) -> Vec<&str> {
    let (mut out, mut start, mut quote, mut escaped) = (Vec::new(), None, None, false);
    for (at, character) in tag.char_indices() {
        let ends = quote.is_none() && character.is_whitespace();
        if ends {
            out.extend(start.take().and_then(|start| tag.get(start..at)));
            continue;
        }
        start.get_or_insert(at);
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => {}
        }
    }
    out.extend(start.and_then(|start| tag.get(start..)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_taken_apart_with_its_lines() {
        let tokens = tokens("a\n{% load\ni18n %}b{{ c }}{# d #}").unwrap();
        let seen: Vec<_> = tokens.iter().map(|token| (token.line, token.kind, token.inner)).collect();
        let expected = [
            (1, Kind::Text, "a\n"),
            (2, Kind::Tag, "load\ni18n"),
            (3, Kind::Text, "b"),
            (3, Kind::Variable, "c"),
            (3, Kind::Comment, "d"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(tokens[1].name(), "load");
    }

    #[test]
    fn an_open_brace_is_named_by_its_line() {
        assert_eq!(tokens("a\n{{ b %}"), Err(2));
        assert_eq!(tokens("{%}"), Err(1));
        assert_eq!(tokens("{ } %}").map(|tokens| tokens.len()), Ok(1));
    }

    #[test]
    fn words_keep_their_quotation_marks() {
        assert_eq!(words("trans \"a b\"|f:'c \\' d' as  x"), ["trans", "\"a b\"|f:'c \\' d'", "as", "x"]);
        assert_eq!(words("a=\"open b"), ["a=\"open b"]);
    }
}
