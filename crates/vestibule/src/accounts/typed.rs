//! What a host says of accounts in Rust types: a profile, a registration form, an answer of `user/`. Here they lose their types:
//! what is left are outlines and functions, and the rest of the house is not generic.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::forms::decode::{self, Misfit, Scalar, Why};
use crate::forms::outline::{Member, Outline};
use crate::forms::{Datum, Declared, Field, Form, Kind, Values};
use crate::ground::{Error, FieldErrors, Result};
use crate::settings::{FieldKind, FieldSettings, Problem, Settings, check_asked};

use super::users::{NewUser, User};

type Members<'a> = Vec<(&'a str, Scalar<'a>)>;

/// The types that a host has given.
#[derive(Default)]
pub(crate) struct Typed {
    profile: Option<ProfileType>,
    register: Option<RegisterType>,
    view: Option<ViewType>,
}

/// A change to one field, by its name.
pub(crate) type Change = (String, Box<dyn FnOnce(&mut FieldSettings) + Send>);

struct ProfileType {
    outline: Outline,
    fits: fn(Members<'_>) -> Result<(), Misfit>,
}

struct RegisterType {
    outline: Outline,
    make: fn(Members<'_>) -> Result<NewUser>,
}

struct ViewType {
    outline: Outline,
    write: fn(&User) -> serde_json::Result<Vec<u8>>,
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |outline: Option<&Outline>| outline.map(|outline| outline.name.clone());
        let profile = name(self.profile.as_ref().map(|kind| &kind.outline));
        let register = name(self.register.as_ref().map(|kind| &kind.outline));
        let view = name(self.view.as_ref().map(|kind| &kind.outline));
        f.debug_struct("Typed").field("profile", &profile).field("register", &register).field("view", &view).finish()
    }
}

impl Typed {
    pub(crate) fn set_profile<P: DeserializeOwned + JsonSchema>(&mut self) {
        let fits = |members: Members<'_>| decode::decode::<P>(members.into_iter()).map(drop);
        self.profile = Some(ProfileType { outline: Outline::of_taken::<P>(), fits });
    }

    pub(crate) fn set_register<F>(&mut self)
    where
        F: DeserializeOwned + JsonSchema,
        NewUser: TryFrom<F, Error: Into<Error>>,
    {
        let make = |members: Members<'_>| {
            let form = decode::decode::<F>(members.into_iter()).map_err(|misfit| {
                tracing::debug!(%misfit, "a registration does not make the host's form");
                Error::field(misfit.field.clone().unwrap_or_else(|| crate::ground::error::NON_FIELD.to_owned()), misfit.message())
            })?;
            NewUser::try_from(form).map_err(Into::into)
        };
        self.register = Some(RegisterType { outline: Outline::of_taken::<F>(), make });
    }

    pub(crate) fn set_view<V>(&mut self)
    where
        V: Serialize + JsonSchema + for<'u> From<&'u User>,
    {
        self.view = Some(ViewType { outline: Outline::of_shown::<V>(), write: |user| serde_json::to_vec(&V::from(user)) });
    }

    /// Writes the profile's fields into the settings, before those that are declared there, as if they were declared there too;
    /// then tells everything that is wrong with the types and with the settings.
    pub(crate) fn declare(&self, settings: &mut Settings, changes: Vec<Change>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut fields = Vec::new();
        let prefix = self.profile.as_ref().map_or("", |profile| profile.outline.name.as_str()).to_owned();
        if let Some(ProfileType { outline, .. }) = &self.profile {
            problems.extend(outline.problem.clone());
            for member in &outline.members {
                match member.declared() {
                    Ok(field) => fields.push(field),
                    Err(what) => problems.push(format!("{prefix}.{}: {what}", member.name)),
                }
            }
        }
        let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        settings.user.fields.splice(0..0, fields);
        for (name, change) in changes {
            match settings.user.fields.iter_mut().find(|field| field.name == name) {
                Some(field) => change(field),
                None => problems.push(format!("{name}: is changed by the builder, but no field has that name")),
            }
        }
        problems.extend(settings.check().into_iter().map(|problem| in_type(&problem, &prefix, &names)));
        problems
    }

