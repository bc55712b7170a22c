//! How each kind of field reads a member.

use crate::ground::names::PhoneNumber;
use crate::ground::{Message, Secret};

use super::input::Value;

type Read<T> = Result<T, Vec<Message>>;

fn wrong<T>(message: Message) -> Read<T> {
    Err(vec![message])
}

/// A text, or a number as it was written.
pub(super) fn text(value: &Value) -> Read<&str> {
    match value {
        Value::Text(text) if text.contains('\0') => wrong(Message::NullCharacters),
        Value::Text(text) | Value::Number(text) => Ok(text),
        Value::Surrogate(point) => wrong(Message::Surrogates(format!("{point:04X}"))),
        _ => wrong(Message::NotAString),
    }
}

/// Refuses what could split a line of a log, a header or a mail (T72).
pub(super) fn printable(text: &str) -> Read<()> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.chars().any(breaks) { wrong(Message::ControlCharacters) } else { Ok(()) }
}

/// A password: nothing is trimmed, folded or normalised (T02).
pub(super) fn password(value: &Value) -> Read<Secret> {
    match text(value)? {
        "" => wrong(Message::Blank),
        text => Ok(Secret::from(text)),
    }
}

/// What a choice is compared with, and what its error quotes.
pub(super) fn choice_text(value: &Value) -> Read<String> {
    match value {
        Value::Bool(truth) => Ok(if *truth { "True" } else { "False" }.to_owned()),
        // As the reference prints a list or a dictionary.
        Value::List(raw) | Value::Dict(raw) => Ok(raw.chars().take(100).map(|c| if c == '"' { '\'' } else { c }).collect()),
        // No choice has a null character in it, so the error is that of any other wrong choice.
        Value::Text(text) => Ok(text.chars().take(1_000).collect()),
        other => text(other).map(|text| text.chars().take(1_000).collect()),
    }
}

/// A whole number, also when written as a text or with a fraction of zeros.
pub(super) fn integer(value: &Value) -> Read<i64> {
    let (Value::Number(text) | Value::Text(text)) = value else { return wrong(Message::NotAnInteger) };
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => whole,
        _ => text,
    };
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return wrong(Message::NotAnInteger);
    }
    whole.parse().map_err(|_| vec![Message::IntegerTooLarge])
}

/// True or false, also in the words that forms send.
pub(super) fn boolean(value: &Value) -> Read<bool> {
    let text = match value {
        Value::Bool(truth) => return Ok(*truth),
        Value::Text(text) | Value::Number(text) => text.trim().to_ascii_lowercase(),
        _ => return wrong(Message::NotABoolean),
    };
    match text.as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => wrong(Message::NotABoolean),
    }
}

/// A telephone number without the separators that people write.
pub(super) fn phone(text: &str) -> Read<String> {
    PhoneNumber::parse(text).map(String::from).map_err(|message| vec![message])
}

/// A date of the calendar, written `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Read<String> {
    let shape =
        text.len() == 10 && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shape && text.parse::<jiff::civil::Date>().is_ok() { Ok(text.to_owned()) } else { wrong(Message::NotADate) }
}

/// An http or https address with a host. Other schemes could run in the browser that shows it.
pub(super) fn url(text: &str) -> Read<String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => wrong(Message::NotAUrl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_number_stands_for_its_text_and_a_list_does_not() {
        assert_eq!(text(&Value::Number("15550101".into())), Ok("15550101"));
        assert_eq!(text(&Value::List("[1]".into())), Err(vec![Message::NotAString]));
        assert_eq!(text(&Value::Surrogate(0xD800)), Err(vec![Message::Surrogates("D800".into())]));
    }

    #[test]
    fn t72_control_characters_are_refused_in_a_line_of_text() {
        for bad in ["a\nb", "a\rb", "a\u{1}b", "a\u{7f}b", "a\u{2028}b"] {
            assert_eq!(printable(bad), Err(vec![Message::ControlCharacters]), "{bad:?}");
        }
        assert_eq!(printable("O'Hara é 名"), Ok(()));
    }

    #[test]
    fn integers_are_whole_and_fit_64_bits() {
        assert_eq!(integer(&Value::Number("7.000".into())), Ok(7));
        assert_eq!(integer(&text_of(" -12 ")), Ok(-12));
        assert_eq!(integer(&Value::Number("99999999999999999999".into())), Err(vec![Message::IntegerTooLarge]));
        for bad in ["", "1.5", "1e3", "x", "--1", "+"] {
            assert_eq!(integer(&text_of(bad)), Err(vec![Message::NotAnInteger]), "{bad:?}");
        }
        assert_eq!(integer(&Value::Bool(true)), Err(vec![Message::NotAnInteger]));
    }

    #[test]
    fn dates_are_of_the_calendar() {
        assert!(date("2028-02-29").is_ok());
        for bad in ["2027-02-29", "2027-2-9", "27-02-09", "2027-02-09T00:00", "+027-02-09"] {
            assert_eq!(date(bad), Err(vec![Message::NotADate]), "{bad}");
        }
    }

    #[test]
    fn phone_numbers_lose_their_separators() {
        assert_eq!(phone("+1 (555) 01-00").as_deref(), Ok("+15550100"));
        for bad in ["", "+", "123", "12+345", "1234567890123456", "555-CALL"] {
            assert_eq!(phone(bad), Err(vec![Message::NotAPhoneNumber]), "{bad}");
        }
    }

    #[test]
    fn urls_are_of_the_web() {
        assert!(url("https://example.org/a?b=c").is_ok());
        for bad in ["javascript:alert(1)", "data:text/html,x", "//example.org", "https://", "https://a b/", "ftp://example.org"] {
            assert_eq!(url(bad), Err(vec![Message::NotAUrl]), "{bad}");
        }
    }
}
