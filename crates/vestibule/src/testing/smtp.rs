//! A mail server on loopback that keeps what it gets and misbehaves when it is told to.

mod certificate;
mod conversation;
mod received;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use certificate::Certificate;
pub use received::Received;

/// How long [`SmtpSink::expect`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a server behaves. The default takes every mail, without encryption and login.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// How its connections are encrypted.
    pub encryption: Encryption,
    /// The name and the password that it demands.
    pub login: Option<(String, String)>,
    /// Whether it offers `AUTH LOGIN` instead of `AUTH PLAIN`.
    pub login_only: bool,
    /// What it does wrong.
    pub fault: Fault,
}

/// How connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    #[default]
    None,
    /// By `STARTTLS`; a mail or a login before that is refused.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// What a server does wrong. Codes are sent as they are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Refuses every sender with that code.
    Sender(u16),
    /// Refuses every recipient with that code.
    Recipient(u16),
    /// Refuses every mail with that code after it has read it.
    Content(u16),
    /// Waits that long before each answer.
    Tarpit(Duration),
    /// Takes the mail and then drops the connection instead of saying so.
    DropBeforeOk,
}

/// What the server and its conversations share.
struct Shared {
    manner: Mutex<Manner>,
    mails: Mutex<Vec<Received>>,
    arrived: tokio::sync::Notify,
    connections: AtomicUsize,
    certificate: Certificate,
}

impl Shared {
    fn manner(&self) -> Manner {
        locked(&self.manner).clone()
    }

    fn take(&self, mail: Received) {
        locked(&self.mails).push(mail);
        self.arrived.notify_waiters();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mail server for tests, on a port of its own. It is gone when it is dropped.
pub struct SmtpSink {
    shared: Arc<Shared>,
    place: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl SmtpSink {
    /// A server that behaves well.
    pub async fn start() -> Self {
        Self::with(Manner::default()).await
    }

    /// A server that behaves so.
    pub async fn with(manner: Manner) -> Self {
        let shared = Shared {
            manner: Mutex::new(manner),
            mails: Mutex::default(),
            arrived: tokio::sync::Notify::new(),
            connections: AtomicUsize::new(0),
            certificate: Certificate::fresh(),
        };
        let mut sink = Self { shared: Arc::new(shared), place: (Ipv4Addr::LOCALHOST, 0).into(), serving: None };
        sink.resume().await;
        sink
    }

    /// Goes away: open connections are dropped, new ones are refused.
    pub async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // Only when the task is gone is the port free.
            let _ = serving.await;
        }
    }

    /// Comes back on the same port.
    ///
    /// # Panics
    /// If the port was taken meanwhile.
    pub async fn resume(&mut self) {
        let listener = TcpListener::bind(self.place).await.unwrap_or_else(|error| panic!("{}: {error}", self.place));
        self.place = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        self.serving = Some(tokio::spawn(serve(listener, Arc::clone(&self.shared))));
    }

    /// Behaves so from the next command on.
    pub fn behave(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut locked(&self.shared.manner));
    }

    /// The value for `email.smtp.url` that suits its manner.
    pub fn url(&self) -> String {
        let manner = self.shared.manner();
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let login = manner.login.map(|(name, password)| format!("{}:{}@", escaped(&name), escaped(&password)));
        let login = login.unwrap_or_default();
        match manner.encryption {
            Encryption::None => format!("smtp://{login}{}?tls=none", self.place),
            Encryption::StartTls => format!("smtp://{login}{}?tls=required", self.place),
            Encryption::Implicit => format!("smtps://{login}{}", self.place),
        }
    }

    /// Its certificate in PEM: written to a file, it can be `SSL_CERT_FILE` of another process.
    pub fn certificate_pem(&self) -> &str {
        &self.shared.certificate.pem
    }

    /// Its certificate in DER.
    pub fn certificate_der(&self) -> rustls::pki_types::CertificateDer<'static> {
        self.shared.certificate.der.clone()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The mails that it has taken, in their order.
    pub fn mails(&self) -> Vec<Received> {
        locked(&self.shared.mails).clone()
    }

    /// The mails, as soon as there are `count` of them.
    ///
    /// # Panics
    /// If there are more, or still fewer after ten seconds.
    pub async fn expect(&self, count: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let arrived = self.shared.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if locked(&self.shared.mails).len() >= count {
                    break;
                }
                arrived.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, enough).await;
        let mails = self.mails();
        assert_eq!(mails.len(), count, "mails that arrived");
        mails
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Takes connections until it is aborted, which ends the conversations too.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        conversations.spawn(conversation::hold(stream, Arc::clone(&shared)));
        while conversations.try_join_next().is_some() {}
    }
}