    /// What is wrong with the registration form and the answer, once it is known which fields there are.
    pub(crate) fn problems(&self, offered: &[Field]) -> Vec<String> {
        let mut problems: Vec<String> = self.view.iter().filter_map(|view| view.outline.problem.clone()).collect();
        let Some(RegisterType { outline, .. }) = &self.register else { return problems };
        problems.extend(outline.problem.clone());
        let mut extra = Vec::new();
        for member in &outline.members {
            let wrong = match offered.iter().find(|field| field.name == member.name) {
                Some(field) => mismatch(member, field),
                None if ["username", "email"].contains(&member.name.as_str()) => {
                    Some(format!("accounts have none here (account.{} is \"off\")", member.name))
                }
                None if member.is_secret() || is_name(&member.name) => None,
                None => member.declared().map(|field| extra.push(FieldSettings { register: true, ..field })).err(),
            };
            problems.extend(wrong.map(|what| format!("{}.{}: {what}", outline.name, member.name)));
        }
        let names: Vec<String> = extra.iter().map(|field| field.name.clone()).collect();
        problems.extend(check_asked(extra).iter().map(|problem| in_type(problem, &outline.name, &names)));
        problems
    }

    /// The fields of the registration form: those of the host's type in its order, after those that a registration cannot do
    /// without. Without a type, what is offered.
    pub(crate) fn asked(&self, offered: Vec<Field>, declared: &[Declared]) -> Vec<Field> {
        let Some(RegisterType { outline, .. }) = &self.register else { return offered };
        let is_declared = |name: &str| declared.iter().any(|one| one.field.name == name);
        let (named, unnamed): (Vec<_>, Vec<_>) = offered.into_iter().partition(|field| outline.member(&field.name).is_some());
        let leading = unnamed.into_iter().filter(|field| !is_declared(&field.name));
        let members = outline.members.iter().filter_map(|member| match named.iter().find(|field| field.name == member.name) {
            Some(field) => Some(in_words_of(field.clone(), member)),
            None => extra_field(member),
        });
        leading.chain(members).collect()
    }

    /// Whether the registration form asks for a declared field.
    pub(crate) fn asks_for(&self, declared: &Declared) -> bool {
        self.register.as_ref().map_or(declared.register, |form| form.outline.member(&declared.field.name).is_some())
    }

    /// What the host makes of a registration whose values are all right; nothing where it has no form of its own.
    ///
    /// # Errors
    /// What the host refuses.
    pub(crate) fn new_user(&self, values: &Values) -> Result<Option<NewUser>> {
        let Some(form) = &self.register else { return Ok(None) };
        let known = values.iter().filter(|(name, _)| form.outline.member(name).is_some());
        (form.make)(known.filter_map(|(name, datum)| Some((name, Scalar::of_datum(datum)?))).collect()).map(Some)
    }

    /// Adds what the types of the profile's members refuse beyond what the fields already say.
    pub(crate) fn check(&self, declared: &[Declared], values: &Values, errors: &mut FieldErrors) {
        let Some(profile) = &self.profile else { return };
        let mut sent: Vec<(&str, &Datum)> =
            values.iter().filter(|(name, _)| declared.iter().any(|field| field.field.name == *name)).collect();
        loop {
            let members = sent.iter().filter_map(|(name, datum)| Some((*name, Scalar::of_datum(datum)?))).collect();
            match (profile.fits)(members) {
                // What was not sent may be there already, or come later.
                Ok(()) | Err(Misfit { why: Why::Missing, .. }) => return,
                Err(misfit) => {
                    let field = misfit.field.clone().unwrap_or_else(|| crate::ground::error::NON_FIELD.to_owned());
                    let before = sent.len();
                    sent.retain(|(name, _)| *name != field);
                    errors.add(field, misfit.message());
                    if sent.len() == before {
                        return;
                    }
                }
            }
        }
    }

    /// What `user/` shows and takes: what the host's answer shows, in its order, editable where the field is.
    pub(crate) fn details(&self, fields: Vec<Field>) -> Form {
        let Some(ViewType { outline, .. }) = &self.view else { return Form::new(fields) };
        let shown = |member: &Member| match fields.iter().find(|field| field.name == member.name) {
            Some(field) => Field { shown: Some(Box::new(member.schema())), ..in_words_of(field.clone(), member) },
            None => shown_field(member),
        };
        Form::new(outline.members.iter().map(shown).collect())
    }

