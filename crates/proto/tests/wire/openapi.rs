//! The OpenAPI document is whole.

use doorward_proto::{RPCS, openapi};
use serde_json::Value;

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_route_is_in_the_document_with_its_success_code() {
    let document = openapi();
    for rpc in RPCS {
        let operation = &document["paths"][rpc.path][rpc.verb.to_lowercase()];
        assert_eq!(operation["operationId"], format!("{}.{}", rpc.service, rpc.method));
        assert!(operation["responses"][rpc.success.to_string()].is_object(), "{}", rpc.method);
        assert!(operation["responses"]["default"].is_object(), "{}", rpc.method);
        assert_eq!(operation["requestBody"].is_object(), rpc.body, "{}", rpc.method);
        let variables = rpc.path.matches('{').count();
        let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(parameters, variables + rpc.query.len(), "{}", rpc.method);
        assert!(operation["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", rpc.method);
    }
}

#[test]
fn every_reference_resolves() {
    let document = openapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 200);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn limits_and_comments_of_the_proto_files_are_shown() {
    let document = openapi();
    let schemas = &document["components"]["schemas"];
    let password = &schemas["zitadel.session.v2.CheckPassword"]["properties"]["password"];
    assert_eq!((&password["minLength"], &password["maxLength"]), (&1.into(), &200.into()));
    let email = &schemas["zitadel.user.v2.SetEmailRequest"]["properties"]["email"];
    assert_eq!(email["format"], "email");
    let keys = &schemas["zitadel.user.v2.Metadata"]["properties"]["value"];
    assert_eq!(keys["contentEncoding"], "base64");
    let metadata = &schemas["zitadel.session.v2.CreateSessionRequest"]["properties"]["metadata"];
    assert_eq!(metadata["additionalProperties"]["contentEncoding"], "base64");
    assert_eq!(metadata["description"], "Entries without a value are dropped.");
    let query = &schemas["zitadel.session.v2.SearchQuery"]["oneOf"];
    assert_eq!(query.as_array().map(Vec::len), Some(6));
    let token = &schemas["zitadel.session.v2.SetSessionRequest"]["properties"]["sessionToken"];
    assert_eq!(token["deprecated"], true);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(schemas["zitadel.session.v2beta.CreatorQuery"].is_null());
}
