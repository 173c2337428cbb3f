//! A full scenario with every kind of secret in it, right and wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::child::Server;
use crate::client::Protocol;

const BCRYPT: &str = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
const LONG: &str = "dws_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Calls, what was secret in them, and what was refused.
pub struct Scenario {
    pub server: Server,
    pub admin: String,
    pub secrets: Vec<String>,
    pub refusals: String,
}

impl Scenario {
    fn keep(&mut self, secret: &Value) -> String {
        let text = secret.as_str().unwrap_or_else(|| panic!("no secret: {secret}")).to_owned();
        self.secrets.push(text.clone());
        text
    }

    async fn ask_as(&mut self, token: &str, verb: &str, path: &str, body: &str) -> Value {
        let answer = self.server.http.rest(verb, path, Some(token), body).await;
        if !answer.status.is_success() {
            self.refusals.push_str(&format!("{:?}", answer.headers));
            self.refusals.push_str(std::str::from_utf8(&answer.bytes).unwrap());
        }
        answer.json()
    }

    async fn ask(&mut self, verb: &str, path: &str, body: Value) -> Value {
        let (admin, body) = (self.admin.clone(), body.to_string());
        self.ask_as(&admin, verb, path, &body).await
    }

    pub async fn users(&mut self) -> String {
        let password = self.keep(&json!("F1rst!password"));
        let human = |email: &str, password: Value| {
            json!({
                "profile": { "givenName": "Mini", "familyName": "Mouse" },
                "email": { "email": email, "returnCode": {} },
                "phone": { "phone": "+41791234567", "returnCode": {} },
                "password": password,
            })
        };
        let made =
            self.ask("POST", "/v2/users/human", human("mini@m.co", json!({ "password": password }))).await;
        let user = made["userId"].as_str().unwrap().to_owned();
        self.keep(&made["emailCode"]);
        let phone_code = self.keep(&made["phoneCode"]);
        let weak = self.keep(&json!("weakpassphrase"));
        self.ask("POST", "/v2/users/human", human("weak@m.co", json!({ "password": weak }))).await;
        let mut hashed = human("hash@m.co", Value::Null);
        hashed["hashedPassword"] = json!({ "hash": self.keep(&json!(BCRYPT)) });
        self.ask("POST", "/v2/users/human", hashed.clone()).await;
        hashed["hashedPassword"] = json!({ "hash": self.keep(&json!("$unknown$scheme$Zm9vYmFy")) });
        self.ask("POST", "/v2/users/human", hashed).await;
        let wrong = self.keep(&json!("WR0NG1"));
        let path = format!("/v2/users/{user}");
        let code = json!({ "verificationCode": wrong });
        self.ask("POST", &format!("{path}/email/verify"), code).await;
        self.ask("POST", &format!("{path}/phone/verify"), json!({ "verificationCode": phone_code })).await;
        let reset = self.ask("POST", &format!("{path}/password_reset"), json!({ "returnCode": {} })).await;
        let reset = self.keep(&reset["verificationCode"]);
        for (code, new) in [(wrong, "Sec0nd!password"), (reset, "Th1rd!password")] {
            let new = self.keep(&json!(new));
            let body = json!({ "newPassword": { "password": new }, "verificationCode": code });
            self.ask("POST", &format!("{path}/password"), body).await;
        }
        for (current, new) in [("F0urth!wrong", "F1fth!password"), ("Th1rd!password", "S1xth!password")] {
            let (current, new) = (self.keep(&json!(current)), self.keep(&json!(new)));
            let body = json!({ "newPassword": { "password": new }, "currentPassword": current });
            self.ask("POST", &format!("{path}/password"), body).await;
        }
        user
    }

