//! Tokens of a Vestibule are verified by three other services, before and after a rotation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;
use vestibule::accounts::UserId;
use vestibule::accounts::signing::{Generation, rotation};
use vestibule::settings::Algorithm;
use vestibule::testing::races::say;
use vestibule::{Auth, Settings};

const SID: &str = "0123456789abcdef0123456789abcdef";

/// A Vestibule on a port of its own.
struct Server {
    auth: Auth,
    url: String,
    _folder: tempfile::TempDir,
}

async fn serve(algorithm: Algorithm) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.database.url = format!("sqlite://{}/example.db", folder.path().display()).into();
    settings.jwt.algorithm = algorithm;
    settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
    settings.jwt.accept_legacy_until = "2090-01-01".parse().ok();
    let auth = Auth::builder(settings).build().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().merge(auth.well_known());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server { auth, url, _folder: folder }
}

impl Server {
    async fn access(&self, user: i64) -> String {
        let ends = self.auth.clock().now().plus(Duration::from_secs(3_600));
        let minted = self.auth.signing().unwrap().access(UserId::from_i64(user), SID, ends, &serde_json::Map::new()).await;
        minted.unwrap().token.expose().to_owned()
    }

    async fn refresh(&self, user: i64) -> String {
        let issued_at = self.auth.clock().now();
        let expires_at = issued_at.plus(Duration::from_secs(3_600));
        let generation = Generation { user: UserId::from_i64(user), sid: SID, number: 1, issued_at, expires_at };
        self.auth.signing().unwrap().refresh(generation).await.unwrap().token.expose().to_owned()
    }

    /// Tokens and what whoever verifies them must say, before and after a rotation.
    async fn lines(&self) -> Vec<(String, Option<i64>)> {
        let old = self.access(7).await;
        rotation::rotate(&self.auth, true).await.unwrap();
        tokio::time::sleep(rotation::KNOWN_AFTER + Duration::from_millis(100)).await;
        let new = self.access(8).await;
        assert_ne!(old.split('.').next(), new.split('.').next(), "another key signs");
        let (head, rest) = new.split_at(new.len() - 20);
        let changed = format!("{head}{}{}", if rest.starts_with('A') { 'B' } else { 'A' }, &rest[1..]);
        vec![(old, Some(7)), (new, Some(8)), (self.refresh(8).await, None), (changed, None), ("nonsense".into(), None)]
    }
}

#[tokio::test]
async fn a_rust_service_verifies_tokens_before_and_after_a_rotation() {
    let server = serve(Algorithm::Es256).await;
    let app = verify_elsewhere::app(&server.url);
    for (token, user) in server.lines().await {
        let request = Request::get("/orders").header("authorization", format!("Bearer {token}"));
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let text = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        match user {
            Some(user) => assert_eq!((status, text), (200, format!("The orders of account {user}"))),
            None => assert_eq!(status, 401, "{text}"),
        }
    }
}

/// A verifier in another language, if it is here.
fn verifiers() -> Vec<(&'static str, Command)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let installed = Command::new(here.join("install")).arg(&folder).stderr(Stdio::inherit()).output().unwrap();
    let installed = String::from_utf8(installed.stdout).unwrap();
    let mut found = Vec::new();
    for language in ["python", "node"] {
        if !installed.lines().any(|line| line == language) {
            say(&format!("SKIPPED: {language} and its package for tokens cannot be had here"));
            continue;
        }
        let (program, script) = match language {
            "python" => (folder.join("python/bin/python"), here.join("python/verify.py")),
            // Node looks for packages beside the script.
            _ => {
                std::fs::copy(here.join("node/verify.mjs"), folder.join("node/verify.mjs")).unwrap();
                ("node".into(), folder.join("node/verify.mjs"))
            }
        };
        let mut command = Command::new(program);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        found.push((language, command));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn pyjwt_and_jose_verify_tokens_before_and_after_a_rotation() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let server = serve(algorithm).await;
        let mut running = Vec::new();
        for (language, mut command) in verifiers() {
            // Asks at each unknown key: the test does not wait for half a minute.
            let mut child = command.arg(format!("{}/.well-known/jwks.json", server.url)).arg("0").spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            // The verifier has looked at the keys before the rotation.
            writeln!(input, "{}", server.access(6).await).unwrap();
            running.push((language, child, input));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let lines = server.lines().await;
        for (language, child, mut input) in running {
            for (token, _) in &lines {
                writeln!(input, "{token}").unwrap();
            }
            drop(input);
            let done = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
            let said = String::from_utf8(done.stdout).unwrap();
            let wanted = std::iter::once(Some(6)).chain(lines.iter().map(|(_, user)| *user));
            assert_eq!(said.lines().count(), lines.len() + 1, "{language}: {said}");
            for (line, user) in said.lines().zip(wanted) {
                match user {
                    Some(user) => assert_eq!(line, user.to_string(), "{language} {algorithm:?}"),
                    None => assert!(line.starts_with("refused: "), "{language} {algorithm:?}: {line}"),
                }
            }
            say(&format!("{language} verified {} and refused what it must", algorithm.word()));
        }
    }
}
