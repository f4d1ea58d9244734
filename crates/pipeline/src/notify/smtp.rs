//! Mail, by the server that the installation names. That server is set by whoever runs the
//! installation, so that the guard for tenants' URLs doesn't apply.

use std::time::Duration;

use hookswitch_domain::secret::Secret;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Security, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::Message;

/// For one command of the dialogue, and for all of it.
const COMMAND: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Upgraded before anything else is said; a server that can't is refused.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a relay on the machine itself.
    None,
}

impl std::str::FromStr for Tls {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Implicit),
            "none" => Ok(Self::None),
            _ => Err("must be starttls, tls or none".to_owned()),
        }
    }
}

/// The mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub from: String,
    pub credentials: Option<(String, Secret)>,
}

impl Smtp {
    /// Sends one mail to all.
    pub async fn send(&self, to: &[String], message: &Message) -> Result<(), String> {
        let mail = self.mail(to, message)?;
        let transport = self.transport()?;
        match tokio::time::timeout(PATIENCE, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            // What the server said may quote what it was told; its code is enough.
            Ok(Err(error)) => Err(match error.status() {
                Some(code) => format!("the mail server answered {code}"),
                None => "the mail server can't be reached, or broke off".to_owned(),
            }),
            Err(_) => Err(format!("the mail server took longer than {} s", PATIENCE.as_secs())),
        }
    }

    fn mail(&self, to: &[String], message: &Message) -> Result<lettre::Message, String> {
        let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|_| "an address can't be read".to_owned());
        let mut builder = lettre::Message::builder().from(mailbox(&self.from)?).subject(&message.subject);
        for address in to {
            builder = builder.to(mailbox(address)?);
        }
        builder.header(ContentType::TEXT_PLAIN).body(message.text.clone()).map_err(|_| "the mail can't be written".to_owned())
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let parameters =
            || TlsParameters::new(self.host.clone()).map_err(|_| "TLS can't be set up for the mail server".to_owned());
        let security = match self.tls {
            Tls::StartTls => Security::Required(parameters()?),
            Tls::Implicit => Security::Wrapper(parameters()?),
            Tls::None => Security::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(security)
            .timeout(Some(COMMAND))
            .hello_name(ClientId::Domain("hookswitch".to_owned()));
        if let Some((user, password)) = &self.credentials {
            let password = password.expose_text().unwrap_or_default().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(builder.build())
    }
}
