//! Which mails there are, and under which paths their texts stand.

/// One kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Proves the address of an account.
    EmailConfirmation,
    /// Proves the address of an account that was just made.
    EmailConfirmationSignup,
    /// Lets its reader choose a new password.
    PasswordReset,
    /// Tells that the password was changed.
    PasswordChanged,
    /// Tells that the password was set by a reset.
    PasswordResetDone,
    /// Tells the old address that there is a new one.
    EmailChanged,
    /// Tells the owner of an address that somebody tried to sign up with it.
    AccountAlreadyExists,
    /// Proves the new address of an account.
    EmailChange,
    /// Tells that a sign-in provider was connected.
    ProviderConnected,
    /// Tells that a session was ended because a copy of its key was used.
    SessionEnded,
}

/// What a text must have, or its reader could do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// The link, or the key that it is made from, or the code.
    Proof,
    /// The link, or the two parts that it is made from, or the code where there is one.
    Reset,
}

/// The paths of one text in its three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
    pub(super) html: &'static str,
}

macro_rules! paths {
    ($name:literal) => {
        paths!($name, "_message")
    };
    ($name:literal, $body:literal) => {
        Paths {
            subject: concat!($name, "_subject.txt"),
            text: concat!($name, $body, ".txt"),
            html: concat!($name, $body, ".html"),
        }
    };
}

const EMAIL_CONFIRMATION: Paths = paths!("account/email/email_confirmation");

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::EmailConfirmation,
        Self::EmailConfirmationSignup,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::PasswordResetDone,
        Self::EmailChanged,
        Self::AccountAlreadyExists,
        Self::EmailChange,
        Self::ProviderConnected,
        Self::SessionEnded,
    ];

    /// The name of the kind, for rows, logs and the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EmailConfirmation => "email_confirmation",
            Self::EmailConfirmationSignup => "email_confirmation_signup",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetDone => "password_reset_done",
            Self::EmailChanged => "email_changed",
            Self::AccountAlreadyExists => "account_already_exists",
            Self::EmailChange => "email_change",
            Self::ProviderConnected => "provider_connected",
            Self::SessionEnded => "session_ended",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Where its texts may stand, the first place being where the built-in ones do. A later place is one that the reference
    /// reads for the same mail, so that a text there is found.
    pub(super) fn places(self) -> &'static [Paths] {
        match self {
            Self::EmailConfirmation => &[EMAIL_CONFIRMATION],
            Self::EmailConfirmationSignup => &[paths!("account/email/email_confirmation_signup"), EMAIL_CONFIRMATION],
            Self::PasswordReset => &[paths!("registration/password_reset", "_email"), paths!("account/email/password_reset_key")],
            Self::PasswordChanged => &[paths!("account/email/password_changed")],
            Self::PasswordResetDone => &[paths!("account/email/password_reset")],
            Self::EmailChanged => &[paths!("account/email/email_changed")],
            Self::AccountAlreadyExists => &[paths!("account/email/account_already_exists")],
            Self::EmailChange => &[paths!("account/email/email_change")],
            Self::ProviderConnected => {
                &[paths!("account/email/provider_connected"), paths!("socialaccount/email/account_connected")]
            }
            Self::SessionEnded => &[paths!("account/email/session_ended")],
        }
    }

    pub(super) fn needs(self) -> Needs {
        match self {
            Self::EmailConfirmation | Self::EmailConfirmationSignup | Self::EmailChange => Needs::Proof,
            Self::PasswordReset => Needs::Reset,
            _ => Needs::Nothing,
        }
    }
}

/// Whether a mail is made from the file of that path.
pub(crate) fn is_of_a_mail(path: &str) -> bool {
    let places = Kind::ALL.into_iter().flat_map(Kind::places);
    places.flat_map(|paths| [paths.subject, paths.text, paths.html]).any(|known| known == path)
}
