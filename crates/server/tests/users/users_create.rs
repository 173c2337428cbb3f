//! AddHumanUser and CreateUser: what they refuse and what they make.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig, human};
use crate::tools::{add, add_in, as_create, for_organisation, home, log_in, shown, text, with};

/// The error id of the same person by each of the two methods.
async fn refused_alike(rig: &Rig, token: &str, change: Value) -> String {
    let request = with(human("mini@mouse.com"), change);
    let added = rig.id("user.AddHumanUser", token, request.clone()).await;
    let created = rig.id("user.CreateUser", token, as_create(rig, request.clone())).await;
    assert_eq!(added, created, "{request}");
    added
}

#[tokio::test]
async fn contents_that_do_not_fit_are_refused_with_the_documented_id() {
    let rig = Rig::start().await;
    let password = |password: &str| json!({ "password": { "password": password } });
    let cases = [
        (json!({ "email": { "email": "Mini <mini@mouse.com>" } }), "EMAIL-599BI"),
        (json!({ "username": "   " }), "V2-zzad3"),
        (json!({ "profile": { "givenName": "  " } }), "USER-UCej2"),
        (json!({ "profile": { "familyName": "\t" } }), "USER-4hB7d"),
        (json!({ "phone": { "phone": "079 123 45 67" } }), "PHONE-so0wa"),
        (json!({ "metadata": [{ "key": " ", "value": "eA==" }] }), "USER-Drght"),
        (json!({ "password": null, "hashedPassword": { "hash": "$y$j9T$x$y" } }), "USER-JDk4t"),
        (json!({ "idpLinks": [{ "idpId": "1", "userId": "2", "userName": "3" }] }), "COMMAND-39nf2"),
        (json!({ "totpSecret": "JBSWY3DPEHPK3PX" }), "DOORWARD-T0tp1"),
        (json!({ "email": { "isVerified": null, "sendCode": {} } }), "DOORWARD-N0tif"),
        (json!({ "phone": { "phone": "+41791234567", "sendCode": {} } }), "DOORWARD-N0tif"),
        // Each of these misses everything that comes later in the order.
        (password("A"), "COMMA-HuJf6"),
        (password("AAAAAAAA"), "COMMA-co3Xw"),
        (password("aaaaaaaa"), "COMMA-VoaRj"),
        (password("aaaaAAAA"), "COMMA-ZBv4H"),
        (password("aaaaAAA1"), "COMMA-ZDLwA"),
    ];
    for (change, id) in cases {
        assert_eq!(refused_alike(&rig, &rig.admin, change.clone()).await, id, "{change}");
    }
    assert_eq!(log_in(&rig, "mini@mouse.com", PASSWORD).await, Err("QUERY-Dfbg2".to_owned()));
    let taken = with(human("mini@mouse.com"), json!({ "password": null }));
    rig.ok("user.AddHumanUser", &rig.admin, taken).await;
}

#[tokio::test]
async fn limits_are_looked_at_before_the_contents() {
    let rig = Rig::start().await;
    let cases = [
        (json!({ "email": null }), "Email: value is required"),
        (json!({ "profile": null }), "Profile: value is required"),
        (
            json!({ "profile": { "givenName": "" }, "username": " " }),
            "GivenName: value length must be between 1 and 200 runes, inclusive",
        ),
        (json!({ "email": { "email": "mini" } }), "Email: value must be a valid email address"),
        (
            json!({ "metadata": [{ "key": "k", "value": "" }] }),
            "Value: value length must be between 1 and 500000 bytes, inclusive",
        ),
        (
            json!({ "password": { "password": "x".repeat(201) } }),
            "Password: value length must be between 1 and 200 runes, inclusive",
        ),
    ];
    for (change, reason) in cases {
        let message = refused_alike_but_for_names(&rig, change.clone()).await;
        assert!(message.contains(reason), "{change}: {message}");
    }
    let machine = json!({ "organizationId": home(&rig), "machine": { "name": "" } });
    let refusal = rig.call("user.CreateUser", &rig.admin, machine).await.unwrap_err();
    assert!(refusal.message.contains("invalid Machine.Name") || refusal.message.contains("_Machine.Name"));
    let untyped = json!({ "organizationId": home(&rig) });
    let refusal = rig.call("user.CreateUser", &rig.admin, untyped).await.unwrap_err();
    assert_eq!(refusal.message, "invalid CreateUserRequest.UserType: value is required");
}

