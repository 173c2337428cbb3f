//! Mail addresses and phone numbers: setting them, proving them, removing them.

use doorward_core::base::Span;
use serde_json::{Value, json};

use crate::rig::Rig;
use crate::tools::{add, shown, text, with};

/// Mail and phone follow the same rules under other names.
struct Channel {
    set: &'static str,
    verify: &'static str,
    field: &'static str,
    noun: &'static str,
    addresses: [&'static str; 3],
}

const EMAIL: Channel = Channel {
    set: "user.SetEmail",
    verify: "user.VerifyEmail",
    field: "email",
    noun: "Email",
    addresses: ["one@mouse.com", "two@mouse.com", "three@mouse.com"],
};
const PHONE: Channel = Channel {
    set: "user.SetPhone",
    verify: "user.VerifyPhone",
    field: "phone",
    noun: "Phone",
    addresses: ["+41791234501", "+41791234502", "+41791234503"],
};

impl Channel {
    async fn code(&self, rig: &Rig, token: &str, id: &str, address: &str) -> String {
        let request = json!({ "userId": id, self.field: address, "returnCode": {} });
        text(&rig.ok(self.set, token, request).await["verificationCode"])
    }

    /// Presents a code; gives the message of the refusal.
    async fn prove(&self, rig: &Rig, id: &str, code: &str) -> Result<Value, String> {
        let request = json!({ "userId": id, "verificationCode": code });
        rig.call(self.verify, &rig.login, request).await.map_err(|refusal| refusal.message)
    }

    async fn shown(&self, rig: &Rig, id: &str) -> Value {
        shown(rig, id).await["human"][self.field].clone()
    }
}

fn invalid() -> Result<Value, String> {
    Err("Code is invalid (COMMAND-eis9R)".to_owned())
}

#[tokio::test]
async fn a_code_proves_its_address_once_and_in_time() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    for channel in [EMAIL, PHONE] {
        let [one, two, three] = channel.addresses;
        let code = channel.code(&rig, &rig.admin, &id, one).await;
        assert_eq!(channel.shown(&rig, &id).await, json!({ channel.field: one }), "a change un-verifies");
        rig.clock.advance(Span::minutes(59));
        channel.prove(&rig, &id, &code).await.unwrap();
        assert_eq!(channel.shown(&rig, &id).await, json!({ channel.field: one, "isVerified": true }));
        assert_eq!(channel.prove(&rig, &id, &code).await, invalid(), "used up");

        let code = channel.code(&rig, &rig.admin, &id, two).await;
        rig.clock.advance(Span::minutes(60));
        assert_eq!(channel.prove(&rig, &id, &code).await, invalid(), "expired");
        assert_eq!(channel.shown(&rig, &id).await, json!({ channel.field: two }));

        let old = channel.code(&rig, &rig.admin, &id, one).await;
        let new = channel.code(&rig, &rig.admin, &id, three).await;
        assert_eq!(channel.prove(&rig, &id, &old).await, invalid(), "a new code voids the old one");
        channel.prove(&rig, &id, &new).await.unwrap();
        let old = channel.code(&rig, &rig.admin, &id, one).await;
        rig.ok(channel.set, &rig.admin, json!({ "userId": id, channel.field: two })).await;
        assert_eq!(channel.prove(&rig, &id, &old).await, invalid(), "it proved another address");
    }
}

#[tokio::test]
async fn the_fifth_wrong_code_voids_the_right_one() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    for channel in [EMAIL, PHONE] {
        let code = channel.code(&rig, &rig.admin, &id, channel.addresses[0]).await;
        for _ in 0..4 {
            assert_eq!(channel.prove(&rig, &id, "WRONG").await, invalid());
        }
        channel.prove(&rig, &id, &code).await.unwrap();
        let code = channel.code(&rig, &rig.admin, &id, channel.addresses[1]).await;
        for _ in 0..5 {
            assert_eq!(channel.prove(&rig, &id, "WRONG").await, invalid());
        }
        assert_eq!(channel.prove(&rig, &id, &code).await, invalid());
        let code = channel.code(&rig, &rig.admin, &id, channel.addresses[2]).await;
        channel.prove(&rig, &id, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_fits_one_user_and_one_purpose() {
    let rig = Rig::start().await;
    let (mini, max) = (rig.add_human("mini@mouse.com").await, rig.add_human("max@mouse.com").await);
    let email = EMAIL.code(&rig, &rig.admin, &mini, "x@mouse.com").await;
    let phone = PHONE.code(&rig, &rig.admin, &mini, "+41791234567").await;
    EMAIL.code(&rig, &rig.admin, &max, "y@mouse.com").await;
    let reset = json!({ "userId": mini, "returnCode": {} });
    let reset = text(&rig.ok("user.PasswordReset", &rig.admin, reset).await["verificationCode"]);
    assert_eq!(EMAIL.prove(&rig, &max, &email).await, invalid());
    assert_eq!(EMAIL.prove(&rig, &mini, &phone).await, invalid());
    assert_eq!(EMAIL.prove(&rig, &mini, &reset).await, invalid());
    assert_eq!(PHONE.prove(&rig, &mini, &email).await, invalid());
    let new =
        json!({ "userId": mini, "newPassword": { "password": "N3w!passw" }, "verificationCode": email });
    assert_eq!(rig.id("user.SetPassword", &rig.admin, new).await, "CODE-woT0xc");
    EMAIL.prove(&rig, &mini, &email).await.unwrap();
    PHONE.prove(&rig, &mini, &phone).await.unwrap();
}

#[tokio::test]
async fn of_a_hundred_uses_of_one_code_exactly_one_succeeds() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    for channel in [EMAIL, PHONE] {
        let code = channel.code(&rig, &rig.admin, &id, channel.addresses[0]).await;
        let proofs = (0..100).map(|_| channel.prove(&rig, &id, &code));
        let outcomes = futures_util::future::join_all(proofs).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.iter().filter(|outcome| outcome.is_err()).all(|outcome| *outcome == invalid()));
    }
}

