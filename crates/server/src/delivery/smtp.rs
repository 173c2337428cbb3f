//! Mail by SMTP.
//!
//! Every mail has a connection of its own: an attempt that is cut off in the middle leaves none behind whose next answer
//! would belong to another mail.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};

use super::template::Letter;
use super::{Attempt, Fault};
use crate::app::outbox::Message;
use crate::config::{Mail as Settings, MailSecurity};

/// A mail server, and how mails for it look.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The transport holds the password.
        f.debug_struct("Smtp").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Smtp {
    /// Prepares the way. Nothing is connected yet.
    pub fn open(settings: &Settings, timeout: Duration) -> anyhow::Result<Self> {
        let host = settings.host.clone().context("host is not set")?;
        let from = settings.from.as_deref().context("from is not set")?.parse().context("from")?;
        let reply_to = settings.reply_to.as_deref().map(str::parse).transpose().context("reply_to")?;
        let (tls, usual) = match settings.security {
            MailSecurity::None => (Tls::None, 25),
            MailSecurity::Starttls => (Tls::Required(parameters(settings, &host)?), 587),
            MailSecurity::Tls => (Tls::Wrapper(parameters(settings, &host)?), 465),
        };
        let port = u16::try_from(settings.port).ok().filter(|port| *port > 0).unwrap_or(usual);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(tls)
            .timeout(Some(timeout))
            .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        if let Some(user) = &settings.user {
            let password = settings.password.as_ref().map_or("", |password| password.expose());
            builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
        }
        Ok(Self { transport: builder.build(), from, reply_to })
    }

    /// Hands a mail to the server.
    pub async fn send(&self, message: &Message, letter: &Letter, attempt: Attempt<'_>) -> Result<(), Fault> {
        let to: Address = message
            .to
            .parse()
            .map_err(|error| Fault::Permanent(format!("no mail can be sent to this address: {error}")))?;
        // The same at every attempt, so that the receiver can tell a repeated mail.
        let id = format!("<{}@{}>", attempt.id, self.from.email.domain());
        let (seconds, _) = attempt.now.seconds_and_nanos();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.as_str())
            .date(date)
            .message_id(Some(id))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(reply_to) = &self.reply_to {
            mail = mail.reply_to(reply_to.clone());
        }
        let body = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
        let mail = mail
            .multipart(body)
            .map_err(|error| Fault::Permanent(format!("the mail cannot be written: {error}")))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn parameters(settings: &Settings, host: &str) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .with_context(|| format!("{} holds no certificate", path.display()))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().context("TLS cannot be set up")
}

/// Codes of a login that was refused: that is a fault of the configuration, and the mail can still go out once it is
/// mended.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// A server that refuses a mail for good says so with a code that begins with 5. Everything else may change.
fn fault(error: &lettre::transport::smtp::Error) -> Fault {
    let code = error.status().map(u16::from);
    if error.is_permanent() && !code.is_some_and(|code| LOGIN_REFUSED.contains(&code)) {
        Fault::Permanent(error.to_string())
    } else {
        Fault::Temporary(error.to_string())
    }
}
