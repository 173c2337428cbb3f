//! Logins at identity providers: sending somebody there, taking them back, and telling who they are.
//!
//! An intent is claimed before the provider is asked, so that nobody can come back with it twice; it is settled in one
//! transaction after the provider has answered, while nothing is locked in between.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::failure::{self, Failure};
use doorward_core::intent::{Intent, IntentState, read_token, with_token};
use doorward_core::token::TokenKind;
use doorward_store::intent::{self, Success};
use doorward_store::{Conn, Result as StoreResult, idp_link};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::idp_link::{auto_link, owner};
use super::{App, Call, read, store_failure};
use crate::idp::{Answer, Opening, Person, Provider, Told, Trouble};

/// How long the id of an intent is.
const ID_LENGTH: usize = 36;

/// What comes back through a browser.
#[derive(Clone)]
pub struct Back {
    /// The id of the intent.
    pub state: String,
    /// What the provider is asked with.
    pub code: Option<Secret>,
    /// Why the provider let nobody in.
    pub error: Option<String>,
    /// Who answers, if that is said.
    pub issuer: Option<String>,
}

/// What is known about somebody who logged in at a provider.
pub struct Retrieved {
    /// The intent.
    pub intent: Intent,
    /// The token for the provider's own interfaces.
    pub access_token: String,
    /// The token that says who it is.
    pub id_token: Option<String>,
    /// All that the provider told.
    pub claims: Map<String, Value>,
    /// The user who has the account.
    pub user_id: Option<String>,
    /// The person, for a user to be made. Nothing if the provider is not configured any more.
    pub person: Option<Person>,
}

/// What the provider told, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    access_token: String,
    id_token: Option<String>,
    claims: Map<String, Value>,
}

/// Starts a login at a provider; gives the address at which the browser goes on.
///
/// # Errors
/// `COMMAND-as02jin` for an unknown provider, `DOORWARD-R3dir` for a place where the browser must not end,
/// `DOORWARD-1dpun` when the provider does not say where it wants people, those of the store.
pub async fn start(call: &Call, idp_id: &str, urls: (String, String)) -> Result<String, Failure> {
    let (app, now) = (&call.app, call.now);
    let provider = app.idps.get(idp_id).ok_or(failure::INTENT_IDP_UNKNOWN)?;
    let (success_url, failure_url) = urls;
    if !provider.may_end_at(&success_url) || !provider.may_end_at(&failure_url) {
        return Err(failure::INTENT_URL_DENIED);
    }
    let (id, opening) = (app.mint_id(now), Opening::new(app.chance(), app.chance()));
    let place = provider.authorization_url(&id, &opening, now).await.map_err(|trouble| {
        tracing::warn!(idp = idp_id, %trouble, "a login at an identity provider cannot be started");
        failure::INTENT_IDP_UNAVAILABLE
    })?;
    let started = Intent {
        secrets: Some(app.seal(&purpose(&id), &json(&opening)?)),
        id,
        idp_id: idp_id.to_owned(),
        state: IntentState::Started,
        success_url,
        failure_url,
        token: None,
        user_id: None,
        account: None,
        created: now,
        changed: now,
        expires: now.plus(app.policy.intents.answer_within),
    };
    let insert = app.db.write(move |conn| Box::pin(async move { intent::insert(conn, &started).await }));
    insert.await.map_err(store_failure)?;
    Ok(place)
}

/// Takes somebody back from a provider; gives the address at which the browser ends, or nothing if nobody was sent
/// there with this, or has come back with it before.
///
/// # Errors
/// Those of the store.
pub async fn come_back(app: &App, back: Back) -> Result<Option<String>, Failure> {
    let now = app.env.clock.now();
    let Some(intent) = claim(app, &back.state, now).await? else { return Ok(None) };
    let (error, description) = match told(app, &intent, &back, now).await {
        Ok(told) => return succeed(app, &intent, told, now).await.map(Some),
        Err(why) => why,
    };
    let id = intent.id.clone();
    let failed = app.db.write(move |conn| {
        Box::pin(async move {
            intent::step(conn, &id, IntentState::Answered, IntentState::Failed, now).await.map(|_| ())
        })
    });
    failed.await.map_err(store_failure)?;
    let pairs = [("id", intent.id.as_str()), ("error", &error), ("error_description", description)];
    Ok(with_query(&intent.failure_url, &pairs))
}

/// Takes an intent that somebody may come back with. From then on nobody else can.
async fn claim(app: &App, id: &str, now: Timestamp) -> Result<Option<Intent>, Failure> {
    if id.len() != ID_LENGTH || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    // Whoever makes up an id must not make this server write.
    let found = read!(app, intent::find(id))?;
    if found.is_none_or(|found| !found.may_be_answered(now)) {
        return Ok(None);
    }
    let id = id.to_owned();
    let claimed = app.db.write(move |conn| Box::pin(async move { claim_locked(conn, &id, now).await }));
    claimed.await.map_err(store_failure)
}

async fn claim_locked(conn: &mut Conn, id: &str, now: Timestamp) -> StoreResult<Option<Intent>> {
    let Some(found) = intent::lock(conn, id).await?.filter(|found| found.may_be_answered(now)) else {
        return Ok(None);
    };
    let claimed = intent::step(conn, id, IntentState::Started, IntentState::Answered, now).await?;
    Ok(claimed.then_some(found))
}

