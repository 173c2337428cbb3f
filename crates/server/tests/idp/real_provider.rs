//! Logins at a real OpenID Provider, with as much of a browser as it takes.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use doorward_core::base::Span;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use url::Url;

use crate::client::{Answer, Http};
use crate::flow::{FAILURE, SUCCESS, asking, place, query};
use crate::provider::{CALLBACK, Provider};
use crate::rig::{Rig, START};

/// As much of a browser as the provider needs: it follows redirects and keeps cookies.
struct Browser {
    http: Http,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(issuer: &str) -> Self {
        let url = Url::parse(issuer).unwrap();
        let address = url.socket_addrs(|| None).unwrap()[0];
        Self { http: Http { address }, cookies: BTreeMap::new() }
    }

    async fn send(&mut self, verb: &str, url: &Url, form: Option<&str>) -> Answer {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(verb).uri(path);
        request = request.header("host", self.http.address.to_string()).header("cookie", cookies.join("; "));
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let body = Full::new(Bytes::from(form.unwrap_or_default().to_owned()));
        let answer = self.http.send(request.body(body).unwrap(), false).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Logs in as somebody and agrees to everything; gives the address outside of the provider at which that ends.
    async fn log_in(&mut self, start: &str, name: &str) -> Url {
        let mut url = Url::parse(start).unwrap();
        let mut answer = self.send("GET", &url, None).await;
        for _ in 0..20 {
            if let Some(place) = answer.headers.get("location") {
                url = url.join(place.to_str().unwrap()).unwrap();
                if url.as_str().starts_with(CALLBACK) {
                    return url;
                }
                answer = self.send("GET", &url, None).await;
                continue;
            }
            let page = String::from_utf8(answer.bytes.to_vec()).unwrap();
            let form = match page.contains("name=\"prompt\" value=\"login\"") {
                true => format!("prompt=login&login={name}&password=any"),
                false => "prompt=consent".to_owned(),
            };
            assert!(page.contains("name=\"prompt\""), "{:?} {page}", answer.status);
            answer = self.send("POST", &url, Some(&form)).await;
        }
        panic!("no end of it: {url}")
    }
}

async fn with_provider(provider: &Provider) -> Rig {
    let rig = Rig::start_from(&[], &provider.configuration()).await;
    // The provider has the time of the machine.
    #[expect(clippy::disallowed_methods, reason = "another program tells the time, too")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    rig.clock.advance(Span(i64::try_from(now.as_micros()).unwrap() - START.0));
    rig
}

async fn start(rig: &Rig) -> String {
    let urls = json!({ "successUrl": SUCCESS, "failureUrl": FAILURE });
    let started =
        rig.ok("user.StartIdentityProviderIntent", &rig.login, json!({ "idpId": "real", "urls": urls }));
    started.await["authUrl"].as_str().unwrap().to_owned()
}

async fn come_back(rig: &Rig, url: &Url) -> Answer {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    rig.http.raw("GET", path, &[], Vec::new(), false).await
}

#[tokio::test]
async fn somebody_logs_in_at_a_real_provider_is_linked_and_known_the_next_time() {
    let provider = Provider::start();
    let rig = with_provider(&provider).await;
    let mut browser = Browser::new(&provider.issuer);
    let back = browser.log_in(&start(&rig).await, "mini").await;
    let end = place(&come_back(&rig, &back).await);
    assert!(end.as_str().starts_with(SUCCESS), "{end}");
    assert_eq!(come_back(&rig, &back).await.status, 400, "a second use of the same answer");
    let (id, token) = (query(&end, "id").unwrap(), query(&end, "token").unwrap());
    assert_eq!(query(&end, "user"), None);
    let told = rig.ok("user.RetrieveIdentityProviderIntent", &rig.login, asking(&id, &token)).await;
    let information = &told["idpInformation"];
    assert_eq!((&information["userId"], &information["userName"]), (&json!("mini"), &json!("mini")));
    assert_eq!(information["rawInformation"]["email"], "mini@provider.example", "from the user endpoint");
    let made = rig.ok("user.AddHumanUser", &rig.admin, told["addHumanUser"].clone()).await;
    // The provider remembers the browser and asks nothing.
    let back = browser.log_in(&start(&rig).await, "nobody").await;
    let end = place(&come_back(&rig, &back).await);
    assert_eq!(json!(query(&end, "user")), made["userId"]);
}

#[tokio::test]
async fn who_does_not_agree_is_not_let_in() {
    let provider = Provider::start();
    let rig = with_provider(&provider).await;
    let mut browser = Browser::new(&provider.issuer);
    let begun = Url::parse(&start(&rig).await).unwrap();
    let page = browser.send("GET", &begun, None).await;
    let interaction = begun.join(page.headers["location"].to_str().unwrap()).unwrap();
    let abort = interaction.join(&format!("{}/abort", interaction.path())).unwrap();
    let mut answer = browser.send("GET", &abort, None).await;
    let mut url = abort;
    while !url.as_str().starts_with(CALLBACK) {
        url = url.join(answer.headers["location"].to_str().unwrap()).unwrap();
        if !url.as_str().starts_with(CALLBACK) {
            answer = browser.send("GET", &url, None).await;
        }
    }
    let end = place(&come_back(&rig, &url).await);
    assert!(end.as_str().starts_with(FAILURE), "{end}");
    assert_eq!(query(&end, "error").as_deref(), Some("access_denied"));
}