#[tokio::test]
async fn proving_asks_for_no_permission_but_for_a_user_with_that_contact() {
    let rig = Rig::start().await;
    let (bot, nobody) = rig.add_machine("nobody", &[]).await;
    let id = rig.add_human("mini@mouse.com").await;
    let gone = rig.add_human("gone@mouse.com").await;
    rig.ok("user.DeleteUser", &rig.admin, json!({ "userId": gone })).await;
    for channel in [EMAIL, PHONE] {
        let missing = Err(format!("{} not found (COMMAND-ieJ2e)", channel.noun));
        for user in ["nobody", &gone, &bot] {
            assert_eq!(channel.prove(&rig, user, "ABC123").await, missing, "{user}");
        }
    }
    assert_eq!(EMAIL.prove(&rig, &id, "ABC123").await, invalid(), "no code was made");
    assert_eq!(PHONE.prove(&rig, &id, "ABC123").await, Err("Phone not found (COMMAND-ieJ2e)".to_owned()));
    let code = EMAIL.code(&rig, &rig.admin, &id, "x@mouse.com").await;
    rig.ok("user.VerifyEmail", &nobody, json!({ "userId": id, "verificationCode": code })).await;
    let long =
        rig.call("user.VerifyEmail", &nobody, json!({ "userId": id, "verificationCode": "x".repeat(21) }));
    let reason =
        "invalid VerifyEmailRequest.VerificationCode: value length must be between 1 and 20 runes, inclusive";
    assert_eq!(long.await.unwrap_err().message, reason);
}

#[tokio::test]
async fn users_set_their_own_contacts_but_do_not_vouch_for_them() {
    let rig = Rig::start().await;
    let id = rig.add_human("mini@mouse.com").await;
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    let (_, viewer) = rig.add_machine("viewer", &[(None, "IAM_OWNER_VIEWER")]).await;
    for channel in [EMAIL, PHONE] {
        let plain = json!({ "userId": id, channel.field: channel.addresses[0] });
        let vouched = with(plain.clone(), json!({ "isVerified": true }));
        assert_eq!(rig.id(channel.set, &mini, vouched.clone()).await, "AUTHZ-cdgFk");
        assert_eq!(rig.id(channel.set, &viewer, plain.clone()).await, "AUTH-AWfge");
        let code = channel.code(&rig, &mini, &id, channel.addresses[0]).await;
        channel.prove(&rig, &id, &code).await.unwrap();
        let refusal = rig.call(channel.set, &mini, plain.clone()).await.unwrap_err();
        let unchanged = format!("{} not changed (COMMAND-Uch5e)", channel.noun);
        assert_eq!((refusal.code, refusal.message), (9, unchanged.clone()));
        let refusal = rig.call(channel.set, &rig.admin, vouched).await.unwrap_err();
        assert_eq!(refusal.message, unchanged);

        let vouched = json!({ "userId": id, channel.field: channel.addresses[1], "isVerified": true });
        let answer = rig.ok(channel.set, &rig.login, vouched).await;
        assert!(answer.get("verificationCode").is_none());
        assert_eq!(channel.shown(&rig, &id).await["isVerified"], true);
        let unknown = with(plain.clone(), json!({ "userId": "nobody" }));
        assert_eq!(rig.id(channel.set, &rig.admin, unknown).await, "COMMAND-4g3xq");
        let sent = with(plain, json!({ "sendCode": {} }));
        assert_eq!(rig.id(channel.set, &rig.admin, sent).await, "DOORWARD-N0tif");
    }
    assert_eq!(
        rig.id("user.SetEmail", &rig.admin, json!({ "userId": id, "email": "M <m@b.c>" })).await,
        "EMAIL-599BI"
    );
    assert_eq!(
        rig.id("user.SetPhone", &rig.admin, json!({ "userId": id, "phone": "123" })).await,
        "PHONE-so0wa"
    );
    let unvouched = json!({ "userId": id, "email": "x@mouse.com", "isVerified": false });
    let refusal = rig.call("user.SetEmail", &rig.admin, unvouched).await.unwrap_err();
    assert_eq!(refusal.message, "invalid SetEmailRequest.IsVerified: value must equal true");
}

#[tokio::test]
async fn a_removed_phone_takes_its_code_along() {
    let rig = Rig::start().await;
    let change = json!({ "phone": { "phone": "+41791234567", "returnCode": {} } });
    let made = add(&rig, "mini@mouse.com", change).await;
    let (id, code) = (text(&made["userId"]), text(&made["phoneCode"]));
    let (_, mini) = rig.log_in("mini@mouse.com").await;
    let (_, nobody) = rig.add_machine("nobody", &[]).await;
    let request = json!({ "userId": id });
    assert_eq!(rig.id("user.RemovePhone", &nobody, request.clone()).await, "AUTHZ-cdgFk");
    rig.ok("user.RemovePhone", &mini, request.clone()).await;
    assert!(PHONE.shown(&rig, &id).await.is_null());
    assert_eq!(rig.id("user.RemovePhone", &mini, request).await, "COMMAND-ieJ2e");
    assert_eq!(rig.id("user.RemovePhone", &rig.admin, json!({ "userId": "no" })).await, "COMMAND-4g3xq");
    rig.ok("user.SetPhone", &mini, json!({ "userId": id, "phone": "+41791234567" })).await;
    assert_eq!(PHONE.prove(&rig, &id, &code).await, invalid());
}
