//! Auth schemes: pure functions of (request, secret). One file each; `check` is the list.

mod bearer;
mod hmac;
mod ip;
mod token;

use std::net::IpAddr;

use hookswitch_domain::inbound::{Auth, AuthStatus};
use hookswitch_domain::secret::Secret;
use ipnet::IpNet;

/// A request as a scheme sees it.
pub struct Knock<'a> {
    pub headers: &'a [(String, Vec<u8>)],
    /// Without the leading `?`.
    pub query: &'a str,
    pub body: &'a [u8],
    /// `None` if it isn't known: no list lets it in.
    pub source: Option<IpAddr>,
}

impl Knock<'_> {
    /// The one line of a header; two lines of one name are as good as none.
    fn header(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        let (_, value) = lines.next()?;
        lines.next().is_none().then_some(value.as_slice())
    }
}

/// A refusal: the status that is logged, and a reason for the tenant's admin. The sender sees neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: AuthStatus,
    pub reason: String,
}

fn refused(status: AuthStatus, reason: impl Into<String>) -> Refused {
    Refused { status, reason: reason.into() }
}

/// Judges a request by its webhook's scheme, and by its network list if it has one.
pub fn check(auth: &Auth, networks: &[IpNet], secret: Option<&Secret>, knock: &Knock<'_>) -> Result<(), Refused> {
    if !networks.is_empty() {
        ip::check(networks, knock)?;
    }
    let secret = || secret.ok_or_else(|| refused(AuthStatus::RejectedNoAuth, "the webhook's secret can't be opened"));
    match auth {
        Auth::HmacSha256 { signature_header } => hmac::check(signature_header, secret()?, knock),
        Auth::Bearer {} => bearer::check(secret()?, knock),
        Auth::IpAllowlist { ip_cidrs } => ip::check(ip_cidrs, knock),
        Auth::PathToken { param } => token::check(param, secret()?, knock),
    }
}

/// As much work as a real check, for a URL that leads nowhere: the time of the answer tells nothing.
pub fn check_nothing(knock: &Knock<'_>) {
    let _ = std::hint::black_box(hmac::check("x-signature", &Secret::from("no webhook has this secret"), knock));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookswitch_domain::signature::hmac_sha256;

    const SECRET: &str = "a secret of enough characters";
    const BODY: &[u8] = br#"{"a": 1}"#;

    fn knock<'a>(headers: &'a [(String, Vec<u8>)], query: &'a str, source: Option<&str>) -> Knock<'a> {
        Knock { headers, query, body: BODY, source: source.map(|text| text.parse().unwrap()) }
    }

    fn line(name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), value.as_bytes().to_vec())]
    }

    fn status(auth: &Auth, headers: &[(String, Vec<u8>)], query: &str, source: Option<&str>) -> AuthStatus {
        let checked = check(auth, &[], Some(&Secret::from(SECRET)), &knock(headers, query, source));
        checked.map_or_else(|refused| refused.status, |()| AuthStatus::Verified)
    }

    /// requirements.md 1.7, authVerifier.verificationMatrix.
    #[test]
    fn hmac_takes_plain_hex_and_the_sha256_prefix_in_its_header_alone() {
        let auth = Auth::HmacSha256 { signature_header: "X-Sig".to_owned() };
        let hex = data_encoding::HEXLOWER.encode(&hmac_sha256(SECRET.as_bytes(), [BODY]));
        assert_eq!(status(&auth, &line("x-sig", &hex), "", None), AuthStatus::Verified);
        assert_eq!(status(&auth, &line("X-Sig", &format!("sha256={hex}")), "", None), AuthStatus::Verified);
        assert_eq!(status(&auth, &line("X-Other", &hex), "", None), AuthStatus::RejectedNoAuth);
        assert_eq!(status(&auth, &line("X-Sig", &hex.replace('a', "b")), "", None), AuthStatus::RejectedSignature);
        let twice = [line("X-Sig", &hex), line("X-Sig", &hex)].concat();
        assert_ne!(status(&auth, &twice, "", None), AuthStatus::Verified);
        assert!(check(&auth, &[], None, &knock(&line("X-Sig", &hex), "", None)).is_err(), "no secret, no entry");
    }

    #[test]
    fn bearer_compares_the_scheme_without_case_and_the_token_exactly() {
        let auth = Auth::Bearer {};
        for (value, expected) in [
            (format!("Bearer {SECRET}"), AuthStatus::Verified),
            (format!("bEARER {SECRET}"), AuthStatus::Verified),
            (format!("Basic {SECRET}"), AuthStatus::RejectedNoAuth),
            (format!("Bearer {SECRET}x"), AuthStatus::RejectedBearer),
            ("Bearer ".to_owned(), AuthStatus::RejectedBearer),
        ] {
            assert_eq!(status(&auth, &line("Authorization", &value), "", None), expected, "{value}");
        }
        assert_eq!(status(&auth, &[], "", None), AuthStatus::RejectedNoAuth);
    }

    #[test]
    fn address_lists_fail_closed() {
        let list = |text: &[&str]| Auth::IpAllowlist { ip_cidrs: text.iter().map(|net| net.parse().unwrap()).collect() };
        let ours = list(&["192.0.2.0/24", "2001:db8::/32"]);
        assert_eq!(status(&ours, &[], "", Some("192.0.2.7")), AuthStatus::Verified);
        assert_eq!(status(&ours, &[], "", Some("::ffff:192.0.2.7")), AuthStatus::Verified);
        assert_eq!(status(&ours, &[], "", Some("2001:db8::1")), AuthStatus::Verified);
        assert_eq!(status(&ours, &[], "", Some("198.51.100.1")), AuthStatus::RejectedIp);
        assert_eq!(status(&ours, &[], "", None), AuthStatus::RejectedIp);
        assert_eq!(status(&list(&[]), &[], "", Some("192.0.2.7")), AuthStatus::RejectedIp);
    }

    #[test]
    fn a_path_token_stands_in_its_parameter_once() {
        let auth = Auth::PathToken { param: "key".to_owned() };
        let encoded = SECRET.replace(' ', "%20");
        assert_eq!(status(&auth, &[], &format!("a=1&key={encoded}"), None), AuthStatus::Verified);
        assert_eq!(status(&auth, &[], &format!("token={encoded}"), None), AuthStatus::RejectedNoAuth);
        assert_eq!(status(&auth, &[], &format!("key={encoded}x"), None), AuthStatus::RejectedBearer);
        assert_eq!(status(&auth, &[], &format!("key={encoded}&key={encoded}"), None), AuthStatus::RejectedNoAuth);
    }

    #[test]
    fn a_network_list_is_demanded_on_top_of_any_scheme() {
        let networks = ["192.0.2.0/24".parse().unwrap()];
        let headers = line("authorization", &format!("Bearer {SECRET}"));
        let secret = Secret::from(SECRET);
        let from = |source| check(&Auth::Bearer {}, &networks, Some(&secret), &knock(&headers, "", Some(source)));
        assert!(from("192.0.2.1").is_ok());
        assert_eq!(from("198.51.100.1").unwrap_err().status, AuthStatus::RejectedIp);
    }
}
