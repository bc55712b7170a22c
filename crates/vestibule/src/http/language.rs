//! What language the client reads: `Accept-Language` (RFC 9110 §12.5.4).

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use crate::ground::{Language, Languages};

/// The enabled language that suits the request best; the default where nothing is asked.
pub(crate) fn asked<'l>(languages: &'l Languages, headers: &HeaderMap) -> &'l Language {
    let mut lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let (first, second) = (lines.next(), lines.next());
    match (first, second) {
        (first, None) => languages.negotiate(first),
        (Some(first), Some(second)) => {
            let all: Vec<&str> = [first, second].into_iter().chain(lines).collect();
            languages.negotiate(Some(&all.join(",")))
        }
        (None, Some(_)) => languages.fallback(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn heard(lines: &[&'static [u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).unwrap());
        }
        asked(&Languages::default(), &headers).tag().to_owned()
    }

    #[test]
    fn all_lines_of_the_header_count_and_strange_bytes_do_not() {
        assert_eq!(heard(&[]), "en");
        assert_eq!(heard(&[b"de"]), "de");
        assert_eq!(heard(&[b"de;q=0.5", b"fr;q=0.1", b"pl"]), "pl");
        assert_eq!(heard(&[b"\xff", b"it"]), "it");
        assert_eq!(heard(&[b"\xff"]), "en");
    }
}
