//! A certificate that nobody knows yet.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate for loopback, signed by itself, and what encrypts with it.
pub(super) struct Certificate {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) acceptor: TlsAcceptor,
}

impl Certificate {
    pub(super) fn fresh() -> Self {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap_or_else(|error| panic!("{error}"));
        let der = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![der.clone()], key))
            .unwrap_or_else(|error| panic!("{error}"));
        Self { pem: made.cert.pem(), der, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}
