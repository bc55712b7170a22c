//! What the client wants to be answered in: `Accept` (RFC 9110 §12.5.1), weighed as the reference weighs it.
//!
//! A more specific range wins over a less specific one, and among equals our own order decides. Weights are not compared,
//! except that `q=0` means "not this".

use http::header::{ACCEPT, HeaderMap};

use crate::ground::{Error, Message, Result};

/// The most media ranges that are looked at.
const MAX_RANGES: usize = 64;

/// The widest indentation, in spaces.
const MAX_INDENT: i64 = 8;

/// What programs send, all of which means JSON: looked for first, since weighing costs as much as looking up a session.
const COMMON: [&[u8]; 3] = [b"application/json", b"*/*", b"application/json, text/plain, */*"];

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON: on one line, or by this many spaces (1 to 8) for each level.
    Json {
        /// Spaces for each level.
        indent: Option<usize>,
    },
    /// The browsable page.
    Html,
    /// JSON, with errors as `application/problem+json` (RFC 9457).
    Problem,
}

/// Chooses the format of the answer. Without `Accept` it is JSON on one line.
///
/// # Errors
/// 406 when none of the formats is acceptable.
pub fn negotiate(headers: &HeaderMap, html_offered: bool) -> Result<Format> {
    let mut lines = headers.get_all(ACCEPT).iter();
    if lines.next().is_none_or(|line| COMMON.contains(&line.as_bytes())) && lines.next().is_none() {
        return Ok(Format::Json { indent: None });
    }
    weigh(headers, html_offered)
}

fn weigh(headers: &HeaderMap, html_offered: bool) -> Result<Format> {
    let ranges: Vec<Range<'_>> = headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter(|range| !range.trim_ascii().is_empty())
        .take(MAX_RANGES)
        .map(Range::parse)
        .collect();
    if ranges.is_empty() {
        return Ok(Format::Json { indent: None });
    }
    // Whoever names problem+json beside JSON can read it, and successes are JSON in both.
    let offered: &[Offer] =
        if html_offered { &[Offer::Problem, Offer::Json, Offer::Html] } else { &[Offer::Problem, Offer::Json] };
    let wanted = (0..=3).rev().find_map(|precision| {
        let pick = |offer: &Offer| ranges.iter().find(|range| range.precision == precision && range.wants(*offer, &ranges));
        offered.iter().find_map(|offer| pick(offer).map(|range| offer.format(range)))
    });
    wanted.ok_or(Error::Refused(406, Message::NotAcceptable))
}

/// What can be offered.
#[derive(Clone, Copy, PartialEq)]
enum Offer {
    Problem,
    Json,
    Html,
}

impl Offer {
    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Problem => ("application", "problem+json"),
            Self::Json => ("application", "json"),
            Self::Html => ("text", "html"),
        }
    }

    fn format(self, range: &Range<'_>) -> Format {
        match self {
            Self::Problem => Format::Problem,
            Self::Json => Format::Json { indent: range.indent },
            Self::Html => Format::Html,
        }
    }
}

/// One media range. What cannot be read is a range that covers nothing.
#[derive(Default)]
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    /// 0 for `*/*`, 1 for `text/*`, 2 for `text/html`, 3 for one with parameters other than the weight.
    precision: u8,
    indent: Option<usize>,
    /// Whether its weight is zero.
    refused: bool,
}

impl<'a> Range<'a> {
    fn parse(bytes: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(bytes) else { return Self::default() };
        let mut parts = text.split(';').map(str::trim);
        let Some((kind, subkind)) = parts.next().and_then(|range| range.split_once('/')) else { return Self::default() };
        let mut range = Self { kind, subkind, ..Self::default() };
        let mut has_parameters = false;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("q") {
                range.refused = value.starts_with('0') && value.bytes().all(|byte| matches!(byte, b'0' | b'.'));
                continue;
            }
            has_parameters = true;
            if name.eq_ignore_ascii_case("indent") {
                range.indent = value.parse::<i64>().ok().and_then(spaces);
            }
        }
        range.precision = match (kind, subkind) {
            ("*", _) => 0,
            (_, "*") => 1,
            _ if has_parameters => 3,
            _ => 2,
        };
        range
    }

    fn covers(&self, offer: Offer) -> bool {
        let (kind, subkind) = offer.media_type();
        match (self.kind, self.subkind) {
            // Only its full name asks for RFC 9457: `*/*` has always meant the plain shape.
            ("*", "*") => offer != Offer::Problem,
            (range, "*") => offer != Offer::Problem && range.eq_ignore_ascii_case(kind),
            (range, subrange) => range.eq_ignore_ascii_case(kind) && subrange.eq_ignore_ascii_case(subkind),
        }
    }

    /// Whether this range asks for the offer and no range as precise or more says "not this".
    fn wants(&self, offer: Offer, all: &[Self]) -> bool {
        let forbids = |other: &Self| other.refused && other.precision >= self.precision && other.covers(offer);
        !self.refused && self.covers(offer) && !all.iter().any(forbids)
    }
}

