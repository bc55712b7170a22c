//! Against a real server on loopback.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request as Asked;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::message::tests::mail;
use super::super::{Mail, Transport, Way};
use super::*;
use crate::ground::Secret;
use crate::settings::{self, Settings};

/// A delivery service, and what it was asked.
struct Service {
    url: String,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

/// A service that answers so.
async fn service<A: IntoResponse + Send + 'static>(answer: impl Fn() -> A + Clone + Send + Sync + 'static) -> Service {
    let asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
    let keeps = Arc::clone(&asked);
    let handler = move |request: Asked| {
        let (keeps, answer) = (Arc::clone(&keeps), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            keeps.lock().unwrap().push((parts.headers, body));
            answer()
        }
    };
    let router: Router = Router::new().fallback(handler);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/send?domain=x", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    Service { url, asked }
}

fn to(url: &str, change: impl FnOnce(&mut HttpTransport)) -> Result<Transport, String> {
    let mut settings = Settings::default();
    settings.email.transport = settings::Transport::Http;
    settings.email.http.url = Some(url.into());
    change(&mut settings.email.http);
    Transport::from_settings(&settings)
}

#[tokio::test]
async fn a_mail_is_posted_as_json_with_the_key_of_the_service() {
    let service = service(|| "queued").await;
    let transport = to(&service.url, |http| {
        http.headers.insert("Authorization".into(), Secret::from("Bearer s3cret"));
    });
    let transport = transport.unwrap();
    assert_eq!(transport.word(), "http");
    transport.send(&mail()).await.unwrap();
    let asked = service.asked.lock().unwrap();
    let [(headers, body)] = &asked[..] else { panic!("{}", asked.len()) };
    assert_eq!(
        (&headers["authorization"], &headers["content-type"]),
        (&"Bearer s3cret".parse().unwrap(), &"application/json".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&body["to"], &body["subject"]), (&json!("ana@example.org"), &json!(mail().subject)));
}

#[tokio::test]
async fn a_template_and_a_type_of_its_own_make_a_form() {
    let service = service(|| StatusCode::ACCEPTED).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "to={{ to }}\n&text={{ text }}\n").unwrap();
    let transport = to(&service.url, |http| {
        http.headers.insert("content-type".into(), Secret::from("application/x-www-form-urlencoded"));
        http.body_template = Some(file.path().into());
    });
    transport.unwrap().send(&Mail { text: "a & b\n=c".into(), ..mail() }).await.unwrap();
    let asked = service.asked.lock().unwrap();
    let fields: Vec<_> = form_urlencoded::parse(&asked[0].1).into_owned().collect();
    assert_eq!(fields, [("to".into(), "ana@example.org".into()), ("text".into(), "a & b\n=c".to_owned())]);
    assert_eq!(asked[0].0["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (status, kind) in [
        (200, "sent"),
        (202, "sent"),
        (302, "transport"),
        (400, "recipient"),
        (413, "recipient"),
        (422, "recipient"),
        (401, "transport"),
        (403, "transport"),
        (404, "transport"),
        (408, "transport"),
        (429, "transport"),
        (409, "later"),
        (500, "transport"),
        (503, "transport"),
    ] {
        let answer = move || (StatusCode::from_u16(status).unwrap(), [("location", "http://127.0.0.1:9/")], "why");
        let service = service(answer).await;
        let judged = match to(&service.url, |_| ()).unwrap().send(&mail()).await {
            Ok(()) => "sent",
            Err(SendError::Later(what)) if what.contains("why") => "later",
            Err(SendError::Recipient(what)) if what.contains("why") => "recipient",
            Err(SendError::Transport(what)) if what.ends_with("why") => "transport",
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(judged, kind, "{status}");
        assert_eq!(service.asked.lock().unwrap().len(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn t80_an_answer_that_repeats_the_mail_is_kept_without_its_key() {
    let service = service(|| (StatusCode::BAD_REQUEST, format!("bad link {}", mail().link.unwrap()))).await;
    let refused = to(&service.url, |_| ()).unwrap().send(&mail()).await.unwrap_err().to_string();
    assert!(refused.contains("400 bad link") && !refused.contains("s3cret"), "{refused}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let service = service(|| (StatusCode::BAD_REQUEST, "x".repeat(8 << 20))).await;
    let refused = to(&service.url, |_| ()).unwrap().send(&mail()).await.unwrap_err();
    assert!(matches!(&refused, SendError::Recipient(what) if what.len() < 300), "{refused:?}");
}

#[tokio::test]
async fn a_service_that_is_away_or_silent_is_a_matter_of_the_transport() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut http = Http::new(&HttpTransport { url: Some(url.as_str().into()), ..HttpTransport::default() }).unwrap();
    http.out = http.out.clone().within(Duration::from_millis(200));
    let began = Instant::now();
    let silent = Transport::by(Way::Http(Box::new(http)));
    assert!(matches!(silent.send(&mail()).await, Err(SendError::Transport(_))));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(listener);
    let away = to(&url, |_| ()).unwrap().send(&mail()).await.unwrap_err();
    assert!(matches!(&away, SendError::Transport(what) if what.contains("refused")), "the cause is named: {away:?}");
}

#[tokio::test]
async fn a_service_without_a_certificate_that_is_known_is_refused() {
    let sink = crate::testing::SmtpSink::with(crate::testing::smtp::Manner {
        encryption: crate::testing::smtp::Encryption::Implicit,
        ..Default::default()
    });
    let sink = sink.await;
    let url = sink.url().replace("smtps://", "https://");
    let refused = to(&url, |_| ()).unwrap().send(&mail()).await.unwrap_err();
    assert!(matches!(&refused, SendError::Transport(what) if what.contains("certificate")), "{refused:?}");
}

#[test]
fn t80_a_header_that_cannot_be_sent_is_refused_without_its_value() {
    let refused = to("https://mail.example.org", |http| {
        http.headers.insert("authorization".into(), Secret::from("s3cret\nx"));
    });
    let refused = refused.unwrap_err();
    assert!(refused.starts_with("email.http.headers: ") && !refused.contains("s3cret"), "{refused}");
}
