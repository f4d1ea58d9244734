//! Trust: whose certificates are believed, and what is said when one isn't.

use std::path::Path;
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::TlsConnector;

use super::SetupError;

/// What trusts the system's certificates and those in the file.
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, SetupError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a certificate of the system can't be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path).map_err(SetupError::CaFile)?;
    }
    if roots.is_empty() {
        tracing::warn!("no trusted certificates on this machine: no https receiver can be reached; set egress.ca_file");
    }
    // Named, because another crate may have installed another provider for the process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| format!("{shown} can't be read: {error}"))?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("{shown} holds something that is no PEM certificate: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{shown} holds an unusable certificate: {error}"))?;
    }
    if roots.len() == before { Err(format!("{shown} holds no certificate")) } else { Ok(()) }
}

/// What went wrong in a handshake, for the owner of the destination.
pub fn explain(error: &std::io::Error, host: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(reason)) => explain_certificate(reason, host),
        Some(rustls::Error::InvalidMessage(_)) => format!("{host} does not speak TLS on this port"),
        Some(rustls::Error::PeerIncompatible(_)) => old_protocol(host),
        Some(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity)) => {
            old_protocol(host)
        }
        Some(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)) => {
            format!("{host} and we have no TLS version and cipher in common")
        }
        Some(rustls::Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            format!("{host} is no name that this server answers to")
        }
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => format!("{host} does not speak HTTP/1.1"),
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            format!("{host} asks for a client certificate, which is not supported")
        }
        Some(rustls::Error::PeerMisbehaved(_)) => format!("{host} does not keep to the TLS protocol"),
        Some(rustls::Error::AlertReceived(alert)) => format!("{host} ended the TLS handshake: {alert:?}"),
        Some(other) => format!("TLS failed: {other}"),
        None if matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset) => {
            format!("{host} closed the connection during the TLS handshake")
        }
        None => format!("TLS failed: {}", error.kind()),
    }
}

fn explain_certificate(reason: &CertificateError, host: &str) -> String {
    match reason {
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => format!("certificate expired {}", days(*not_after, *time, "ago")),
        CertificateError::NotValidYet => "certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("certificate becomes valid {}", days(*time, *not_before, "from now"))
        }
        CertificateError::NotValidForNameContext { presented, .. } => match named(presented) {
            Some(others) => format!("certificate is for {others}, not for {host}"),
            None => format!("certificate is not for {host}"),
        },
        CertificateError::NotValidForName => format!("certificate is not for {host}"),
        CertificateError::UnknownIssuer => {
            "certificate is signed by an authority that is not trusted here (whoever runs this installation can add one with egress.ca_file)"
                .to_owned()
        }
        CertificateError::BadSignature => "certificate is not signed by the authority that it names".to_owned(),
        CertificateError::Revoked => "certificate is revoked".to_owned(),
        other => format!("certificate is refused: {other}"),
    }
}

fn old_protocol(host: &str) -> String {
    format!("{host} speaks no TLS that is safe today: 1.2 or newer is needed")
}

/// Names on a certificate are foreign text: a few, short and plain. They come as `DnsName("...")`.
fn named(presented: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    const CHARS_MAX: usize = 100;
    let plain = |name: &&str| name.len() <= CHARS_MAX && name.bytes().all(|byte| byte.is_ascii_graphic());
    let names: Vec<&str> = presented.iter().filter_map(|name| name.split('"').nth(1)).filter(plain).take(SHOWN).collect();
    let more = if presented.len() > names.len() { " and others" } else { "" };
    (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
}

fn days(from: UnixTime, to: UnixTime, side: &str) -> String {
    match to.as_secs().saturating_sub(from.as_secs()) / 86_400 {
        0 => format!("less than a day {side}"),
        1 => format!("1 day {side}"),
        days => format!("{days} days {side}"),
    }
}
