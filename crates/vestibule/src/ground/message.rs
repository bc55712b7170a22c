//! Every sentence that a client may read, as an identifier with arguments.
//!
//! The English sentences are those that the reference answers with: they are part of the wire (design decision 11). The
//! `code` is ours and stable; it is what `application/problem+json` carries.

use std::borrow::Cow;

use super::language::{self, Language, Sentence};

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $(($($arg:ident : $kind:ty),+))? , $code:literal , $text:literal ;)+) => {
        /// One sentence for a client.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Message { $($(#[$doc])* $name $(($($kind),+))?),+ }

        impl Message {
            /// Every sentence with its code.
            const ALL: &'static [(&'static str, Sentence)] =
                &[$(($code, Sentence { text: $text, plural: plural($text, false $($(|| <$kind as Argument>::COUNTS)+)?) })),+];

            /// The stable name of the message, for programs.
            pub fn code(&self) -> &'static str {
                match self { $(messages!(@pattern $name $(($($arg),+))?) => $code),+ }
            }

            /// The sentence with its placeholders, and the values for them.
            fn parts(&self) -> (&'static str, Vec<(&'static str, Given<'_>)>) {
                match self {
                    $(messages!(@bind $name $(($($arg),+))?) => ($text, vec![$($((stringify!($arg), $arg.given())),+)?])),+
                }
            }

            /// The sentence in English, for people.
            pub fn text(&self) -> Cow<'static, str> {
                match self { $(messages!(@bind $name $(($($arg),+))?) => messages!(@text $text $(, $($arg),+)?)),+ }
            }
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident ($($arg:ident),+)) => { Self::$name(..) };
    (@bind $name:ident) => { Self::$name };
    (@bind $name:ident ($($arg:ident),+)) => { Self::$name($($arg),+) };
    (@text $text:literal) => { Cow::Borrowed($text) };
    (@text $text:literal, $($arg:ident),+) => { Cow::Owned(format!($text, $($arg = $arg),+)) };
}

/// What the `to` of [`Message::PasswordTooSimilar`] can be beside the owner's own labels: part of a sentence, so translated.
pub const LABELS: [Sentence; 5] = [
    Sentence::plain("username"),
    Sentence::plain("first name"),
    Sentence::plain("last name"),
    Sentence::plain("email address"),
    Sentence::plain("site name"),
];

/// The value of a placeholder.
enum Given<'a> {
    Count(u64),
    Text(&'a str),
}

trait Argument {
    /// Whether the sentence may differ by the number.
    const COUNTS: bool;

    fn given(&self) -> Given<'_>;
}

impl Argument for String {
    const COUNTS: bool = false;

    fn given(&self) -> Given<'_> {
        Given::Text(self)
    }
}

impl Argument for usize {
    const COUNTS: bool = true;

    fn given(&self) -> Given<'_> {
        Given::Count(*self as u64)
    }
}

impl Argument for u64 {
    const COUNTS: bool = true;

    fn given(&self) -> Given<'_> {
        Given::Count(*self)
    }
}