/// The message of AddHumanUser; CreateUser must refuse the same with a bare message too.
async fn refused_alike_but_for_names(rig: &Rig, change: Value) -> String {
    let request = with(human("mini@mouse.com"), change);
    let create = as_create(rig, request.clone());
    let added = rig.call("user.AddHumanUser", &rig.admin, request).await.unwrap_err();
    let created = rig.call("user.CreateUser", &rig.admin, create).await.unwrap_err();
    assert_eq!((added.code, created.code), (3, 3));
    assert!(added.details.is_empty() && created.details.is_empty(), "{added:?} {created:?}");
    let reason = |message: &str| message.rsplit("invalid ").next().map(str::to_owned);
    assert_eq!(reason(&added.message).is_some(), reason(&created.message).is_some());
    added.message
}

#[tokio::test]
async fn the_permission_of_the_method_comes_before_limits_and_that_of_the_story_after_the_contents() {
    let rig = Rig::start().await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    let nonsense = json!({ "email": { "email": "mini" } });
    let refusal = rig.call("user.AddHumanUser", &viewer, nonsense.clone()).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (7, "AUTH-5mWD2"));
    assert_eq!(refusal.message, "No matching permissions found (AUTH-5mWD2)");
    let refusal = rig.call("user.AddHumanUser", &nobody, nonsense).await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (5, "AUTHZ-cdgFk"));

    let create = |change: Value| as_create(&rig, with(human("mini@mouse.com"), change));
    assert_eq!(rig.id("user.CreateUser", &viewer, create(json!({}))).await, "AUTH-AWfge");
    assert_eq!(rig.id("user.CreateUser", &nobody, create(json!({}))).await, "AUTHZ-cdgFk");
    let untyped = json!({ "organizationId": home(&rig) });
    let refusal = rig.call("user.CreateUser", &nobody, untyped).await.unwrap_err();
    assert_eq!(refusal.message, "invalid CreateUserRequest.UserType: value is required");
    for (change, id) in [
        (json!({ "username": " " }), "V2-zzad3"),
        (json!({ "password": { "password": "short" } }), "COMMA-HuJf6"),
        (json!({ "password": null, "hashedPassword": { "hash": "none" } }), "USER-JDk4t"),
    ] {
        assert_eq!(rig.id("user.CreateUser", &viewer, create(change)).await, id);
    }
    let missing = rig.http.rest("POST", "/v2/users/human", None, "{}").await.json();
    assert_eq!(missing["message"], "auth header missing");
}

#[tokio::test]
async fn names_and_ids_are_taken_whatever_their_case() {
    let rig = Rig::start().await;
    add(&rig, "mini@mouse.com", json!({ "userId": "mini", "username": "Mini" })).await;
    let other = rig.add_organisation("other").await;
    let change = json!({ "username": "mINI", "organization": { "orgId": other } });
    let request = with(human("x@mouse.com"), change);
    let refusal = rig.call("user.AddHumanUser", &rig.admin, request).await.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (6, "User already exists (V3-DKcYh)"));
    let body = with(human("x@mouse.com"), json!({ "username": "MINI" }));
    assert_eq!(rig.rest("POST", "/v2/users/human", &rig.admin, body).await.status, 409);

    let refusal =
        rig.call("user.AddHumanUser", &rig.admin, with(human("x@mouse.com"), json!({ "userId": "mini" })));
    let refusal = refusal.await.unwrap_err();
    assert_eq!((refusal.code, refusal.id().as_str()), (9, "COMMAND-7yiox1isql"));
    assert_eq!(refusal.message, "Errors.User.AlreadyExisting (COMMAND-7yiox1isql)");
    let machine = json!({ "organizationId": home(&rig), "machine": { "name": "mini" } });
    assert_eq!(rig.id("user.CreateUser", &rig.admin, machine).await, "V3-DKcYh");

    // Of several who want one name at once, one gets it.
    let wanted = with(human("race@mouse.com"), json!({ "password": null }));
    let calls = (0..10).map(|_| rig.call("user.AddHumanUser", &rig.admin, wanted.clone()));
    let made = futures_util::future::join_all(calls).await;
    assert_eq!(made.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{made:?}");
    assert!(
        made.iter().filter_map(|outcome| outcome.as_ref().err()).all(|refusal| refusal.id() == "V3-DKcYh")
    );
}

