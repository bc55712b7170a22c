//! Accounts of your own: an address instead of a name, a gender, a telephone number that is asked for once. `GET /auth/user/`,
//! the registration form, `OPTIONS` and the OpenAPI document follow from the struct.
//! `examples/custom_profile_server` has the same in a settings file.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vestibule::settings::{Details, LoginMethod, Presence};
use vestibule::{Auth, Builder, CurrentUser, PhoneNumber, Settings};

/// What is known of an account beside its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// How we may address you.
    pub gender: Option<Gender>,
    /// For questions about an order.
    #[schemars(extend("readOnly" = true))]
    pub phone_number: PhoneNumber,
}

/// The variants' words are what people choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// Female
    Female,
    /// Male
    Male,
    /// Something else
    Other,
}

/// Accounts have an address and no name.
#[must_use]
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.account.username = Presence::Off;
    settings.account.login_methods = vec![LoginMethod::Email];
    settings.user.standard.first_name = Details::Hidden;
    settings.user.standard.last_name = Details::Hidden;
    settings
}

/// The service with these accounts.
#[must_use]
pub fn accounts(builder: Builder) -> Builder {
    builder.profile::<Profile>()
}

/// The application.
pub fn app(auth: Auth) -> Router {
    Router::new().route("/greeting", get(greeting)).nest("/auth", auth.router()).merge(auth.well_known()).with_state(auth)
}

async fn greeting(CurrentUser(user): CurrentUser) -> Result<String, StatusCode> {
    let profile: Profile = user.profile().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let title = match profile.gender {
        Some(Gender::Female) => "Madam",
        Some(Gender::Male) => "Sir",
        Some(Gender::Other) | None => "friend",
    };
    Ok(format!("Dear {title}, we may call {}.", profile.phone_number))
}
