//! The person in front of a software authenticator. The tests of the server take this file, too.

use std::pin::Pin;

use passkey::authenticator::{UiHint, UserCheck, UserValidationMethod};
use passkey::types::Passkey;
use passkey::types::ctap2::Ctap2Error;

/// Somebody who is there, and shows who it is if that is asked for.
pub struct Present;

type Checked<'c> = Pin<Box<dyn Future<Output = Result<UserCheck, Ctap2Error>> + Send + 'c>>;

impl UserValidationMethod for Present {
    type PasskeyItem = Passkey;

    fn check_user<'a, 's, 'c>(
        &'s self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Checked<'c>
    where
        'a: 'c,
        's: 'c,
    {
        Box::pin(async move { Ok(UserCheck { presence, verification }) })
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }
}