    /// The host's own answer as JSON, if it has one.
    pub(crate) fn written(&self, user: &User) -> Option<serde_json::Result<Vec<u8>>> {
        Some((self.view.as_ref()?.write)(user))
    }
}

fn is_name(member: &str) -> bool {
    ["first_name", "last_name"].contains(&member)
}

/// A problem of the settings, told of the type that the field comes from.
fn in_type(problem: &Problem, prefix: &str, names: &[String]) -> String {
    let of_field = |key: &str| {
        let (at, member) = key.strip_prefix("user.fields[")?.split_once("].")?;
        let name = names.get(at.parse::<usize>().ok()?)?;
        Some(format!("{prefix}.{name}: its {member}"))
    };
    let key = of_field(&problem.key).unwrap_or_else(|| problem.key.clone());
    Problem { key, ..problem.clone() }.to_string()
}

/// Why a member of the host's form cannot be what the field of that name holds.
fn mismatch(member: &Member, field: &Field) -> Option<String> {
    if member.required && !field.required {
        return Some("may be missing here, so it must be an Option".to_owned());
    }
    let is_text = !matches!(field.kind, Kind::Integer | Kind::Boolean);
    let fits = match member.declared().map(|field| field.kind) {
        Ok(FieldKind::Integer) => matches!(field.kind, Kind::Integer),
        Ok(FieldKind::Boolean) => matches!(field.kind, Kind::Boolean),
        Ok(_) => is_text,
        Err(_) => member.is_secret() && matches!(field.kind, Kind::Password),
    };
    (!fits).then(|| "has a type that cannot hold what the field of that name holds".to_owned())
}

/// The field, with the label and the help of the host's type where it has some.
fn in_words_of(mut field: Field, member: &Member) -> Field {
    if let Some(title) = member.title() {
        field.label = title;
    }
    field.help = member.help().or(field.help);
    field
}

/// A member that only the host's form has.
fn extra_field(member: &Member) -> Option<Field> {
    let mut field = if member.is_secret() {
        Field::new(&member.name, Kind::Password)
    } else {
        Declared::new(&member.declared().ok()?).ok()?.field
    };
    if is_name(&member.name) {
        field = Field { min_length: field.min_length, pattern: field.pattern, ..Field::new(&member.name, Kind::Text).blank() }
            .at_most(super::shapes::NAME_MAX);
    }
    (field.required, field.nullable) = (member.required, !member.required);
    Some(in_words_of(field, member))
}

/// A member that only the host's answer has.
fn shown_field(member: &Member) -> Field {
    let declared = member.declared().ok().and_then(|field| Declared::new(&field).ok()).map(|declared| declared.field);
    let field = declared.unwrap_or_else(|| Field::new(&member.name, Kind::Shown));
    Field { shown: Some(Box::new(member.schema())), ..in_words_of(field.read_only(), member) }
}

impl User {
    /// The values of the declared fields as a struct; a value that a removed field left behind is overlooked.
    ///
    /// # Errors
    /// [`Error::Internal`] when a value does not fit the type, or a member is missing that is no `Option`: what is required
    /// binds who writes, so accounts from before a field was required may lack it.
    pub fn profile<P: DeserializeOwned>(&self) -> Result<P> {
        let members = self.profile.as_object().into_iter().flatten();
        decode::decode(members.filter_map(|(name, value)| Some((name.as_str(), Scalar::of_json(value)?))))
            .map_err(|misfit| Error::internal(format!("the profile of account {} does not fit its type: {misfit}", self.id)))
    }

    /// The value of one declared field; nothing where the account has none or the type does not fit.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        decode::decode_one(Scalar::of_json(self.profile.get(name)?)?)
    }
}

impl NewUser {
    /// A new account with the values of the declared fields; for the `TryFrom` of a form of your own. What is left as it is here
    /// (name, address, password, language) is taken from the form.
    ///
    /// # Errors
    /// [`Error::Internal`] when the profile is no struct.
    pub fn with_profile(profile: &impl Serialize) -> Result<Self> {
        match serde_json::to_value(profile) {
            Ok(Value::Object(members)) => {
                let given: Map<_, _> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
                Ok(Self { profile: given.into(), ..Self::default() })
            }
            Ok(_) => Err(Error::internal("a profile is no struct with named fields")),
            Err(error) => Err(Error::internal(format!("a profile cannot be kept: {error}"))),
        }
    }
}
