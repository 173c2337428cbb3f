//! Delivery: takes messages out of the outbox and hands them to a mail server or an SMS provider.
//!
//! It runs beside the requests and takes nothing from them but a transaction now and then. A message goes out at least
//! once; its id goes with it, so that a receiver can tell a repeated one.

mod builtin;
pub mod cleanup;
mod hook;
mod smtp;
mod template;
mod twilio;
mod web;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use doorward_core::base::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::outbox::{Channel, Message};
use crate::cleanup::kept;
use crate::config::{Config, MailTransport, SmsTransport};
use crate::telemetry::Metrics;
use hook::Hook;
use smtp::Smtp;
use template::Templates;
use twilio::Twilio;
use worker::{Pace, work};

/// Delivery as it runs.
#[derive(Debug)]
pub struct Delivery {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts a worker for each channel that is set up, and the clean-up of what they leave.
    ///
    /// # Errors
    /// When a template or a certificate cannot be used.
    pub fn start(config: &Config, app: &Arc<App>, metrics: &Metrics) -> anyhow::Result<Self> {
        let post = Arc::new(Post::open(config)?);
        post.warn();
        let pace = Pace::from_config(config);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        for channel in Channel::ALL {
            let (app, post, means) = (Arc::clone(app), Arc::clone(&post), (pace, metrics.clone()));
            tasks.push(tokio::spawn(work(app, post, channel, means, stopped.clone())));
        }
        let (app, keep) = (Arc::clone(app), kept(config.policy.outbox.keep_days));
        tasks.push(tokio::spawn(async move { cleanup::work(&app, keep, stopped).await }));
        Ok(Self { stop, tasks })
    }

    /// Stops: nothing new is begun, and what runs is finished.
    ///
    /// # Errors
    /// When one of the workers had panicked.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.context("delivery")?;
        }
        Ok(())
    }
}

/// Why a message was not taken. The text is for the operator and must not hold the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It may be taken later.
    Temporary(String),
    /// It will never be.
    Permanent(String),
}

/// The ways out of this node.
#[derive(Debug)]
struct Post {
    mail: MailWay,
    sms: SmsWay,
    templates: Templates,
    login_url: String,
}

#[derive(Debug)]
enum MailWay {
    Off,
    Log,
    Smtp(Box<Smtp>),
}

#[derive(Debug)]
enum SmsWay {
    Off,
    Log,
    Hook(Hook),
    Twilio(Twilio),
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
struct Attempt<'a> {
    /// The key by which a receiver knows a repeated message.
    id: &'a str,
    now: Timestamp,
}

/// Says what of the configuration cannot be used, before anything else is begun.
///
/// # Errors
/// When a template or a certificate cannot be used.
pub fn check(config: &Config) -> anyhow::Result<()> {
    Post::open(config).map(drop)
}

impl Post {
    /// Prepares what the configuration asks for. Nothing is connected yet.
    ///
    /// # Errors
    /// When a template or a certificate cannot be used.
    fn open(config: &Config) -> anyhow::Result<Self> {
        let templates = Templates::load(config.delivery.templates.as_deref())?;
        let timeout = Duration::from_millis(u64::from(config.delivery.timeout_ms));
        let mail = match config.mail.transport {
            MailTransport::Off => MailWay::Off,
            MailTransport::Log => MailWay::Log,
            MailTransport::Smtp => {
                MailWay::Smtp(Box::new(Smtp::open(&config.mail, timeout).context("[mail]")?))
            }
        };
        let sms = match config.sms.transport {
            SmsTransport::Off => SmsWay::Off,
            SmsTransport::Log => SmsWay::Log,
            SmsTransport::Hook => SmsWay::Hook(Hook::open(&config.sms.hook, timeout).context("[sms.hook]")?),
            SmsTransport::Twilio => {
                SmsWay::Twilio(Twilio::open(&config.sms.twilio, timeout).context("[sms.twilio]")?)
            }
        };
        Ok(Self { mail, sms, templates, login_url: config.login_url() })
    }

    /// Says loudly what must not happen in earnest.
    fn warn(&self) {
        for (key, logs) in
            [("mail", matches!(self.mail, MailWay::Log)), ("sms", matches!(self.sms, SmsWay::Log))]
        {
            if logs {
                tracing::warn!(
                    "{key}.transport is \"log\": NOTHING IS SENT, and whoever reads this log can read every code. \
                     This is for development alone"
                );
            }
        }
    }

    /// Whether messages of a channel can go out.
    fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => !matches!(self.mail, MailWay::Off),
            Channel::Sms => !matches!(self.sms, SmsWay::Off),
        }
    }

    /// Hands a message over.
    async fn send(&self, message: &Message, attempt: Attempt<'_>) -> Result<(), Fault> {
        match message.channel {
            Channel::Email => {
                let letter = self.templates.mail(message, &self.login_url).map_err(unusable)?;
                match &self.mail {
                    MailWay::Off => Err(Fault::Temporary("mail is not set up".to_owned())),
                    MailWay::Log => {
                        log(message, attempt.id, &letter.text);
                        Ok(())
                    }
                    MailWay::Smtp(smtp) => smtp.send(message, &letter, attempt).await,
                }
            }
            Channel::Sms => {
                let text = self.templates.sms(message, &self.login_url).map_err(unusable)?;
                match &self.sms {
                    SmsWay::Off => Err(Fault::Temporary("SMS are not set up".to_owned())),
                    SmsWay::Log => {
                        log(message, attempt.id, &text);
                        Ok(())
                    }
                    SmsWay::Hook(hook) => hook.send(message, &text, attempt).await,
                    SmsWay::Twilio(twilio) => twilio.send(message, &text).await,
                }
            }
        }
    }
}

/// Templates were checked at the start, so this is a fault of ours.
fn unusable(problem: doorward_core::failure::Failure) -> Fault {
    Fault::Permanent(problem.to_string())
}

/// The one place that shows codes, for development.
fn log(message: &Message, id: &str, text: &str) {
    let (purpose, code, link) = (message.purpose.name(), message.code.expose(), message.link.as_deref());
    tracing::warn!(id, purpose, to = message.to, code, link, "not sent, but logged: {text}");
}
