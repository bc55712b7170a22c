//! `multipart/form-data` (RFC 7578): texts are taken, files are noticed and dropped.

use bytes::Bytes;
use http::header::CONTENT_DISPOSITION;
use http_body_util::{BodyDataStream, Full};
use multer::{Field, Multipart};

use crate::forms::{Input, Source, Value};
use crate::ground::{Error, Message, Result};

/// The longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Reads a multipart body.
///
/// # Errors
/// 400 [`Message::MultipartError`] for a missing or bad boundary, broken parts, a part without a name, more than a thousand
/// parts or a name that occurs twice (T20, T73).
pub(super) async fn read(content_type: &str, body: Bytes) -> Result<Input> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| refused("no boundary in the content type"))?;
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        return Err(refused("the boundary has a bad length"));
    }
    let mut parts = Multipart::new(BodyDataStream::new(Full::new(body)), boundary);
    let mut members = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        if members.len() == super::MAX_FIELDS {
            return Err(refused(&format!("more than {} parts", super::MAX_FIELDS)));
        }
        members.push(member(part).await?);
    }
    if super::repeats_a_name(&members) {
        return Err(refused("a name occurs twice"));
    }
    Ok(Input::new(Source::Form, members))
}

async fn member(part: Field<'_>) -> Result<(String, Value)> {
    let name = part.name().ok_or_else(|| refused("a part has no name"))?.to_owned();
    if is_file(&part) {
        return Ok((name, Value::File));
    }
    let bytes = part.bytes().await.map_err(|_| broken())?;
    Ok((name, super::value_of(bytes.into())))
}

/// Whether the part has a file name, in the extended notation of RFC 5987 too, which the parser does not know.
fn is_file(part: &Field<'_>) -> bool {
    let extended = |line: &http::HeaderValue| line.as_bytes().windows(9).any(|nine| nine.eq_ignore_ascii_case(b"filename*"));
    part.file_name().is_some() || part.headers().get(CONTENT_DISPOSITION).is_some_and(extended)
}

fn broken() -> Error {
    refused("the parts cannot be told apart")
}

fn refused(why: &str) -> Error {
    Error::Refused(400, Message::MultipartError(why.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=B";

    fn read_now(content_type: &str, body: &[u8]) -> Result<Input> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(content_type, Bytes::copy_from_slice(body)))
    }

    fn part(disposition: &str, value: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
    }

    fn multipart_error(content_type: &str, body: &str) -> String {
        match read_now(content_type, body.as_bytes()) {
            Err(Error::Refused(400, message @ Message::MultipartError(_))) => message.text().into_owned(),
            other => panic!("{other:?} for {body:?}"),
        }
    }

    #[test]
    fn texts_are_taken_as_sent() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nnobody@example.com\r\n--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n x\r\ny \r\n--B--\r\n";
        for content_type in [TYPE, "Multipart/Form-Data; charset=utf-8; Boundary=\"B\""] {
            let input = read_now(content_type, body.as_bytes()).unwrap();
            assert_eq!(input.get("email"), Some(&Value::Text("nobody@example.com".into())));
            assert_eq!(input.get("password"), Some(&Value::Text(" x\r\ny ".into())));
            assert_eq!(input.source, Source::Form);
        }
    }

    #[test]
    fn a_file_is_noticed_and_dropped() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"password\"; filename=\"p.txt\"\r\nContent-Type: text/plain\r\n\r\nsecret\r\n--B\r\nContent-Disposition: form-data; name=\"b\"; filename*=UTF-8''p.txt\r\n\r\nsecret\r\n--B--\r\n";
        let input = read_now(TYPE, body.as_bytes()).unwrap();
        assert_eq!(input.get("password"), Some(&Value::File));
        assert_eq!(input.get("b"), Some(&Value::File));
    }

    #[test]
    fn t75_a_broken_body_is_refused_with_the_recorded_prefix() {
        let whole = part("name=a", "x") + "--B--\r\n";
        for content_type in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=ü",
        ] {
            assert!(multipart_error(content_type, &whole).starts_with("Multipart form parse error - "));
        }
        multipart_error(&format!("multipart/form-data; boundary={}", "B".repeat(71)), &whole);
        for body in ["x", "--B", "--B\r\n\r\n", &whole[..whole.len() - 6], &part("", "x"), "--B\r\nbad header\r\n\r\nx\r\n--B--"]
        {
            multipart_error(TYPE, body);
        }
    }

    #[test]
    fn t20_a_part_that_occurs_twice_is_refused() {
        let body = part("name=email", "mike@example.test") + &part("name=\"email\"", "evil@example.test") + "--B--";
        assert!(multipart_error(TYPE, &body).ends_with("a name occurs twice"));
        let file = part("name=email", "mike@example.test") + &part("name=email; filename=x", "") + "--B--";
        multipart_error(TYPE, &file);
    }

    #[test]
    fn t72_bytes_that_are_not_utf8_are_the_fields_fault() {
        let mut body = part("name=password", "").into_bytes();
        body.truncate(body.len() - 2);
        body.extend_from_slice(b"\xff\xfe\r\n--B--");
        assert_eq!(read_now(TYPE, &body).unwrap().get("password"), Some(&Value::NotUtf8));
    }

    #[test]
    fn t73_a_thousand_parts_and_no_more() {
        let form = |count: usize| (0..count).map(|n| part(&format!("name=f{n}"), "")).collect::<String>() + "--B--";
        assert!(read_now(TYPE, form(1000).as_bytes()).is_ok());
        assert!(multipart_error(TYPE, &form(1001)).ends_with("more than 1000 parts"));
    }

    proptest! {
        #[test]
        fn t75_no_bytes_make_the_reader_panic(content_type: String, body: Vec<u8>) {
            let _ = read_now(&content_type, &body);
            let _ = read_now(TYPE, &body);
        }

        #[test]
        fn t75_no_near_multipart_makes_the_reader_panic(
            content_type in "multipart/form-data; ?(boundary=\"?B?\"?|;|=|x){0,3}",
            body in "(--B|--|\r\n|\r|Content-Disposition: form-data|;|name=|filename=|\"|\\\\|Content-Type: |a|/| ){0,40}",
        ) {
            let _ = read_now(&content_type, body.as_bytes());
            let _ = read_now(TYPE, format!("--B\r\nContent-Disposition: form-data; {body}").as_bytes());
        }
    }
}
