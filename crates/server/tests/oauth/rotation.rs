//! The keys that sign: published before, followed by the next one, and published until what they signed is over.

use std::sync::Arc;

use doorward::app::signing::{Why, add, tend};
use doorward::cleanup::sweep_access;
use doorward_core::base::{Span, Timestamp};
use doorward_core::user::AccessTokenType;
use futures_util::future::join_all;
use jsonwebtoken::jwk::JwkSet;
use serde_json::json;
use tokio::sync::{Mutex, watch};

use crate::rig::Rig;
use crate::tools::{Bot, bot, keys, lets_in, set_access_token, token, verified};

async fn jwt_bot(rig: &Rig, name: &str) -> Bot {
    let bot = bot(rig, name, Some("IAM_LOGIN_CLIENT")).await;
    set_access_token(rig, &bot.id, AccessTokenType::Jwt).await;
    bot
}

/// Somebody who verifies tokens, and reads the published keys as often as they allow.
struct Reader {
    bot: Bot,
    known: Mutex<Option<(Timestamp, JwkSet)>>,
}

impl Reader {
    /// Logs in, calls, and verifies what it got. Gives which key signed it.
    async fn round(&self, rig: &Rig) -> String {
        let text = token(rig, &self.bot).await;
        rig.ok("session.CreateSession", &text, json!({})).await;
        let mut known = self.known.lock().await;
        let over = |at: Timestamp| rig.now() > at.plus(Span::seconds(300));
        if known.as_ref().is_none_or(|(at, _)| over(*at)) {
            *known = Some((rig.now(), keys(&rig.http).await));
        }
        verified(&text, &known.as_ref().unwrap().1).unwrap().1
    }
}

#[tokio::test]
async fn keys_are_replaced_while_sixteen_callers_run_and_none_of_them_fails() {
    let rig = Rig::start().await;
    let mut readers = Vec::new();
    for number in 0..16 {
        let bot = jwt_bot(&rig, &format!("bot{number}")).await;
        readers.push(Arc::new(Reader { bot, known: Mutex::new(None) }));
    }
    let mut signed = Vec::new();
    for minute in 0..26 {
        let rotation = async {
            if minute == 3 || minute == 8 {
                add(&rig.app, Why::Asked, rig.now()).await.unwrap().unwrap();
            }
        };
        let (all, ()) = tokio::join!(join_all(readers.iter().map(|reader| reader.round(&rig))), rotation);
        signed.extend(all);
        rig.clock.advance(Span::minutes(1));
    }
    signed.dedup();
    assert_eq!(signed.len(), 3, "one key after the other: {signed:?}");
}

#[tokio::test]
async fn the_next_key_is_made_in_time_and_old_ones_go_when_nothing_of_theirs_is_left() {
    let rig = Rig::start_with(&["oauth.key_days=1", "oauth.access_token_minutes=1440"]).await;
    let (_running, mut stop) = watch::channel(false);
    let bot = jwt_bot(&rig, "bot").await;
    tend(&rig.app, rig.now()).await.unwrap();
    assert_eq!(keys(&rig.http).await.keys.len(), 1, "the first one is made when it is needed");
    let text = token(&rig, &bot).await;
    let (_, first) = verified(&text, &keys(&rig.http).await).unwrap();
    rig.clock.advance(Span::minutes(24 * 60 - 11));
    tend(&rig.app, rig.now()).await.unwrap();
    assert_eq!(keys(&rig.http).await.keys.len(), 1);
    rig.clock.advance(Span::minutes(1));
    tend(&rig.app, rig.now()).await.unwrap();
    tend(&rig.app, rig.now()).await.unwrap();
    assert_eq!(keys(&rig.http).await.keys.len(), 2, "made ahead, once");
    let last = token(&rig, &bot).await;
    assert_eq!(verified(&last, &keys(&rig.http).await).unwrap().1, first);
    rig.clock.advance(Span::minutes(10));
    let next = token(&rig, &bot).await;
    assert_ne!(verified(&next, &keys(&rig.http).await).unwrap().1, first);
    rig.clock.advance(Span::minutes(24 * 60 - 10));
    assert!(lets_in(&rig, &next, &bot.id).await);
    verified(&last, &keys(&rig.http).await).unwrap();
    rig.clock.advance(Span::minutes(21));
    assert!(verified(&last, &keys(&rig.http).await).is_err(), "what it signed is over");
    sweep_access(&rig.app, &mut stop).await.unwrap();
    assert!(lets_in(&rig, &token(&rig, &bot).await, &bot.id).await);
}

#[tokio::test]
async fn a_lost_key_is_published_no_more_and_the_next_one_signs_at_once() {
    let rig = Rig::start().await;
    let bot = jwt_bot(&rig, "bot").await;
    let before = token(&rig, &bot).await;
    add(&rig.app, Why::Lost, rig.now()).await.unwrap().unwrap();
    let after = token(&rig, &bot).await;
    let published = keys(&rig.http).await;
    assert_eq!(published.keys.len(), 1);
    assert!(verified(&before, &published).is_err());
    verified(&after, &published).unwrap();
    assert!(
        lets_in(&rig, &before, &bot.id).await,
        "this server knows what it gave by more than the signature"
    );
}

#[tokio::test]
async fn several_nodes_that_need_the_first_key_make_one() {
    let rig = Rig::start().await;
    let (other, _stop) = rig.second().await;
    let asked = [rig.http, other, rig.http, other];
    let all = join_all(asked.iter().map(keys)).await;
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
    assert_eq!(all[0].keys.len(), 1);
}
