//! What a user looks like in this installation: the one value from which registration, the user endpoint, `OPTIONS` and
//! whatever describes the API later all come.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::forms::{Declared, Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Result};
use crate::settings::{Details, Presence, Settings};

use super::typed::Typed;
use super::users::{NewUser, User};

/// The most characters of a name, as the reference has it.
pub(super) const NAME_MAX: usize = 150;

/// The forms and answers that the settings call for.
pub struct Shapes {
    /// The declared fields, in the order of their declaration.
    pub declared: Vec<Declared>,
    /// What the user endpoint shows and takes.
    pub details: Form,
    /// What registration takes.
    pub registration: Form,
    standard: Vec<&'static str>,
    typed: Typed,
}

impl Shapes {
    /// The shapes for these settings and for the types that a host has given.
    ///
    /// # Errors
    /// What is wrong with a declared pattern.
    pub(crate) fn new(settings: &Settings, typed: Typed) -> Result<Self, String> {
        let declared = settings.user.fields.iter().map(Declared::new).collect::<Result<Vec<_>, _>>()?;
        let standard: Vec<Field> = standard_fields(settings);
        let shown = standard
            .iter()
            .filter_map(|field| ["username", "email", "first_name", "last_name"].into_iter().find(|name| field.name == *name));
        let standard_names = shown.collect();
        let fields = standard.into_iter().chain(declared.iter().filter_map(Declared::for_details)).collect();
        let asked = declared.iter().filter(|declared| typed.asks_for(declared)).map(|declared| declared.field.clone());
        let offered = credentials(settings).into_iter().chain(asked).collect();
        let registration = Form::new(typed.asked(offered, &declared));
        Ok(Self { details: typed.details(fields), registration, standard: standard_names, declared, typed })
    }

    /// What is wrong with the types that a host has given for these settings.
    pub(crate) fn problems(&self, settings: &Settings) -> Vec<String> {
        let declared = self.declared.iter().map(|declared| declared.field.clone());
        self.typed.problems(&credentials(settings).into_iter().chain(declared).collect::<Vec<_>>())
    }

    /// Adds what the types of a host's profile refuse beyond what the fields already say.
    pub(crate) fn check(&self, values: &Values, errors: &mut FieldErrors) {
        self.typed.check(&self.declared, values, errors);
    }

    /// What a host's own form makes of values that are all right; nothing where there is none.
    ///
    /// # Errors
    /// What the host refuses.
    pub(crate) fn new_user(&self, values: &Values) -> Result<Option<NewUser>> {
        self.typed.new_user(values)
    }

    /// The fields that registration asks for beside name, address and password.
    pub fn asked_at_registration(&self) -> impl Iterator<Item = &Declared> {
        self.declared.iter().filter(|declared| self.typed.asks_for(declared))
    }

    /// A user as the user endpoint answers.
    pub fn view(&self, user: &User) -> Value {
        match self.typed.written(user) {
            Some(written) => written.and_then(|json| serde_json::from_slice(&json)).unwrap_or_default(),
            None => serde_json::to_value(View { shapes: self, user }).unwrap_or_default(),
        }
    }

    /// The same as JSON on one line, without a tree in between: this answer is asked for most.
    ///
    /// # Errors
    /// [`Error::Internal`] when a host's own answer cannot be written.
    pub fn written(&self, user: &User) -> Result<Vec<u8>> {
        let written = self.typed.written(user).unwrap_or_else(|| {
            let mut out = Vec::with_capacity(256);
            serde_json::to_writer(&mut out, &View { shapes: self, user }).map(|()| out)
        });
        written.map_err(|error| Error::internal(format!("an account cannot be written as JSON: {error}")))
    }

