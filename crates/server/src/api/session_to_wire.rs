//! From what the stories give to session messages.

use doorward_core::base::{Secret, Timestamp};
use doorward_core::session::{Factors, Session, SessionUser, UserAgent};
use doorward_proto::object::Details;
use doorward_proto::session as wire;
use doorward_store::session::ShownSession;

use super::wire::{field, time, to_struct};
use crate::app::challenge::Handed;

/// The details of a session; its owner is the instance.
pub fn details(session: &Session, instance: &str) -> Details {
    super::wire::details(session.sequence, session.changed, instance)
}

/// A session as Get and List show it.
pub fn session(shown: ShownSession) -> wire::Session {
    let ShownSession { session, login_name, display_name } = shown;
    let user_agent = field(session.known_user_agent().cloned().map(user_agent));
    let factors = session.user.map(|user| factors(user, session.factors, (login_name, display_name)));
    wire::Session {
        id: session.id,
        creation_date: time(session.created),
        change_date: time(session.changed),
        sequence: session.sequence,
        factors: field(factors),
        metadata: session.metadata.into_iter().collect(),
        user_agent,
        expiration_date: field(session.expires.map(super::wire::timestamp)),
    }
}

/// What the challenges hand to the caller.
pub fn challenges(handed: Handed) -> wire::Challenges {
    let options = handed.web_auth_n.map(|options| wire::challenges::WebAuthN {
        public_key_credential_request_options: field(Some(to_struct(options))),
    });
    let shown = |code: Secret| code.expose().to_owned();
    wire::Challenges {
        web_auth_n: field(options),
        otp_sms: handed.otp_sms.map(shown),
        otp_email: handed.otp_email.map(shown),
    }
}

fn factors(
    user: SessionUser,
    proven: Factors,
    (login_name, display_name): (String, String),
) -> wire::Factors {
    let user = wire::UserFactor {
        verified_at: time(user.verified),
        id: user.id,
        login_name,
        display_name,
        organization_id: user.organisation,
    };
    macro_rules! factor {
        ($message:ident, $at:expr) => {
            field($at.map(|at: Timestamp| wire::$message { verified_at: time(at) }))
        };
    }
    let web_auth_n = proven
        .web_auth_n
        .map(|(at, user_verified)| wire::WebAuthNFactor { verified_at: time(at), user_verified });
    wire::Factors {
        user: field(Some(user)),
        password: factor!(PasswordFactor, proven.password),
        web_auth_n: field(web_auth_n),
        intent: factor!(IntentFactor, proven.intent),
        totp: factor!(TOTPFactor, proven.totp),
        otp_sms: factor!(OTPFactor, proven.otp_sms),
        otp_email: factor!(OTPFactor, proven.otp_email),
        recovery_code: factor!(RecoveryCodeFactor, proven.recovery_code),
    }
}

fn user_agent(agent: UserAgent) -> wire::UserAgent {
    let values = |values| wire::user_agent::HeaderValues { values };
    wire::UserAgent {
        fingerprint_id: agent.fingerprint,
        ip: agent.ip,
        description: agent.description,
        header: agent.header.into_iter().map(|(name, list)| (name, values(list))).collect(),
    }
}
