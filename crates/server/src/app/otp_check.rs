//! The check of a code that went to the user's phone or mail box.

use doorward_core::base::Secret;
use doorward_core::failure;
use doorward_core::otp::Channel;
use doorward_core::token::{Digest, same};
use doorward_core::user::UserState;
use doorward_store::challenge::{self, ChallengeKind, StoredChallenge};
use doorward_store::{Result as StoreResult, otp_factor};

use super::App;
use super::factor::{Decision, Effect, Ground, effect};

/// Decides about a code: it must be the one of the session's challenge.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn decide(
    ground: &mut Ground<'_>,
    channel: Channel,
    code: &Secret,
) -> StoreResult<Decision> {
    let Some(user) = ground.user else { return Ok(Decision::Refused(failure::OTP_NO_USER)) };
    if code.expose().is_empty() {
        return Ok(Decision::Refused(failure::OTP_CODE_EMPTY));
    }
    if !otp_factor::has(ground.conn, &user.id, channel).await? {
        return Ok(Decision::Refused(failure::OTP_NOT_READY));
    }
    let Some((session, challenge)) = asked(ground, channel).await? else {
        return Ok(Decision::Refused(failure::OTP_NO_CHALLENGE));
    };
    if user.state == UserState::Locked {
        return Ok(Decision::Refused(failure::OTP_USER_LOCKED));
    }
    let counted = channel.counted();
    let before = ground.attempts(counted).await?;
    if let Err(refusal) = before.allow(ground.now) {
        return Ok(Decision::Refused(refusal));
    }
    // Expiry comes first: an expired code tells nothing about whether it was the right one.
    let refusal = if challenge.expires <= ground.now {
        failure::CODE_EXPIRED
    } else if challenge.digest.is_none_or(|right| !same(&right, &digest(ground.app, channel, &session, code)))
    {
        failure::CODE_INVALID
    } else {
        return Ok(Decision::Passed(ground.forget(counted, before).into_iter().collect())
            .and([answered(session, channel)]));
    };
    Ok(ground.failed(counted, before, refusal).and([failed(session, channel)]))
}

/// The session and what it was asked, if it was.
async fn asked(ground: &mut Ground<'_>, channel: Channel) -> StoreResult<Option<(String, StoredChallenge)>> {
    let Some(session) = ground.session else { return Ok(None) };
    let found = challenge::find(ground.conn, &session.id, ChallengeKind::of(channel)).await?;
    Ok(found.map(|found| (session.id.clone(), found)))
}

/// The digest of a code, bound to its session and its way.
pub(super) fn digest(app: &App, channel: Channel, session_id: &str, code: &Secret) -> Digest {
    app.keys.code_digest(ChallengeKind::of(channel).name(), session_id, code.expose())
}

fn answered(session: String, channel: Channel) -> Effect {
    effect(move |conn| {
        Box::pin(async move { challenge::remove(conn, &session, ChallengeKind::of(channel)).await })
    })
}

fn failed(session: String, channel: Channel) -> Effect {
    effect(move |conn| {
        Box::pin(async move { challenge::fail(conn, &session, ChallengeKind::of(channel)).await })
    })
}