/// English keeps the recorded sentence for every number.
const fn plural(text: &'static str, counts: bool) -> Option<&'static str> {
    if counts { Some(text) } else { None }
}

/// The codes of what our catalogues do not hold: what programmers read alone, which the reference says in English in every
/// language, and what the host says.
const UNTRANSLATED: [&str; 2] = ["parse_error", "custom"];

impl Message {
    /// A sentence of the host's own, for people: what a hook or a form from a Rust type refuses with. Where the catalogue of the
    /// reader's language in `languages.dir` has it, it is translated.
    pub fn own(sentence: impl Into<String>) -> Self {
        Self::Own(sentence.into())
    }

    /// Whether it says why a JSON Web Token does not count.
    pub fn is_of_a_jwt(&self) -> bool {
        matches!(self, Self::JwtInvalid | Self::JwtExpired | Self::JwtWrongType | Self::JwtSpent)
    }

    /// Every sentence that is translated.
    pub fn sentences() -> impl Iterator<Item = Sentence> {
        Self::ALL.iter().filter(|(code, _)| !UNTRANSLATED.contains(code)).map(|(_, sentence)| *sentence)
    }

    /// The sentence in that language, for people; in English where the language lacks it.
    pub fn in_language<'l>(&self, language: &'l Language) -> Cow<'l, str> {
        if let Self::Own(sentence) = self {
            return Cow::Owned(language.find(sentence, None).unwrap_or(sentence).to_owned());
        }
        let (sentence, given) = self.parts();
        let count = given.iter().find_map(|(_, value)| if let Given::Count(count) = value { Some(*count) } else { None });
        let Some(sentence) = language.find(sentence, count) else { return self.text() };
        if given.is_empty() {
            return Cow::Borrowed(sentence);
        }
        let written = given.iter().map(|(name, value)| (*name, self.written(value, language))).collect::<Vec<_>>();
        let values = written.iter().map(|(name, value)| (*name, value.as_ref())).collect::<Vec<_>>();
        Cow::Owned(language::fill(sentence, &values))
    }

    fn written<'v>(&self, value: &Given<'v>, language: &'v Language) -> Cow<'v, str> {
        match value {
            Given::Count(count) => Cow::Owned(count.to_string()),
            Given::Text(label) if matches!(self, Self::PasswordTooSimilar(_)) => {
                Cow::Borrowed(language.find(label, None).unwrap_or(label))
            }
            Given::Text(text) => Cow::Borrowed(text),
        }
    }
}

