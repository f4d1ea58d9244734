//! The client's trust: whose certificates it believes, and what it says when it doesn't.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookswitch_pipeline::http::{Client, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;

use crate::http::{failure, options, send};
use crate::names;
use crate::receiver::{Receiver, answer, say};

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn file(&self, folder: &Path) -> std::path::PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }

    /// A server with a certificate for this name that ended so many days ago.
    pub fn acceptor(&self, name: &str, expired_days: Option<u64>) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if let Some(days) = expired_days {
            params.not_after = moment(-((days * 86_400 + 3600) as i64)).into();
        }
        self.issue(params)
    }

    /// A server that wants to see the client's certificate.
    pub fn asking(&self, params: CertificateParams) -> TlsAcceptor {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    pub fn issue(&self, params: CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        serving(certificate.der().clone(), key, &[])
    }
}

/// So many seconds from now.
pub fn moment(seconds: i64) -> SystemTime {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    UNIX_EPOCH + Duration::from_secs((now + seconds) as u64)
}

pub fn serving(certificate: rustls_pki_types::CertificateDer<'static>, key: KeyPair, protocols: &[&[u8]]) -> TlsAcceptor {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn certificates_are_checked_and_their_faults_named() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let dns = names::serve(&[("x.example", &[Ipv4Addr::LOCALHOST])]).await;
    let ca_file = Some(authority.file(folder.path()));
    let trusting = Client::new(Options { ca_file, dns_servers: vec![dns], ..options() }).unwrap();
    let doubting = Client::new(Options { dns_servers: vec![dns], ..options() }).unwrap();
    let over = async |client: &Client, acceptor| {
        let receiver = Receiver::tls(acceptor, answer("200 OK", "", "ok")).await;
        let exchange = send(client, &format!("https://x.example:{}/", receiver.addr.port())).await;
        (exchange, receiver.saw(|ledger| ledger.requests.len()))
    };

    let (good, seen) = over(&trusting, authority.acceptor("x.example", None)).await;
    assert!(good.timings.tls_us.is_some());
    assert_eq!((good.result.unwrap().status, seen), (200, 1));
    for (client, acceptor, text) in [
        (&trusting, authority.acceptor("x.example", Some(3)), "certificate expired 3 days ago"),
        (&trusting, authority.acceptor("y.example", None), "certificate is for y.example, not for x.example"),
        (&doubting, authority.acceptor("x.example", None), "certificate is signed by an authority that is not trusted here"),
    ] {
        let (exchange, seen) = over(client, acceptor).await;
        assert_eq!(seen, 0, "nothing is sent over an unproven connection");
        let said = failure(exchange);
        assert!(said.starts_with(text), "{said}");
    }
    let plain = Receiver::plain([say("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let said = failure(send(&trusting, &format!("https://x.example:{}/", plain.addr.port())).await);
    assert_eq!(said, "x.example does not speak TLS on this port");
}

#[test]
fn a_ca_file_without_certificates_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.pem");
    for content in [None, Some("no certificate")] {
        if let Some(text) = content {
            std::fs::write(&path, text).unwrap();
        }
        let refused = Client::new(Options { ca_file: Some(path.clone()), ..Options::default() });
        assert!(refused.is_err_and(|error| error.to_string().starts_with("egress.ca_file")));
    }
}
