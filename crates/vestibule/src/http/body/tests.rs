//! The reader as a whole: sizes, types and encodings.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderValue;
use http_body::Frame;
use http_body_util::Limited;
use proptest::prelude::*;

use super::*;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn read_now(pairs: &[(&'static str, &str)], body: &str) -> Result<Input> {
    now(read(&headers(pairs), Body::from(body.to_owned()), 64))
}

fn refused(pairs: &[(&'static str, &str)], body: &str) -> (u16, Message) {
    match read_now(pairs, body) {
        Err(Error::Refused(status, message)) => (status, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_body_is_an_empty_input_whatever_its_type() {
    for (pairs, source) in [
        (&[][..], Source::Json),
        (&[("content-type", JSON)], Source::Json),
        (&[("content-type", "text/plain")], Source::Json),
        (&[("content-type", FORM)], Source::Form),
        (&[("content-type", "multipart/form-data")], Source::Form),
    ] {
        assert_eq!(read_now(pairs, "").unwrap(), Input::new(source, Vec::new()));
    }
}

#[test]
fn types_are_compared_without_case_and_parameters() {
    for kind in [
        JSON,
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json; charset=iso-8859-1",
        " application/json ;x",
    ] {
        assert_eq!(read_now(&[("content-type", kind)], "{}").unwrap(), Input::new(Source::Json, Vec::new()), "{kind}");
    }
    let form = read_now(&[("content-type", "Application/X-WWW-Form-Urlencoded;charset=UTF-8")], "gender=NS").unwrap();
    assert_eq!(form.get("gender"), Some(&Value::Text("NS".into())));
    let part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--";
    let parts = read_now(&[("content-type", "MULTIPART/form-data; boundary=B")], part).unwrap();
    assert_eq!(parts.get("a"), Some(&Value::Text("1".into())));
}

#[test]
fn another_type_is_refused_by_the_name_it_was_sent_with() {
    for (kind, body) in [
        ("text/plain", "hello"),
        ("application/xml", "<a/>"),
        ("application/json-patch+json", "{}"),
        ("Text/HTML; charset=x", "x"),
    ] {
        assert_eq!(refused(&[("content-type", kind)], body), (415, Message::UnsupportedMediaType(kind.into())));
    }
    assert_eq!(refused(&[], "{}"), (415, Message::UnsupportedMediaType(String::new())));
    let (status, message) = refused(&[("content-type", &"x".repeat(8000))], "{}");
    assert!(status == 415 && message.text().len() < 200);
    assert_eq!(refused(&[("content-type", JSON), ("content-type", FORM)], "{}").0, 415);
}

#[test]
fn t73_a_compressed_body_is_refused() {
    for coding in ["gzip", "identity, br", "deflate"] {
        let sent = [("content-type", JSON), ("content-encoding", coding)];
        assert_eq!(refused(&sent, "{}"), (415, Message::UnsupportedEncoding(coding.into())));
    }
    assert!(read_now(&[("content-type", JSON), ("content-encoding", "Identity")], "{}").is_ok());
    assert!(read_now(&[("content-type", JSON), ("content-encoding", "")], "{}").is_ok());
}

#[test]
fn t73_an_announced_size_is_refused_before_anything_is_read() {
    let unread = || Body::new(Chunks(std::iter::from_fn(|| -> Option<Result<Bytes, Infallible>> { panic!("was read") })));
    for length in ["65", "4294967296", "99999999999999999999999"] {
        let sent = headers(&[("content-type", JSON), ("content-length", length)]);
        assert_eq!(now(read(&sent, unread(), 64)), Err(Error::Refused(413, Message::BodyTooLarge(64))), "{length}");
    }
}

#[test]
fn t73_a_body_of_unknown_size_is_cut_at_the_limit() {
    let endless = |chunk: usize| {
        let chunks = std::iter::repeat_n(Bytes::from(vec![b' '; chunk]), 1 << 40).map(Ok::<_, Infallible>);
        Body::new(Chunks(chunks))
    };
    for chunk in [1, 63, 64, 65, 1 << 20] {
        assert_eq!(now(read(&headers(&[]), endless(chunk), 64)), Err(Error::Refused(413, Message::BodyTooLarge(64))));
    }
    let exact = format!("{{{}}}", " ".repeat(62));
    assert!(read_now(&[("content-type", JSON)], &exact).is_ok());
}

#[test]
fn t73_a_limit_of_the_host_is_told_as_ours_and_a_broken_body_as_broken() {
    let cut = Body::new(Limited::new(Body::from("x".repeat(60)), 10));
    assert!(matches!(now(read(&headers(&[]), cut, 64)), Err(Error::Refused(413, _))));
    let broken = Body::new(Chunks([Ok(Bytes::from("{")), Err(std::io::Error::other("reset"))].into_iter()));
    assert_eq!(now(read(&headers(&[("content-type", JSON)]), broken, 64)), Err(Error::Refused(400, Message::BodyIncomplete)));
}

#[test]
fn t81_an_input_does_not_show_its_values() {
    let input = read_now(&[("content-type", JSON)], r#"{"a":"hunter2","b":["hunter2"],"c":{"d":"hunter2"},"e":4242}"#).unwrap();
    let shown = format!("{input:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("4242"), "{shown}");
}

/// An iterator as a body of unknown size.
struct Chunks<I>(I);

impl<I, E> http_body::Body for Chunks<I>
where
    I: Iterator<Item = Result<Bytes, E>> + Unpin,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        Poll::Ready(self.0.next().map(|chunk| chunk.map(Frame::data)))
    }
}

proptest! {
    #[test]
    fn t75_no_headers_and_bytes_make_the_reader_panic(kind in "[ -~]{0,40}", coding in "[ -~]{0,20}", length in "[ -~]{0,30}", body: Vec<u8>) {
        let sent = headers(&[("content-type", &kind), ("content-length", &length)]);
        let _ = now(read(&sent, Body::from(body.clone()), 64));
        let _ = now(read(&headers(&[("content-encoding", &coding)]), Body::from(body), 64));
    }
}
