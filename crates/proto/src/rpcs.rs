//! The table of RPCs: what is served, under which route, and who may call it.

use crate::generated::table::RPCS;

/// One method of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// The full name, such as `zitadel.session.v2.SessionService`.
    pub service: &'static str,
    pub method: &'static str,
    /// The full name of the request message.
    pub request: &'static str,
    /// The full name of the response message.
    pub response: &'static str,
    /// The HTTP method of the REST route, in capitals.
    pub verb: &'static str,
    /// The REST route, with variables such as `{session_id}` as whole segments.
    pub path: &'static str,
    /// Whether the body of the REST request is the whole message. Otherwise it is not read.
    pub body: bool,
    /// The HTTP status of success over REST.
    pub success: u16,
    /// `authenticated`, or the permission that the caller needs before the request is looked at.
    pub permission: &'static str,
    /// The field of the request that names the organization in which the permission is needed.
    pub org_field: Option<&'static str>,
    /// The fields that REST takes from the query. Empty where there is a body.
    pub query: &'static [QueryField],
}

/// A field that REST takes from the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryField {
    /// The JSON name. Fields of inner messages are dotted.
    pub json: &'static str,
    /// The name in the proto file, which is accepted as well.
    pub name: &'static str,
    pub kind: QueryKind,
    pub repeated: bool,
}

/// How the text of a query field becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Strings, and timestamps and durations, which are strings in JSON.
    Text,
    Bool,
    Number,
    /// A name or a number.
    Enum,
    /// Base64.
    Bytes,
}

/// Requests whose REST route carries fields in its path.
pub trait PathFields {
    /// Sets the field that the path variable names. Other names are ignored.
    fn set_path_field(&mut self, name: &str, value: &str);
}

/// Finds a method by the full name of its service and its own name.
pub fn find_rpc(service: &str, method: &str) -> Option<&'static Rpc> {
    RPCS.iter().find(|rpc| rpc.service == service && rpc.method == method)
}