    /// What an account says of itself, by label: a password must not be near any of it (T03).
    pub fn own_words(&self, account: &OwnWords<'_>) -> Vec<(String, String)> {
        let standard = [
            ("username", account.username),
            ("first name", account.first_name),
            ("last name", account.last_name),
            ("email address", account.email),
        ];
        let declared = self
            .declared
            .iter()
            .filter(|declared| matches!(declared.field.kind, Kind::Text | Kind::Phone | Kind::Email | Kind::Url));
        standard
            .into_iter()
            .filter_map(|(label, value)| Some((label.to_owned(), value.filter(|value| !value.is_empty())?.to_owned())))
            .chain(declared.filter_map(|declared| {
                let value = account.profile[&declared.field.name].as_str().filter(|value| !value.is_empty())?;
                Some((declared.field.label.to_lowercase(), value.to_owned()))
            }))
            .collect()
    }
}

/// A user, seen through the shapes.
struct View<'a> {
    shapes: &'a Shapes,
    user: &'a User,
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("pk", &user.id.as_i64())?;
        for name in &self.shapes.standard {
            let text = match *name {
                "username" => user.username.as_deref().unwrap_or_default(),
                "email" => user.email.as_deref().unwrap_or_default(),
                "first_name" => &user.first_name,
                _ => &user.last_name,
            };
            out.serialize_entry(name, text)?;
        }
        for declared in self.shapes.declared.iter().filter(|declared| declared.details != Details::Hidden) {
            match &user.profile[&declared.field.name] {
                Value::Null => out.serialize_entry(&declared.field.name, &declared.absent())?,
                value => out.serialize_entry(&declared.field.name, value)?,
            }
        }
        out.end()
    }
}

/// The parts of an account that its password is compared with.
#[derive(Clone, Copy)]
pub struct OwnWords<'a> {
    /// The name.
    pub username: Option<&'a str>,
    /// The address.
    pub email: Option<&'a str>,
    /// The first name.
    pub first_name: Option<&'a str>,
    /// The last name.
    pub last_name: Option<&'a str>,
    /// The values of the declared fields.
    pub profile: &'a Value,
}

impl<'a> From<&'a User> for OwnWords<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            username: user.username.as_deref(),
            email: user.email.as_deref(),
            first_name: Some(&user.first_name),
            last_name: Some(&user.last_name),
            profile: &user.profile,
        }
    }
}

/// What every registration takes: name and address as the settings want them, and the password twice.
fn credentials(settings: &Settings) -> Vec<Field> {
    let account = &settings.account;
    let names = [(username_field(settings), account.username), (Field::new("email", Kind::Email), account.email)];
    let names = names.into_iter().filter_map(|(field, presence)| match presence {
        Presence::Required => Some(field),
        Presence::Optional => Some(field.optional()),
        Presence::Off => None,
    });
    names.chain(["password1", "password2"].map(|name| Field::new(name, Kind::Password))).collect()
}

fn standard_fields(settings: &Settings) -> Vec<Field> {
    let (account, shown) = (&settings.account, &settings.user.standard);
    let mut fields = vec![Field::new("pk", Kind::Integer).labelled("ID").read_only()];
    if account.username != Presence::Off {
        let mut name = username_field(settings);
        name.min_length = None;
        name.help = Some("Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.".to_owned());
        fields.extend(as_shown(name, shown.username));
    }
    if account.email != Presence::Off {
        // An address changes by proving the new one, never by writing it here (T76).
        fields.extend(as_shown(Field::new("email", Kind::Email).labelled("Email address").read_only(), shown.email));
    }
    for (name, visibility) in [("first_name", shown.first_name), ("last_name", shown.last_name)] {
        fields.extend(as_shown(Field::new(name, Kind::Text).optional().blank().at_most(NAME_MAX), visibility));
    }
    fields
}

fn as_shown(field: Field, visibility: Details) -> Option<Field> {
    match visibility {
        Details::Editable => Some(field),
        Details::ReadOnly => Some(field.read_only()),
        Details::Hidden => None,
    }
}

/// The field in which a name is chosen.
pub fn username_field(settings: &Settings) -> Field {
    let account = &settings.account;
    let min = account.username_min_length as usize;
    let mut field = Field::new("username", Kind::Username(min, account.username_denylist.clone())).at_most(NAME_MAX);
    field.min_length = Some(min);
    field
}
