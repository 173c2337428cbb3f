//! The table of RPCs says what the contract says.

use doorward_proto::{PathFields, QueryKind, RPCS, Rpc, find_rpc, session, user};

use crate::contract::{Method, contracts};
use crate::descriptors::pool;

fn assert_same(rpc: &Rpc, method: &Method) {
    let name = format!("{}/{}", rpc.service, rpc.method);
    let text = |key: &str| method.http.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    assert_eq!(rpc.path, text(&rpc.verb.to_lowercase()), "{name}");
    let verbs = method.http.keys().filter(|key| !["body", "additional"].contains(&key.as_str())).count();
    assert_eq!(verbs, 1, "{name}");
    assert_eq!(rpc.body, text("body") == "*", "{name}");
    assert_eq!(method.http["additional"], serde_json::json!([]), "{name}: only one binding is supported");
    assert_eq!(rpc.permission, method.permission, "{name}");
    assert_eq!(rpc.org_field, method.org_field.as_deref(), "{name}");
    assert_eq!(rpc.success, method.success_code.unwrap_or(200), "{name}");
    assert_eq!((rpc.request, rpc.response), (method.input.as_str(), method.output.as_str()), "{name}");
}

#[test]
fn every_method_has_the_route_the_permission_and_the_types_of_the_contract() {
    let contracts = contracts();
    for rpc in RPCS {
        let (_, contract) =
            contracts.iter().find(|(service, _)| *service == rpc.service).expect("a known service");
        let method = contract.services[rpc.service].get(rpc.method);
        assert_same(rpc, method.unwrap_or_else(|| panic!("{} is not in the contract", rpc.method)));
    }
}

#[test]
fn every_method_of_the_contract_is_served() {
    for (service, contract) in &contracts() {
        for method in contract.services[*service].keys() {
            assert!(find_rpc(service, method).is_some(), "{service}/{method}");
        }
    }
}

#[test]
fn the_table_and_the_descriptors_name_the_same_methods() {
    let described: Vec<String> = pool()
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| method.full_name().to_owned())
        .collect();
    let listed: Vec<String> = RPCS.iter().map(|rpc| format!("{}.{}", rpc.service, rpc.method)).collect();
    assert_eq!(listed, described);
}

#[test]
fn only_methods_without_body_take_fields_from_the_query() {
    for rpc in RPCS {
        assert!(!rpc.body || rpc.query.is_empty(), "{}", rpc.method);
    }
    let query = |service, method| {
        let rpc = find_rpc(service, method).expect("a method");
        rpc.query.iter().map(|field| (field.json, field.name, field.kind, field.repeated)).collect::<Vec<_>>()
    };
    let token = vec![("sessionToken", "session_token", QueryKind::Text, false)];
    assert_eq!(query("zitadel.session.v2.SessionService", "GetSession"), token);
    assert_eq!(query("zitadel.session.v2beta.SessionService", "GetSession"), token);
    let keys = vec![("keys", "keys", QueryKind::Text, true)];
    assert_eq!(query("zitadel.user.v2.UserService", "DeleteUserMetadata"), keys);
    assert_eq!(query("zitadel.user.v2.UserService", "GetUserByID"), vec![]);
    let domain = vec![
        ("domainQuery.includeWithoutDomain", "domain_query.include_without_domain", QueryKind::Bool, false),
        ("domainQuery.domain", "domain_query.domain", QueryKind::Text, false),
    ];
    assert_eq!(query("zitadel.user.v2.UserService", "ListAuthenticationMethodTypes"), domain);
    let factors = vec![
        ("authFactors", "auth_factors", QueryKind::Enum, true),
        ("states", "states", QueryKind::Enum, true),
    ];
    assert_eq!(query("zitadel.user.v2.UserService", "ListAuthenticationFactors"), factors);
}

#[test]
fn path_variables_are_set_by_name_and_other_names_are_ignored() {
    let mut request = session::GetSessionRequest::default();
    request.set_path_field("session_id", "1");
    request.set_path_field("session_token", "2");
    assert_eq!((request.session_id.as_str(), request.session_token), ("1", None));

    let mut request = user::RemovePersonalAccessTokenRequest::default();
    request.set_path_field("user_id", "1");
    request.set_path_field("token_id", "2");
    assert_eq!((request.user_id.as_str(), request.token_id.as_str()), ("1", "2"));
}