    /// What users prove themselves with besides a password.
    pub async fn second_factors(&mut self, user: &str) {
        let path = format!("/v2/users/{user}");
        let made = self.ask("POST", &format!("{path}/totp"), json!({})).await;
        self.keep(&made["secret"]);
        self.keep(&made["uri"]);
        let wrong = self.keep(&json!("wr0ng-t0tp-code"));
        self.ask("POST", &format!("{path}/totp/verify"), json!({ "code": wrong })).await;
        let made = self.ask("POST", &format!("{path}/recovery_codes"), json!({ "count": 3 })).await;
        for code in made["recoveryCodes"].as_array().unwrap() {
            self.keep(code);
        }
        for (email, secret) in
            [("app@m.co", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"), ("no@m.co", "N0T-BASE32-S3CRET")]
        {
            let secret = self.keep(&json!(secret));
            let human = json!({
                "profile": { "givenName": "Mini", "familyName": "Mouse" },
                "email": { "email": email, "isVerified": true },
                "totpSecret": secret,
            });
            self.ask("POST", "/v2/users/human", human).await;
        }
    }

    pub async fn sessions(&mut self, user: &str) -> String {
        let wrong = self.keep(&json!("S3venth!wrong"));
        for name in ["mini@m.co", "nobody@m.co", "hash@m.co"] {
            let checks = json!({ "user": { "loginName": name }, "password": { "password": wrong } });
            self.ask("POST", "/v2/sessions", json!({ "checks": checks })).await;
        }
        let checks = json!({ "user": { "userId": user }, "password": { "password": "S1xth!password" } });
        let made = self.ask("POST", "/v2/sessions", json!({ "checks": checks })).await;
        let path = format!("/v2/sessions/{}", made["sessionId"].as_str().unwrap());
        let old = self.keep(&made["sessionToken"]);
        let body = json!({ "sessionToken": old, "metadata": { "key": "eA==" } });
        let made = self.ask("PATCH", &path, body.clone()).await;
        let token = self.keep(&made["sessionToken"]);
        self.ask("PATCH", &path, body).await;
        let garbage = self.keep(&json!(LONG));
        for token in [&old, &garbage, &token] {
            self.ask_as(token, "GET", &format!("/v2/users/{user}"), "").await;
            self.ask_as(token, "POST", "/v2/sessions", "{}").await;
            for name in ["sessionToken", "session_token"] {
                self.ask("GET", &format!("{path}?{name}={token}"), Value::Null).await;
            }
            self.ask("GET", &format!("{path}?sessionToken={token}&sessionToken={token}"), Value::Null).await;
        }
        self.factors(&path).await;
        token
    }

    /// Codes and tokens of factors, right in form and wrong in kind.
    async fn factors(&mut self, path: &str) {
        for (check, field, secret) in [
            ("totp", "code", "735219"),
            ("otpSms", "code", "86429753"),
            ("otpEmail", "code", "97531864"),
            ("recoveryCode", "code", "rec0very-c0de-x"),
            ("idpIntent", "idpIntentToken", "aW50ZW50LXRva2Vu"),
            ("webAuthN", "credentialAssertionData", "an-assert1on"),
        ] {
            let secret = self.keep(&json!(secret));
            let mut given = json!({ field: secret });
            if check == "idpIntent" {
                given["idpIntentId"] = json!("1");
            }
            self.ask("PATCH", path, json!({ "checks": { check: given } })).await;
        }
    }

    /// Secrets in bodies that cannot be read.
    pub async fn malformed(&mut self) {
        for body in [
            r#"{"checks":{"password":"Misplac3d!password"}}"#,
            r#"{"checks":{"password":{"password":["Misplac3d!password"]}}}"#,
            r#"{"checks":{"user":"Misplac3d!password"}}"#,
            r#"{"sessionToken":"Misplac3d!password","lifetime":"Misplac3d!password"}"#,
            r#"{"checks":{"password":{"password":4815162342}}}"#,
            r#"{"metadata":{"key":"Misplac3d!password"}}"#,
            r#"{"checks":{"password":{"password":"Misplac3d!password"#,
            r#"{"checks":{"password":{"password":"Misplac3d!password"}}} x"#,
            r#""Misplac3d!password""#,
        ] {
            let admin = self.admin.clone();
            self.ask_as(&admin, "POST", "/v2/sessions", body).await;
            let path = "/zitadel.session.v2.SessionService/CreateSession";
            let headers = [("content-type", "application/json")];
            let answer = self.server.http.raw("POST", path, &headers, body.as_bytes().to_vec(), true).await;
            self.refusals.push_str(std::str::from_utf8(&answer.bytes).unwrap());
        }
        self.secrets.extend(["Misplac3d!password".to_owned(), "4815162342".to_owned()]);
    }

    pub async fn machine(&mut self) {
        let organisation = self.ask("GET", "/v2/users/unknown", Value::Null).await;
        assert_eq!(organisation["code"], 5);
        let list = self.ask("POST", "/v2/users", json!({})).await;
        let home = list["result"][0]["details"]["resourceOwner"].clone();
        let new = json!({ "organizationId": home, "machine": { "name": "robot" } });
        let id = self.ask("POST", "/v2/users/new", new).await["id"].clone();
        self.credentials(id.as_str().unwrap()).await;
        let path = format!("/v2/users/{}/pats", id.as_str().unwrap());
        let made = self.ask("POST", &path, json!({ "expirationDate": "2099-01-01T00:00:00Z" })).await;
        let token = self.keep(&made["token"]);
        self.ask_as(&token, "POST", "/v2/sessions", "{}").await;
        let path = format!("{path}/{}", made["tokenId"].as_str().unwrap());
        self.ask("DELETE", &path, Value::Null).await;
        self.ask_as(&token, "POST", "/v2/sessions", "{}").await;
    }

    /// A secret and a key of a machine user.
    async fn credentials(&mut self, user: &str) {
        let path = format!("/v2/users/{user}");
        let made = self.ask("POST", &format!("{path}/secret"), json!({})).await;
        let secret = self.keep(&made["clientSecret"]);
        self.ask_as(&secret, "POST", "/v2/sessions", "{}").await;
        let expires = json!({ "expirationDate": "2099-01-01T00:00:00Z" });
        let made = self.ask("POST", &format!("{path}/keys"), expires).await;
        let content = self.keep(&made["keyContent"]);
        let file: Value = serde_json::from_slice(&STANDARD.decode(content).unwrap()).unwrap();
        let lines: Vec<_> = file["key"].as_str().unwrap().lines().skip(1).collect();
        // The first lines are the public half.
        for line in [lines[8], lines[lines.len() / 2], lines[lines.len() - 3]] {
            assert_eq!(line.len(), 64);
            self.keep(&json!(line));
        }
        self.ask("DELETE", &format!("{path}/keys/{}", made["keyId"].as_str().unwrap()), Value::Null).await;
        self.ask("DELETE", &format!("{path}/secret"), Value::Null).await;
    }

    /// The same secrets over the other protocols, HTTP/2 among them.
    pub async fn protocols(&mut self, session_token: &str) {
        let checks =
            json!({ "user": { "loginName": "mini@m.co" }, "password": { "password": "E1ghth!wrong" } });
        self.keep(&json!("E1ghth!wrong"));
        let http = self.server.http;
        for protocol in Protocol::ALL {
            for token in [self.admin.clone(), session_token.to_owned(), LONG.to_owned()] {
                let request = json!({ "checks": checks });
                let answer = http.call(protocol, "session.CreateSession", Some(&token), request).await;
                self.refusals.push_str(&format!("{answer:?}"));
            }
        }
    }
}
