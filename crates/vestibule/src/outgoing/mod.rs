//! Requests to the services of others: mail services, sign-in providers.
//!
//! Every request has a limit on its time and on the size of its answer, and no redirect is followed: what is sent would go where
//! nobody told it to. Where addresses come from a stranger's document, private networks are out of reach ([`Reach::Public`]);
//! that is decided about the address which is then connected to, so a name cannot change its meaning in between (T57).

mod reach;
pub(crate) mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;

pub use reach::Reach;

use reach::Resolver;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long the whole may take, connection and answer.
    pub answer: Duration,
    /// The most bytes of an answer that are read.
    pub largest: usize,
}

/// Whether a request may travel unencrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// To every host.
    Everywhere,
    /// To this machine alone.
    Loopback,
    /// Never.
    Never,
}

/// A way out.
#[derive(Clone)]
pub struct Outgoing {
    way: Way,
    bounds: Bounds,
    reach: Reach,
    plain: Plain,
}

/// What answers within this process, in the place of a network.
pub type Within = Arc<dyn Fn(Request<Bytes>) -> Reply + Send + Sync>;

#[derive(Clone)]
enum Way {
    Network(Box<Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>>),
    Within(Within),
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or why it could not be read whole.
    pub body: Result<Bytes, Trouble>,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The address is not one that may be asked.
    Forbidden(String),
    /// It took too long.
    Slow(Duration),
    /// The answer is larger than what is read.
    Large(usize),
    /// The connection, or what came over it, failed.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) | Self::Broken(why) => f.write_str(why),
            Self::Slow(limit) => write!(f, "did not answer within {limit:?}"),
            Self::Large(limit) => write!(f, "answered with more than {limit} bytes"),
        }
    }
}

impl Outgoing {
    /// A way out that believes these authorities' certificates.
    ///
    /// # Errors
    /// A sentence when TLS cannot be set up.
    pub fn new(reach: Reach, plain: Plain, bounds: Bounds, authorities: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(reach));
        tcp.set_connect_timeout(Some(bounds.connect));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls::client(authorities)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp));
        Ok(Self { way: Way::Network(Box::new(client)), bounds, reach, plain })
    }

    /// A way that leads nowhere: what is asked is answered here.
    pub fn within_process(answers: Within) -> Self {
        let bounds = Bounds { connect: Duration::from_secs(1), answer: Duration::from_secs(1), largest: 1 << 20 };
        Self { way: Way::Within(answers), bounds, reach: Reach::Anywhere, plain: Plain::Loopback }
    }

    /// The same with another limit on time.
    #[cfg(test)]
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.bounds.answer = limit;
        self
    }

    /// Sends a request and reads the answer, which may be a redirect: it is not followed.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Reply, Trouble> {
        self.allows(request.uri())?;
        match tokio::time::timeout(self.bounds.answer, self.ask(request)).await {
            Ok(reply) => reply,
            Err(_) => Err(Trouble::Slow(self.bounds.answer)),
        }
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Reply, Trouble> {
        let client = match &self.way {
            Way::Network(client) => client,
            Way::Within(answers) => {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                return Ok(answers(Request::from_parts(parts, body)));
            }
        };
        let answer = client.request(request).await.map_err(|error| Trouble::Broken(chain(&error)))?;
        let (parts, body) = answer.into_parts();
        let body = match Limited::new(body, self.bounds.largest).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Trouble::Large(self.bounds.largest)),
            Err(error) => Err(Trouble::Broken(chain(error.as_ref()))),
        };
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    /// Whether that address may be asked, as far as its text tells; a name is judged again when it is resolved.
    ///
    /// # Errors
    /// [`Trouble::Forbidden`] with the reason.
    pub fn allows(&self, uri: &Uri) -> Result<(), Trouble> {
        let host = uri.host().unwrap_or_default();
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => match self.plain {
                Plain::Everywhere => true,
                Plain::Loopback => crate::ground::address::is_loopback_host(host),
                Plain::Never => false,
            },
            _ => return Err(Trouble::Forbidden("the address is not of the web".into())),
        };
        if !encrypted {
            return Err(Trouble::Forbidden(format!("{host} would be asked without encryption")));
        }
        // An address is connected to as it stands, without asking the resolver.
        match host.trim_matches(['[', ']']).parse() {
            Ok(ip) if !self.reach.allows(ip) => Err(Trouble::Forbidden(reach::refusal(host))),
            _ => Ok(()),
        }
    }
}

/// The chain of causes, since the first one only says that something went wrong.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        what.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { connect: Duration::from_secs(5), answer: Duration::from_secs(5), largest: 1024 };

    fn judged(reach: Reach, plain: Plain, uri: &str) -> bool {
        Outgoing::new(reach, plain, BOUNDS, Vec::new()).unwrap().allows(&uri.parse().unwrap()).is_ok()
    }

    #[test]
    fn t57_nothing_travels_unencrypted_but_to_this_machine_and_only_in_development() {
        for (plain, uri, fits) in [
            (Plain::Never, "https://idp.example.test/", true),
            (Plain::Never, "http://idp.example.test/", false),
            (Plain::Never, "http://127.0.0.1/", false),
            (Plain::Loopback, "http://127.0.0.1:1/", true),
            (Plain::Loopback, "http://localhost/", true),
            (Plain::Loopback, "http://[::1]/", true),
            (Plain::Loopback, "http://localhost.example.test/", false),
            (Plain::Loopback, "http://10.0.0.1/", false),
            (Plain::Everywhere, "http://mail.example.test/", true),
            (Plain::Everywhere, "ftp://mail.example.test/", false),
            (Plain::Everywhere, "/relative", false),
        ] {
            assert_eq!(judged(Reach::Anywhere, plain, uri), fits, "{plain:?} {uri}");
        }
    }

    #[test]
    fn t57_an_address_in_a_private_network_is_refused_as_it_stands() {
        for (uri, fits) in [
            ("https://93.184.216.34/", true),
            ("https://127.0.0.1/", false),
            ("https://[::1]/", false),
            ("https://169.254.169.254/latest/meta-data", false),
            ("https://[::ffff:10.0.0.1]/", false),
        ] {
            assert_eq!(judged(Reach::Public, Plain::Never, uri), fits, "{uri}");
        }
    }

    #[tokio::test]
    async fn t57_a_name_that_leads_into_a_private_network_is_refused_when_it_is_resolved() {
        let out = Outgoing::new(Reach::Public, Plain::Loopback, BOUNDS, Vec::new()).unwrap();
        let request = Request::get("http://localhost:9/").body(Full::default()).unwrap();
        let Err(Trouble::Broken(why)) = out.send(request).await else { panic!("it was asked") };
        assert!(why.contains("private network"), "{why}");
    }
}