messages! {
    /// A required member is missing.
    Required, "required", "This field is required.";
    /// The text is empty.
    Blank, "blank", "This field may not be blank.";
    /// The member is `null`.
    Null, "null", "This field may not be null.";
    /// Not a text, and not a number that can stand for one.
    NotAString, "not_a_string", "Not a valid string.";
    /// U+0000 in a text.
    NullCharacters, "null_characters", "Null characters are not allowed.";
    /// Half of a UTF-16 pair in a JSON escape; the argument is its number in four hexadecimal digits.
    Surrogates(point: String), "surrogate_characters", "Surrogate characters are not allowed: U+{point}.";
    /// A control character in a text of one line.
    ControlCharacters, "control_characters", "Control characters are not allowed.";
    /// More characters than the field takes.
    TooLong(max: usize), "max_length", "Ensure this field has no more than {max} characters.";
    /// Fewer characters than the field takes.
    TooShort(min: usize), "min_length", "Ensure this field has at least {min} characters.";
    /// More bytes than a password may have.
    TooManyBytes(max: usize), "max_bytes", "Ensure this field has no more than {max} bytes.";
    /// The text does not match the field's pattern.
    NoMatch, "pattern", "Enter a valid value.";
    /// Not one of the choices.
    NotAChoice(input: String), "invalid_choice", "\"{input}\" is not a valid choice.";
    /// Not a whole number.
    NotAnInteger, "not_an_integer", "A valid integer is required.";
    /// A whole number beyond 64 bits.
    IntegerTooLarge, "integer_too_large", "Integer value too large.";
    /// A number over what the field takes.
    TooGreat(max: String), "max_value", "Ensure this value is less than or equal to {max}.";
    /// A number under what the field takes.
    TooSmall(min: String), "min_value", "Ensure this value is greater than or equal to {min}.";
    /// Neither true nor false.
    NotABoolean, "not_a_boolean", "Must be a valid boolean.";
    /// Not a calendar date.
    NotADate, "not_a_date", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    /// Not an http or https address.
    NotAUrl, "not_a_url", "Enter a valid URL.";
    /// Not a telephone number.
    NotAPhoneNumber, "not_a_phone_number", "Enter a valid phone number.";
    /// Accounts here have no such field; the argument names the setting that decides it.
    NotOffered(setting: String), "not_offered", "Accounts have no such field here (setting `{setting}`).";
    /// Somebody else has this value in a field where values are unique.
    NotUnique, "not_unique", "This field must be unique.";
    /// Not an e-mail address.
    InvalidEmail, "invalid_email", "Enter a valid email address.";
    /// The address belongs to an account.
    EmailTaken, "email_taken", "User is already registered with this e-mail address.";
    /// A character that names may not have.
    InvalidUsername, "invalid_username", "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
    /// The name belongs to an account.
    UsernameTaken, "username_taken", "A user with that username already exists.";
    /// The name is on the list of names that nobody may have.
    UsernameDenied, "username_denied", "Username can not be used. Please use other username.";
    /// A password of fewer characters than allowed.
    PasswordTooShort(min: usize), "password_too_short", "This password is too short. It must contain at least {min} characters.";
    /// A password from the list of common ones.
    PasswordTooCommon, "password_too_common", "This password is too common.";
    /// A password of digits alone.
    PasswordNumeric, "password_entirely_numeric", "This password is entirely numeric.";
    /// A password near to something that the account says of itself.
    PasswordTooSimilar(to: String), "password_too_similar", "The password is too similar to the {to}.";
    /// The two passwords of the registration form differ.
    PasswordsDiffer, "password_mismatch", "The two password fields didn't match.";
    /// The two passwords of the change form differ.
    NewPasswordsDiffer, "password_mismatch", "The two password fields didn’t match.";
    /// The current password is wrong.
    OldPasswordWrong, "old_password_wrong", "Your old password was entered incorrectly. Please enter it again.";
    /// Wrong name, wrong password, disabled account: one answer for all.
    LoginFailed, "login_failed", "Unable to log in with provided credentials.";
    /// The password is right, the address is not proven.
    EmailNotVerified, "email_not_verified", "E-mail is not verified.";
    /// Login by e-mail address wants it and a password.
    LoginNeedsEmail, "login_incomplete", "Must include \"email\" and \"password\".";
    /// Login by name wants it and a password.
    LoginNeedsUsername, "login_incomplete", "Must include \"username\" and \"password\".";
    /// Login by either wants one of them and a password.
    LoginNeedsEither, "login_incomplete", "Must include either \"username\" or \"email\" and \"password\".";
    /// A body that is not an object; the argument names what it is.
    NotAnObject(kind: String), "not_an_object", "Invalid data. Expected a dictionary, but got {kind}.";
    /// A body that is `null`.
    NoData, "no_data", "No data provided";
    /// A JSON body that cannot be read.
    JsonError(why: String), "parse_error", "JSON parse error - {why}";
    /// A multipart body that cannot be read.
    MultipartError(why: String), "parse_error", "Multipart form parse error - {why}";
    /// A form body that cannot be read.
    FormError(why: String), "parse_error", "Form parse error - {why}";
    /// A body of a type that the endpoint does not read.
    UnsupportedMediaType(kind: String), "unsupported_media_type", "Unsupported media type \"{kind}\" in request.";
    /// A compressed body.
    UnsupportedEncoding(kind: String), "unsupported_media_type", "Unsupported content encoding \"{kind}\" in request.";
    /// A body over the limit, in bytes.
    BodyTooLarge(max: usize), "body_too_large", "Request body is larger than {max} bytes.";
    /// A body that stopped before its end.
    BodyIncomplete, "body_incomplete", "The request body could not be read to its end.";
    /// A body that did not arrive in time.
    RequestTimeout, "request_timeout", "The request body did not arrive in time.";
    /// A path and query beyond what is read.
    UriTooLong, "uri_too_long", "The address of the request is too long.";
    /// More header fields than are read.
    TooManyHeaders, "too_many_headers", "The request has too many header fields.";
    /// More cookies than a browser keeps.
    TooManyCookies, "too_many_cookies", "The request has too many cookies.";
    /// A head that is larger than what is read.
    HeadTooLarge, "head_too_large", "The head of the request is too large.";
    /// Bytes that are no request.
    RequestUnreadable, "request_unreadable", "The request could not be read.";
    /// Nothing that we can answer with is acceptable.
    NotAcceptable, "not_acceptable", "Could not satisfy the request Accept header.";
    /// The endpoint does not know the method.
    MethodNotAllowed(method: String), "method_not_allowed", "Method \"{method}\" not allowed.";
    /// No such thing.
    NotFound, "not_found", "Not found.";
    /// The endpoint wants a credential and got none.
    NotAuthenticated, "not_authenticated", "Authentication credentials were not provided.";
    /// A credential that is unknown, ended or expired.
    InvalidToken, "invalid_token", "Invalid token.";
    /// `Authorization` names a scheme and nothing more.
    TokenMissing, "invalid_token_header", "Invalid token header. No credentials provided.";
    /// `Authorization` carries more than one word.
    TokenWithSpaces, "invalid_token_header", "Invalid token header. Token string should not contain spaces.";
    /// `Authorization` carries what no credential can hold.
    TokenWithStrangeCharacters, "invalid_token_header", "Invalid token header. Token string should not contain invalid characters.";
    /// `Authorization: Bearer` without a credential, or with more than one.
    BearerMalformed, "bad_authorization_header", "Authorization header must contain two space-delimited values";
    /// An access token that does not count; why not is told beside it.
    JwtRefused, "token_not_valid", "Given token not valid for any token type";
    /// No token of ours, or one whose session has ended.
    JwtInvalid, "token_not_valid", "Token is invalid";
    /// A token that was ours and is over.
    JwtExpired, "token_not_valid", "Token is expired";
    /// An access token where a refresh token is wanted, or the other way round.
    JwtWrongType, "token_not_valid", "Token has wrong type";
    /// A refresh token that is used up, or whose session has ended.
    JwtSpent, "token_not_valid", "Token is blacklisted";
    /// Neither the body nor a cookie has a refresh token.
    RefreshMissing, "token_not_valid", "No valid refresh token found.";
    /// A sound access token of an account that is disabled.
    JwtUserInactive, "user_inactive", "User is inactive";
    /// The credential's account is disabled or gone.
    UserInactive, "user_inactive", "User inactive or deleted.";
    /// An origin that is neither ours nor listed.
    CsrfOrigin(origin: String), "csrf_origin", "CSRF Failed: Origin checking failed - {origin} does not match any trusted origins.";
    /// A request that a page of another site started.
    CsrfSite, "csrf_site", "CSRF Failed: The request was started by another site.";
    /// A request with cookies by a client that does not say which site started it.
    CsrfUntold, "csrf_untold", "CSRF Failed: The request does not tell which site started it.";
    /// A request without the cookie whose value it must repeat.
    CsrfCookieMissing, "csrf_cookie_missing", "CSRF Failed: CSRF cookie not set.";
    /// A request that does not repeat the cookie's value.
    CsrfTokenMissing, "csrf_token_missing", "CSRF Failed: CSRF token missing.";
    /// A request that repeats something shorter or longer.
    CsrfTokenLength, "csrf_token_length", "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header has incorrect length.";
    /// A request that repeats another value, or that of another session.
    CsrfTokenWrong, "csrf_token_wrong", "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.";
    /// A form that this browser was not shown by us, or before somebody signed in.
    FormNotOurs, "form_not_ours", "CSRF Failed: This form is too old or comes from elsewhere. Load the page again.";
    /// The account may not do this.
    PermissionDenied, "permission_denied", "You do not have permission to perform this action.";
    /// Too many tries.
    Throttled(seconds: u64), "throttled", "Request was throttled. Expected available in {seconds} seconds.";
    /// The database or the hashing queue cannot serve now.
    Unavailable, "unavailable", "The service is temporarily unavailable. Please try again.";
    /// Our own fault.
    Internal, "internal_error", "Internal server error.";
    /// The account was made and a mail with a link is on its way.
    VerificationSent, "verification_sent", "Verification e-mail sent.";
    /// Not what it must be, without a reason: what proves something and does not.
    InvalidValue, "invalid_value", "Invalid value";
    /// If there is such an account, a mail to it is on its way.
    ResetSent, "reset_sent", "Password reset e-mail has been sent.";
    /// The password was set with a mailed link or code.
    PasswordReset, "password_reset", "Password has been reset with the new password.";
    /// A password that was asked for once more is not the account's.
    PasswordWrong, "password_wrong", "This is not your password.";
    /// It was too long ago that the password was proven.
    ReauthenticationNeeded, "reauthentication_needed", "Please enter your password once more.";
    /// The password was proven once more.
    Reauthenticated, "reauthenticated", "Your password was right.";
    /// The address that is asked for is the account's own, and proven.
    EmailUnchanged, "email_unchanged", "This is your e-mail address already.";
    /// A mail is on its way to the new address.
    EmailChangeSent, "email_change_sent", "An e-mail with a link to confirm the change has been sent to the new address.";
    /// The new address proved itself.
    EmailChanged, "email_changed", "Your e-mail address has been changed.";
    /// Logged out, or there was nothing to log out from.
    LoggedOut, "logged_out", "Successfully logged out.";
    /// A provider's login was asked for with nothing to log in with.
    SocialInputMissing, "social_input_missing", "Incorrect input. access_token or code is required.";
    /// What a provider gave does not count: old, used, another's or not the provider's at all.
    SocialIncorrect, "incorrect_value", "Incorrect value";
    /// The provider does not answer, or not to us.
    ProviderUnavailable, "provider_unavailable", "The sign-in provider cannot be reached at the moment. Please try again.";
    /// The provider's address is an account's, whose owner must connect the provider.
    LinkRequired, "link_required", "An account with this e-mail address exists. Please log in to it and connect the provider there.";
    /// Another account has this identity.
    IdentityTaken, "identity_taken", "This login belongs to another account already.";
    /// Nothing else would open the account.
    LastLoginMethod, "last_login_method", "This is the only way to log in to your account. Please set a password first.";
    /// Not below an address of the settings.
    ReturnUrlNotAllowed, "return_url_not_allowed", "This return address is not allowed.";
    /// The provider did not tell everything that an account needs.
    RegistrationIncomplete, "registration_incomplete", "Some details are missing to make your account.";
    /// The password was changed.
    PasswordSaved, "password_saved", "New password has been saved.";
    /// A sentence of the host's own, see [`Message::own`].
    Own(sentence: String), "custom", "{sentence}";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_(tag: &str, message: &Message) -> String {
        message.in_language(&Language::built_in(tag).unwrap()).into_owned()
    }

    #[test]
    fn a_sentence_is_said_in_the_language_and_its_code_stays() {
        let message = Message::LoginFailed;
        assert_eq!(in_("en", &message), message.text());
        for language in Language::all_built_in().iter().skip(1) {
            assert_ne!(message.in_language(language), message.text(), "{language:?}");
        }
        assert_eq!(message.code(), "login_failed");
    }

    #[test]
    fn numbers_take_their_form() {
        let polish = [1, 3, 8].map(|min| in_("pl", &Message::PasswordTooShort(min)));
        assert!(polish[0].contains("1 znak") && polish[1].contains("3 znaki") && polish[2].contains("8 znaków"), "{polish:?}");
        assert!(in_("en", &Message::PasswordTooShort(1)).ends_with("at least 1 characters."), "English stays as recorded");
    }

    #[test]
    fn t77_what_a_client_sent_is_never_read_as_a_placeholder_or_translated() {
        assert!(in_("de", &Message::NotAChoice("{input} username".into())).contains("{input} username"));
        assert!(in_("de", &Message::PasswordTooSimilar("username".into())).contains("Benutzername"));
        assert!(in_("de", &Message::PasswordTooSimilar("shoe size".into())).contains("shoe size"));
    }
}
