//! The contract files, read with the order of their fields.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

#[derive(Deserialize)]
pub struct Contract {
    pub services: BTreeMap<String, BTreeMap<String, Method>>,
    pub messages: BTreeMap<String, Ordered<Field>>,
    pub enums: BTreeMap<String, BTreeMap<String, i32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Method {
    pub input: String,
    pub output: String,
    pub http: BTreeMap<String, Value>,
    pub permission: String,
    pub org_field: Option<String>,
    pub success_code: Option<u16>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    pub number: u32,
    #[serde(rename = "type")]
    pub kind: String,
    pub json: String,
    #[serde(default)]
    pub optional: bool,
    pub oneof: Option<String>,
    #[serde(default)]
    pub oneof_required: bool,
    pub validate: Option<Value>,
    #[serde(default)]
    pub deprecated: bool,
}

/// An object whose members keep their order.
#[derive(Debug, PartialEq)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Members<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Ordered<T>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered(members))
            }
        }
        source.deserialize_map(Members(std::marker::PhantomData))
    }
}

/// The contract of each service.
pub fn contracts() -> Vec<(&'static str, Contract)> {
    [
        ("zitadel.session.v2.SessionService", include_str!("../contract/session_v2.json")),
        ("zitadel.session.v2beta.SessionService", include_str!("../contract/session_v2beta.json")),
        ("zitadel.user.v2.UserService", include_str!("../contract/user_v2.json")),
    ]
    .map(|(service, text)| (service, serde_json::from_str(text).expect("a contract file")))
    .into()
}
