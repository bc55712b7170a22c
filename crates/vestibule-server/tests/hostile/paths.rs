//! T70: there is one way to each endpoint, however its path is written.

use crate::client::Answer;
use crate::http2::Http2;
use crate::server::Server;

/// Ways to write `login/` that a proxy, a limit or a rule might take for something else. The last ones are whole addresses.
const SPELLINGS: [&str; 17] = [
    "/auth/login/",
    "/auth/login",
    "/auth//login/",
    "//auth/login/",
    "/auth/./login/",
    "/auth/x/../login/",
    "/auth/login/?x=1",
    "/auth/login?x=/user/",
    "/auth/LOGIN/",
    "/AUTH/login/",
    "/auth/%6cogin/",
    "/auth/login%2f",
    "/auth/login/;v=1",
    "/auth/login;v=1/",
    "/auth/login//",
    "/auth/login/%00",
    "/auth/login/.",
];

/// The same wrong password in every type of body that is read.
fn bodies() -> [(&'static str, String); 3] {
    let part = |name: &str, value: &str| format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    [
        ("application/json", r#"{"username": "nobody", "password": "wrong-pass-77"}"#.to_owned()),
        ("application/x-www-form-urlencoded", "username=nobody&password=wrong-pass-77".to_owned()),
        ("multipart/form-data; boundary=x", part("username", "nobody") + &part("password", "wrong-pass-77") + "--x--\r\n"),
    ]
}

/// Every spelling in every type over both versions: which spelling, and the answer.
async fn knock(server: &Server) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    let mut http2 = Http2::dial(&server.client()).await;
    for target in SPELLINGS {
        for (kind, body) in bodies() {
            let headers = format!("content-type: {kind}\r\n");
            answers.push((target, server.client().send("POST", target, &headers, body.as_bytes()).await));
            answers.push((target, http2.send("POST", target, &[("content-type", kind)], body.as_bytes()).await));
        }
    }
    let (kind, body) = &bodies()[0];
    let whole = format!("http://example.test{}", SPELLINGS[0]);
    let answer = server.client().send("POST", &whole, &format!("content-type: {kind}\r\n"), body.as_bytes()).await;
    answers.push(("a whole address", answer));
    answers
}

fn limited(count: usize) -> [(&'static str, String); 3] {
    [
        ("LIMITS__ENABLED", "true".to_owned()),
        ("LIMITS__LOGIN", format!("{count}/h/ip")),
        ("LIMITS__LOGIN_FAILED", "10000/h/ip".to_owned()),
    ]
}

async fn start(count: usize) -> Server {
    let settings = limited(count);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Server::start(&settings).await
}

#[tokio::test]
async fn t70_when_a_limit_is_used_up_no_spelling_gets_around_it() {
    let server = start(1).await;
    let (kind, body) = &bodies()[0];
    let headers = format!("content-type: {kind}\r\n");
    assert_eq!(server.client().send("POST", "/auth/login/", &headers, body.as_bytes()).await.status, 400);
    for (target, answer) in knock(&server).await {
        assert!(matches!(answer.status, 404 | 429), "{target}: {answer:?}");
    }
}

#[tokio::test]
async fn t70_every_spelling_that_is_answered_is_counted_in_the_same_bucket() {
    let answered = |answers: &[(&str, Answer)]| answers.iter().filter(|(_, answer)| answer.status == 400).count();
    let free = start(10_000).await;
    let answers = knock(&free).await;
    let count = answered(&answers);
    let spellings: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 400).map(|(target, _)| *target).collect();
    for expected in ["/auth/login/", "/auth/login", "/auth/login/?x=1", "/auth/login?x=/user/"] {
        assert_eq!(spellings.iter().filter(|target| **target == expected).count(), 6, "{expected}");
    }
    let exact = start(count).await;
    assert_eq!(answered(&knock(&exact).await), count, "as many as are allowed");
    let (kind, body) = &bodies()[0];
    let more = exact.client().send("POST", "/auth/login/", &format!("content-type: {kind}\r\n"), body.as_bytes()).await;
    assert_eq!(more.status, 429, "and not one more");
}

#[tokio::test]
async fn t70_no_spelling_gets_around_authentication() {
    let server = Server::start(&[]).await;
    server.register("ana").await;
    let mut http2 = Http2::dial(&server.client()).await;
    for target in SPELLINGS.map(|target| target.replace("login", "user").replace("LOGIN", "USER").replace("%6cogin", "%75ser")) {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            let first = server.client().send(method, &target, "", b"").await.status;
            let second = http2.send(method, &target, &[], b"").await.status;
            assert!(matches!(first, 401 | 404) && second == first, "{method} {target}: {first}, {second}");
        }
    }
}