#[tokio::test]
async fn what_is_not_given_has_its_default_and_codes_come_back_when_asked_for() {
    let rig = Rig::start().await;
    let change = json!({
        "email": { "isVerified": null, "returnCode": {} },
        "phone": { "phone": "+41 79 123-45-67", "returnCode": {} },
        "password": null,
        "metadata": [{ "key": "a", "value": "eA==" }, { "key": "b", "value": "eQ==" }],
    });
    let made = add(&rig, "mini@mouse.com", change).await;
    let (id, email_code, phone_code) =
        (text(&made["userId"]), text(&made["emailCode"]), text(&made["phoneCode"]));
    assert_eq!(made["details"]["sequence"], "1");
    assert_eq!(made["details"]["resourceOwner"], json!(home(&rig)));
    for code in [&email_code, &phone_code] {
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    }
    let user = shown(&rig, &id).await;
    assert_eq!((&user["username"], &user["state"]), (&json!("mini@mouse.com"), &json!("USER_STATE_ACTIVE")));
    let person = &user["human"];
    assert_eq!(person["profile"]["displayName"], "Mini Mouse");
    assert_eq!(person["email"], json!({ "email": "mini@mouse.com" }));
    assert_eq!(person["phone"], json!({ "phone": "+41791234567" }));
    assert!(person.get("passwordChanged").is_none());
    let metadata = rig.ok("user.ListUserMetadata", &rig.admin, json!({ "userId": id })).await;
    assert_eq!(metadata["pagination"]["totalResult"], "2");
    let proof = json!({ "userId": id, "verificationCode": phone_code });
    rig.ok("user.VerifyPhone", &rig.admin, proof).await;
    let proof = json!({ "userId": id, "verificationCode": email_code });
    rig.ok("user.VerifyEmail", &rig.admin, proof).await;

    let verified = json!({ "phone": { "phone": "0041791234568", "isVerified": true }, "username": "Max",
        "profile": { "displayName": "M", "nickName": "n", "preferredLanguage": "de", "gender": "GENDER_DIVERSE" } });
    rig.clock.advance(Span::seconds(5));
    let made =
        rig.ok("user.CreateUser", &rig.admin, as_create(&rig, with(human("max@mouse.com"), verified))).await;
    assert!(made.get("emailCode").is_none() && made.get("phoneCode").is_none());
    assert_eq!(made["creationDate"], "2025-11-20T10:00:05.123456Z");
    let user = shown(&rig, &text(&made["id"])).await;
    let person = &user["human"];
    assert_eq!(user["username"], "Max");
    assert_eq!(person["email"], json!({ "email": "max@mouse.com", "isVerified": true }));
    assert_eq!(person["phone"], json!({ "phone": "+41791234568", "isVerified": true }));
    assert_eq!(
        person["profile"],
        json!({ "givenName": "Mini", "familyName": "Mouse", "displayName": "M",
        "nickName": "n", "preferredLanguage": "de", "gender": "GENDER_DIVERSE" })
    );
}

#[tokio::test]
async fn a_person_belongs_to_the_organisation_of_the_request_else_of_the_header_else_of_the_caller() {
    let rig = Rig::start().await;
    let (first, second) = (rig.add_organisation("first").await, rig.add_organisation("second").await);
    let owner = |user: Value| text(&user["details"]["resourceOwner"]);
    assert_eq!(owner(add(&rig, "own@mouse.com", json!({})).await), home(&rig));
    let by_header = for_organisation(&rig, "AddHumanUser", &first, &human("header@mouse.com")).await.json();
    assert_eq!(owner(by_header), first);
    let request = with(human("both@mouse.com"), json!({ "organization": { "orgId": second } }));
    let both = for_organisation(&rig, "AddHumanUser", &first, &request).await.json();
    assert_eq!(owner(both), second);
    let created = as_create(&rig, human("create@mouse.com"));
    let created = for_organisation(&rig, "CreateUser", &first, &created).await.json();
    assert_eq!(owner(shown(&rig, &text(&created["id"])).await), home(&rig));

    for organisation in [json!({ "orgId": "none" }), json!({ "orgDomain": "mouse.com" })] {
        let request = with(human("x@mouse.com"), json!({ "organization": organisation }));
        let refusal = rig.call("user.AddHumanUser", &rig.admin, request).await.unwrap_err();
        assert_eq!((refusal.code, refusal.id().as_str()), (7, "AUTH-Bs7Ds"));
    }
    let unknown = for_organisation(&rig, "AddHumanUser", "none", &human("x@mouse.com")).await.json();
    assert_eq!(unknown["message"], "Organisation doesn't exist (AUTH-Bs7Ds)");
    let unknown = with(as_create(&rig, human("x@mouse.com")), json!({ "organizationId": "none" }));
    assert_eq!(rig.id("user.CreateUser", &rig.admin, unknown).await, "DOORWARD-0rg01");

    // A role on one organisation lets nobody add to another.
    let (_, manager) = rig.add_machine("manager", &[(Some(&first), "ORG_USER_MANAGER")]).await;
    assert_eq!(rig.id("user.AddHumanUser", &manager, human("x@mouse.com")).await, "AUTHZ-cdgFk");
    let request = with(human("x@mouse.com"), json!({ "organization": { "orgId": first } }));
    rig.ok("user.AddHumanUser", &manager, request).await;
    assert_eq!(
        rig.id("user.CreateUser", &manager, as_create(&rig, human("y@mouse.com"))).await,
        "AUTHZ-cdgFk"
    );
    assert!(!add_in(&rig, &second, "z@mouse.com").await.is_empty());
}
