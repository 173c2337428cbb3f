//! Messages to users: what they carry, and how they come into the outbox.
//!
//! A message is written in the same transaction as the code that it carries, sealed. So none goes out for something
//! that was not stored, and none is lost once it was. Sending is the business of the delivery, which waits for nobody.

use doorward_core::base::{Secret, Span, Timestamp};
use doorward_core::failure::{self, Failure};
pub use doorward_core::message::{Channel, Purpose};
use doorward_core::url_template::Template;
use doorward_store::outbox::{self as rows, Entry, State, Whose};
use doorward_store::{Conn, Result as StoreResult};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::App;

/// A message to a user.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is for.
    pub purpose: Purpose,
    /// The way that it goes.
    pub channel: Channel,
    /// The address or number.
    pub to: String,
    /// The user.
    pub user_id: String,
    /// The session that asks for it, if one does.
    pub session_id: Option<String>,
    /// The language that the user prefers.
    pub language: Option<String>,
    /// The name that the user logs in with.
    pub login_name: String,
    /// How the user is shown.
    pub display_name: String,
    /// What the place is called that the message is about, if it has a name.
    pub application: Option<String>,
    /// The code.
    pub code: Secret,
    /// Where the code can be given, see [`link`].
    pub link: Option<String>,
    /// From then on the code is not accepted, and the message worth nothing.
    pub expires: Timestamp,
}

/// What the operator decided about messages.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whether mail is set up.
    pub mail: bool,
    /// Whether SMS are set up.
    pub sms: bool,
    /// Messages that a session can ask for in an hour.
    pub most_per_session: u32,
    /// Messages that a user can get in an hour.
    pub most_per_user: u32,
    /// The address of the login page, without a slash at the end: where links of messages begin.
    pub login_url: String,
}

/// The time in which messages are counted.
const WINDOW: Span = Span::minutes(60);

/// Refuses what would have to be sent on a way that is not set up.
///
/// # Errors
/// `DOORWARD-N0tif`.
pub fn require(app: &App, channel: Channel) -> Result<(), Failure> {
    let there = match channel {
        Channel::Email => app.delivery.mail,
        Channel::Sms => app.delivery.sms,
    };
    if there { Ok(()) } else { Err(failure::DELIVERY_UNSET) }
}

/// Understands the template of a link. An empty one, like none, means the link of the configuration.
///
/// # Errors
/// `DOMAIN-oGh5e` when it makes no sense, `DOMAIN-ieYa7` when it uses a field that messages of this kind do not have.
pub fn link_template(purpose: Purpose, template: Option<&str>) -> Result<Option<Template>, Failure> {
    let Some(template) = template.filter(|template| !template.is_empty()) else { return Ok(None) };
    let template = Template::parse(template)?;
    template.allow(purpose.link_fields())?;
    Ok(Some(template))
}

/// The link of a message: after the sender's template, or else the one of the configuration. `value` knows the fields
/// of [`Purpose::link_fields`].
///
/// # Errors
/// `DOMAIN-ieYa7` when a field has no value.
pub fn link(
    app: &App,
    purpose: Purpose,
    template: Option<&Template>,
    value: impl FnMut(&str) -> Option<String>,
) -> Result<Option<String>, Failure> {
    if let Some(template) = template {
        return template.render(value).map(Some);
    }
    let Some(path) = purpose.default_link() else { return Ok(None) };
    let rest = Template::parse(path)?.render(value)?;
    Ok(Some(format!("{}{rest}", app.delivery.login_url)))
}

/// Writes a message into the outbox, in the transaction that stores its code, and as the last thing that can refuse.
/// One that waits for the same session and purpose gives way; without a session, one of the same user and purpose. The
/// id is [`App::mint_id`]'s, drawn before the story: it is also the key by which receivers know a repeated message.
///
/// # Errors
/// When the store cannot be written. Inside, as [`allow`].
pub async fn put(
    conn: &mut Conn,
    app: &App,
    message: &Message,
    id: &str,
    now: Timestamp,
) -> StoreResult<Result<(), Failure>> {
    if let Err(failure) = allow(conn, app, message, now).await? {
        return Ok(Err(failure));
    }
    rows::put(conn, &entry(app, message, id, now)).await?;
    Ok(Ok(()))
}

/// Whether the message may go out: the user is locked, so that this is still so when it is written.
///
/// # Errors
/// When the store cannot be read. `DOORWARD-N0tif` when its way is not set up, `DOORWARD-D3l1v` when the session or the
/// user had too many in an hour.
pub async fn allow(
    conn: &mut Conn,
    app: &App,
    message: &Message,
    now: Timestamp,
) -> StoreResult<Result<(), Failure>> {
    if let Err(failure) = require(app, message.channel) {
        return Ok(Err(failure));
    }
    let of_session = message.session_id.as_deref().map(Whose::Session);
    let of_session = of_session.map(|whose| (whose, app.delivery.most_per_session));
    let of_user = (Whose::User(&message.user_id), app.delivery.most_per_user);
    for (whose, most) in of_session.into_iter().chain([of_user]) {
        let since = Timestamp(now.0.saturating_sub(WINDOW.0));
        if let Some(first) = rows::nth_newest(conn, whose, since, most).await? {
            let wait = first.plus(WINDOW).since(now);
            return Ok(Err(failure::DELIVERY_TOO_MANY.with_retry(wait)));
        }
    }
    Ok(Ok(()))
}

/// The entry of the outbox that holds a message, sealed.
#[must_use]
pub fn entry(app: &App, message: &Message, id: &str, now: Timestamp) -> Entry {
    Entry {
        id: id.to_owned(),
        user_id: message.user_id.clone(),
        session_id: message.session_id.clone(),
        channel: message.channel,
        purpose: message.purpose,
        state: State::Waiting,
        payload: Some(app.seal(&seal_name(id), &Payload::of(message).encode())),
        attempts: 0,
        error: None,
        created: now,
        due: now,
        expires: message.expires,
        ended: None,
    }
}

/// The message that an entry of the outbox holds. Nothing, if this node cannot read it.
#[must_use]
pub fn open(app: &App, entry: &Entry) -> Option<Message> {
    let payload = app.seals.open(&seal_name(&entry.id), entry.payload.as_deref()?)?;
    let payload: Opened = serde_json::from_slice(&payload).ok()?;
    Some(Message {
        purpose: entry.purpose,
        channel: entry.channel,
        to: payload.to,
        user_id: entry.user_id.clone(),
        session_id: entry.session_id.clone(),
        language: payload.language,
        login_name: payload.login_name,
        display_name: payload.display_name,
        application: payload.application,
        code: payload.code,
        link: payload.link,
        expires: entry.expires,
    })
}

fn seal_name(id: &str) -> String {
    format!("outbox {id}")
}

/// What of a message is sealed.
#[derive(Serialize)]
struct Payload<'a> {
    to: &'a str,
    language: Option<&'a str>,
    login_name: &'a str,
    display_name: &'a str,
    application: Option<&'a str>,
    code: &'a str,
    link: Option<&'a str>,
}

impl<'a> Payload<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            to: &message.to,
            language: message.language.as_deref(),
            login_name: &message.login_name,
            display_name: &message.display_name,
            application: message.application.as_deref(),
            code: message.code.expose(),
            link: message.link.as_deref(),
        }
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Texts alone: nothing of it can fail.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The same, read.
#[derive(Deserialize)]
struct Opened {
    to: String,
    language: Option<String>,
    login_name: String,
    display_name: String,
    application: Option<String>,
    code: Secret,
    link: Option<String>,
}