type Why = (String, &'static str);

/// What the provider tells about somebody who came back, or the error that the login page gets to see.
async fn told(app: &App, intent: &Intent, back: &Back, now: Timestamp) -> Result<Told, Why> {
    if let Some(error) = &back.error {
        return Err((readable(error), "The identity provider let nobody in"));
    }
    let why = |error: &str, description| (error.to_owned(), description);
    let Some(provider) = app.idps.get(&intent.idp_id) else {
        return Err(why("server_error", "The identity provider is not configured any more"));
    };
    let opening = intent.secrets.as_deref().and_then(|sealed| open::<Opening>(app, &intent.id, sealed));
    let (Some(opening), Some(code)) = (opening, back.code.clone()) else {
        return Err(why("invalid_request", "The answer of the identity provider is incomplete"));
    };
    let answer = Answer { code, issuer: back.issuer.clone() };
    provider.redeem(&answer, &opening, now).await.map_err(|trouble| {
        tracing::warn!(idp = intent.idp_id, intent = intent.id, %trouble, "a login at an identity provider failed");
        match trouble {
            Trouble::Unreachable(_) => {
                why("temporarily_unavailable", "The identity provider does not answer, try again later")
            }
            Trouble::Refused(_) => why("access_denied", "The identity provider refused the login"),
            Trouble::Untrusted(_) => {
                why("server_error", "The answer of the identity provider cannot be trusted")
            }
        }
    })
}

/// An error code as OAuth has them; anything else becomes one.
fn readable(error: &str) -> String {
    let fits = (1..=64).contains(&error.len())
        && error.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if fits { error.to_owned() } else { "server_error".to_owned() }
}

/// Settles a success, and gives the address at which the browser ends.
async fn succeed(app: &App, intent: &Intent, told: Told, now: Timestamp) -> Result<String, Failure> {
    let minted = app.mint_token(TokenKind::Intent, &intent.id);
    let provider = app.idps.get(&intent.idp_id);
    let mail = provider
        .filter(|provider| provider.auto_link)
        .map(|provider| provider.mapping.person(&told.claims))
        .filter(|person| person.email_verified)
        .and_then(|person| person.email);
    let stored = Stored {
        access_token: told.access_token.expose().to_owned(),
        id_token: told.id_token.as_ref().map(|token| token.expose().to_owned()),
        claims: told.claims,
    };
    let mut success = Success {
        token: minted.digest,
        user_id: None,
        account: told.account,
        secrets: app.seal(&purpose(&intent.id), &json(&stored)?),
        expires: app.policy.intents.expires(now, told.expires),
    };
    let (id, idp_id) = (intent.id.clone(), intent.idp_id.clone());
    let settled = app.db.write(move |conn| {
        Box::pin(async move {
            success.user_id = match (owner(conn, &idp_id, &success.account.id).await?, mail) {
                (None, Some(mail)) => auto_link(conn, &idp_id, &success.account, &mail, now).await?,
                (owner, _) => owner,
            };
            let settled = intent::succeed(conn, &id, &success, now).await?;
            Ok(settled.then_some(success.user_id))
        })
    });
    let user_id = settled.await.map_err(store_failure)?.ok_or(failure::INTERNAL)?;
    let mut pairs = vec![("id", intent.id.as_str()), ("token", minted.text.expose())];
    if let Some(user_id) = &user_id {
        pairs.push(("user", user_id));
    }
    with_query(&intent.success_url, &pairs).ok_or(failure::INTERNAL)
}

/// Tells what the provider told. It can be asked as often as one likes until a session takes the intent.
///
/// # Errors
/// Those of token and state, and of the store.
pub async fn retrieve(call: &Call, id: &str, token: &str) -> Result<Retrieved, Failure> {
    let app = &call.app;
    let digest = read_token(&app.keys, id, token)?;
    let intent = with_token(read!(app, intent::find(id))?, &digest)?;
    let account = intent.require_readable(call.now)?;
    let owner = read!(app, idp_link::find(&intent.idp_id, &account.id))?.map(|link| link.user_id);
    let stored = intent.secrets.as_deref().and_then(|sealed| open::<Stored>(app, id, sealed));
    let Some(Stored { access_token, id_token, claims }) = stored else {
        tracing::error!(intent = id, "what an identity provider told cannot be opened: its key is not there");
        return Err(failure::INTERNAL);
    };
    let person = app
        .idps
        .get(&intent.idp_id)
        .map(|provider: &std::sync::Arc<Provider>| provider.mapping.person(&claims));
    let user_id = intent.user_id.clone().or(owner);
    Ok(Retrieved { intent, access_token, id_token, claims, user_id, person })
}

/// What the secrets of an intent are sealed for.
fn purpose(id: &str) -> String {
    format!("intent {id}")
}

fn json(value: &impl Serialize) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    serde_json::to_vec(value).map(zeroize::Zeroizing::new).map_err(|_| failure::INTERNAL)
}

fn open<T: for<'de> Deserialize<'de>>(app: &App, id: &str, sealed: &[u8]) -> Option<T> {
    serde_json::from_slice(&app.seals.open(&purpose(id), sealed)?).ok()
}

/// The address with more in its query; what is there stays.
fn with_query(text: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_query_stays() {
        let url = with_query("https://a.example/x?for=a%26b#end", &[("id", "1"), ("token", "a&b c")]);
        assert_eq!(url.unwrap(), "https://a.example/x?for=a%26b&id=1&token=a%26b+c#end");
    }

    #[test]
    fn an_error_that_is_no_code_does_not_go_on() {
        assert_eq!(readable("access_denied"), "access_denied");
        for odd in ["", "<script>", "a b", &"x".repeat(65)] {
            assert_eq!(readable(odd), "server_error");
        }
    }
}
