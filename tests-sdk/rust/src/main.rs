//! One walk through the Session API with the crate `zitadel`, printed as one line of JSON. The argument says how the
//! caller logs in: with a token or with a key.

use std::collections::HashMap;
use std::error::Error;

use prost::Message;
use serde_json::{Value, json};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};
use zitadel::api::clients::ClientBuilder;
use zitadel::api::zitadel::session::v2::check_user::Search;
use zitadel::api::zitadel::session::v2::search_query::Query;
use zitadel::api::zitadel::session::v2::session_service_client::SessionServiceClient;
use zitadel::api::zitadel::session::v2::{
    CheckPassword, CheckUser, Checks, CreateSessionRequest, DeleteSessionRequest, GetSessionRequest,
    IDsQuery, ListSessionsRequest, SearchQuery, Session, SetSessionRequest,
};
use zitadel::api::zitadel::v1::CredentialsCheckError;
use zitadel::credentials::{AuthenticationOptions, ServiceAccount};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Sessions<I> = SessionServiceClient<InterceptedService<Channel, I>>;

/// `google.rpc.Status`, as it stands in `grpc-status-details-bin`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let builder = ClientBuilder::new(&std::env::var("DOORWARD_URL")?);
    let seen = match std::env::args().nth(1).as_deref() {
        Some("token") => {
            let builder = builder.with_access_token(&std::env::var("DOORWARD_PAT")?);
            walk(builder.build_session_client().await?).await?
        }
        Some("key") => {
            let account = ServiceAccount::load_from_file(&std::env::var("DOORWARD_KEY_FILE")?)?;
            let options = AuthenticationOptions { api_access: true, ..AuthenticationOptions::default() };
            let builder = builder.with_service_account(&account, Some(options));
            walk(builder.build_session_client().await?).await?
        }
        _ => return Err("say how to log in: token or key".into()),
    };
    println!("{seen}");
    Ok(())
}

async fn walk<I: Interceptor>(mut sessions: Sessions<I>) -> Outcome<Value> {
    let password = std::env::var("DOORWARD_PASSWORD")?;
    let created = sessions.create_session(with_checks(&password)?).await?.into_inner();
    let id = created.session_id;
    let read = get(&mut sessions, &id).await?;
    let change = SetSessionRequest {
        session_id: id.clone(),
        session_token: created.session_token.clone(),
        metadata: HashMap::from([("colour".to_owned(), b"blue".to_vec())]),
        ..SetSessionRequest::default()
    };
    let changed = sessions.set_session(change).await?.into_inner();
    let metadata = metadata(&get(&mut sessions, &id).await?)?;
    let query = SearchQuery { query: Some(Query::IdsQuery(IDsQuery { ids: vec![id.clone()] })) };
    let query = ListSessionsRequest { queries: vec![query], ..ListSessionsRequest::default() };
    let listed = sessions.list_sessions(query).await?.into_inner();
    let refused = refusal(sessions.create_session(with_checks("wrong")?).await.err())?;
    let end =
        DeleteSessionRequest { session_id: id.clone(), session_token: Some(changed.session_token.clone()) };
    sessions.delete_session(end).await?;
    let gone = sessions.get_session(GetSessionRequest { session_id: id.clone(), session_token: None }).await;
    let factors = read.factors.clone().unwrap_or_default();
    Ok(json!({
        "created": { "id": id, "token": created.session_token },
        "read": {
            "id": read.id,
            "loginName": factors.user.unwrap_or_default().login_name,
            "passwordVerified": factors.password.unwrap_or_default().verified_at.is_some(),
        },
        "changed": { "token": changed.session_token },
        "metadata": metadata,
        "listed": listed.sessions.iter().map(|session| session.id.clone()).collect::<Vec<_>>(),
        "total": listed.details.unwrap_or_default().total_result,
        "refused": refused,
        "gone": refusal(gone.err())?,
    }))
}

fn with_checks(password: &str) -> Outcome<CreateSessionRequest> {
    let search = Some(Search::LoginName(std::env::var("DOORWARD_LOGIN_NAME")?));
    let checks = Checks {
        user: Some(CheckUser { search }),
        password: Some(CheckPassword { password: password.to_owned() }),
        ..Checks::default()
    };
    Ok(CreateSessionRequest { checks: Some(checks), ..CreateSessionRequest::default() })
}

async fn get<I: Interceptor>(sessions: &mut Sessions<I>, id: &str) -> Outcome<Session> {
    let request = GetSessionRequest { session_id: id.to_owned(), session_token: None };
    Ok(sessions.get_session(request).await?.into_inner().session.unwrap_or_default())
}

fn metadata(session: &Session) -> Outcome<Value> {
    let mut shown = serde_json::Map::new();
    for (key, value) in &session.metadata {
        shown.insert(key.clone(), String::from_utf8(value.clone())?.into());
    }
    Ok(shown.into())
}

/// Code and message, and the first detail where it tells of failed attempts.
fn refusal(status: Option<Status>) -> Outcome<Value> {
    let status = status.ok_or("the call should have been refused")?;
    let mut shown = json!({ "code": code(status.code()), "message": status.message() });
    let details = RpcStatus::decode(status.details())?.details;
    let credentials = details.iter().find(|any| any.type_url.ends_with("/zitadel.v1.CredentialsCheckError"));
    if let Some(any) = credentials {
        let detail = CredentialsCheckError::decode(any.value.as_slice())?;
        shown["id"] = detail.id.into();
        shown["failedAttempts"] = detail.failed_attempts.into();
    }
    Ok(shown)
}

fn code(code: Code) -> &'static str {
    match code {
        Code::InvalidArgument => "invalid_argument",
        Code::NotFound => "not_found",
        _ => "another",
    }
}