fn spaces(asked: i64) -> Option<usize> {
    usize::try_from(asked.clamp(0, MAX_INDENT)).ok().filter(|spaces| *spaces > 0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const JSON: Format = Format::Json { indent: None };

    fn accept(lines: &[&[u8]], html_offered: bool) -> Option<Format> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_bytes(line).unwrap());
        }
        match negotiate(&headers, html_offered) {
            Ok(format) => Some(format),
            Err(error) => {
                assert_eq!(error, Error::Refused(406, Message::NotAcceptable));
                None
            }
        }
    }

    #[test]
    fn recorded_headers_get_the_recorded_format() {
        assert_eq!(accept(&[], true), Some(JSON));
        let recorded = [
            ("text/plain", None),
            ("image/*", None),
            ("application/json", Some(JSON)),
            ("application/json; indent=4", Some(Format::Json { indent: Some(4) })),
            ("text/html", Some(Format::Html)),
            ("text/html,*/*;q=0.8", Some(Format::Html)),
            ("text/html;q=0.1, application/json", Some(JSON)),
            ("text/html, application/json", Some(JSON)),
        ];
        for (sent, format) in recorded {
            assert_eq!(accept(&[sent.as_bytes()], true), format, "{sent}");
        }
    }

    #[test]
    fn precision_decides_before_order() {
        let cases = [
            ("*/*", Some(JSON)),
            ("", Some(JSON)),
            (" , ", Some(JSON)),
            ("application/json, text/plain, */*", Some(JSON)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Format::Html)),
            ("text/*", Some(Format::Html)),
            ("TEXT/HTML", Some(Format::Html)),
            ("text/html;level=1, application/json", Some(Format::Html)),
            ("application/*, text/html", Some(Format::Html)),
            ("*/html", None),
        ];
        for (sent, format) in cases {
            assert_eq!(accept(&[sent.as_bytes()], true), format, "{sent}");
        }
        assert_eq!(accept(&[b"text/plain", b"text/html"], true), Some(Format::Html));
    }

    #[test]
    fn what_programs_send_is_answered_as_if_it_were_weighed() {
        for line in COMMON {
            let mut headers = HeaderMap::new();
            headers.append(ACCEPT, HeaderValue::from_bytes(line).unwrap());
            for html in [false, true] {
                assert_eq!(weigh(&headers, html).ok(), Some(JSON));
                assert_eq!(negotiate(&headers, html).ok(), Some(JSON));
            }
            headers.append(ACCEPT, HeaderValue::from_static("*/*;q=0"));
            assert_eq!(negotiate(&headers, true).ok(), weigh(&headers, true).ok());
        }
    }

    #[test]
    fn a_page_that_is_not_offered_is_not_answered() {
        assert_eq!(accept(&[b"text/html"], false), None);
        assert_eq!(accept(&[b"text/html,*/*;q=0.8"], false), Some(JSON));
    }

    #[test]
    fn problems_are_for_whoever_names_them() {
        for sent in
            ["application/problem+json", "application/json, application/problem+json", "application/Problem+JSON;q=0.5, */*"]
        {
            assert_eq!(accept(&[sent.as_bytes()], true), Some(Format::Problem), "{sent}");
        }
        assert_eq!(accept(&[b"application/*"], true), Some(JSON));
    }

    #[test]
    fn a_weight_of_zero_means_not_this() {
        let cases = [
            ("application/json;q=0", None),
            ("application/json;q=0.000, */*", Some(Format::Html)),
            ("text/html;q=0, */*;q=0.1", Some(JSON)),
            ("*/*;q=0, application/json", Some(JSON)),
            ("*/*;q=0", None),
        ];
        for (sent, format) in cases {
            assert_eq!(accept(&[sent.as_bytes()], true), format, "{sent}");
        }
    }

    #[test]
    fn indentation_is_bounded() {
        let cases =
            [("8", Some(8)), ("9", Some(8)), ("99999999", Some(8)), ("0", None), ("-4", None), ("four", None), ("", None)];
        for (asked, indent) in cases {
            assert_eq!(
                accept(&[format!("application/json; indent={asked}").as_bytes()], true),
                Some(Format::Json { indent }),
                "{asked}"
            );
        }
    }

    #[test]
    fn t75_garbage_is_skipped_and_a_huge_header_is_cut() {
        assert_eq!(accept(&[b"\xff\xfe, /, ;;, json, a/b/c, text/html"], true), Some(Format::Html));
        assert_eq!(accept(&[b"\xff"], true), None);
        let huge = "a/b,".repeat(20_000) + "application/json";
        assert_eq!(accept(&[huge.as_bytes()], true), None, "ranges beyond the limit are not looked at");
    }

    proptest! {
        #[test]
        fn t75_no_header_makes_the_reader_panic(lines in prop::collection::vec("[\\x20-\\x7e\\u{80}-\\u{ff}]{0,60}", 0..3), html: bool) {
            accept(&lines.iter().map(String::as_bytes).collect::<Vec<_>>(), html);
        }

        #[test]
        fn t75_no_near_header_makes_the_reader_panic(line in r"(\*|/|text|html|application|json|problem\+json|,|;|=|q|0|\.|1|indent| ){0,30}", html: bool) {
            accept(&[line.as_bytes()], html);
        }
    }
}
