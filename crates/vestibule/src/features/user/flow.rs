//! The rules of editing one's own account.

use crate::accounts::audit::Event;
use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client, User, unique, users};
use crate::forms::{Datum, Values};
use crate::ground::{Error, FieldErrors, Message, Result};

/// Writes the members that were sent. Two edits at once of different members both count.
///
/// # Errors
/// [`Error::Fields`] when the host's own type refuses a value or somebody else has one that must be unique, [`Error::Unauthenticated`] when the session was ended
/// meanwhile, those of the database.
pub async fn edit(auth: &Auth, who: &Client, caller: &Caller, values: Values) -> Result<User> {
    let mut errors = FieldErrors::default();
    auth.shapes.check(&values, &mut errors);
    errors.into_result()?;
    let renamed = values.username("username").filter(|name| caller.user.username.as_deref() != Some(name.shown()));
    if renamed.is_some_and(|name| users::is_anothers_address(auth, name, caller.user.email.as_deref())) {
        return Err(Error::field("username", Message::UsernameDenied));
    }
    refuse_taken(auth, &caller.user, &values).await?;
    let (floor, sender, now) = (auth.clone(), who.clone(), auth.clock.now());
    let (id, epoch) = (caller.user.id, caller.user.epoch);
    let (user, event) = auth
        .db
        .unit(move |tx| async move {
            let before = users::lock(&tx, id, epoch).await?.ok_or(Error::Unauthenticated(Message::InvalidToken))?;
            let after = edited(&floor, before.clone(), &values);
            users::update(&tx, &after, values.username("username")).await?;
            unique::claim(&tx, &floor.shapes.declared, id, &before.profile, &after.profile).await?;
            let event = Event::about(id, "user.edited").with("fields", changed(&floor, &before, &after));
            event.record(&tx, now, &sender).await?;
            Ok::<_, Error>((after, event))
        })
        .await?;
    event.log(who);
    Ok(user)
}

/// What can be said early of values that another account holds, all of it at once. The indexes decide later.
async fn refuse_taken(auth: &Auth, user: &User, values: &Values) -> Result<()> {
    let mut errors = FieldErrors::default();
    if let Some(name) = values.username("username")
        && users::by_username(&auth.db, name.key()).await?.is_some_and(|other| other.user.id != user.id)
    {
        errors.add("username", Message::UsernameTaken);
    }
    for declared in &auth.shapes.declared {
        let name = declared.field.name.as_str();
        if let Some(datum) = values.get(name)
            && unique::is_anothers(&auth.db, declared, &datum.to_json(), user.id).await?
        {
            errors.add(name, Message::NotUnique);
        }
    }
    errors.into_result()
}

fn edited(auth: &Auth, mut user: User, values: &Values) -> User {
    if let Some(name) = values.username("username") {
        user.username = Some(name.shown().to_owned());
    }
    for (field, target) in [("first_name", &mut user.first_name), ("last_name", &mut user.last_name)] {
        if let Some(Datum::Text(text)) = values.get(field) {
            target.clone_from(text);
        }
    }
    for declared in &auth.shapes.declared {
        let name = &declared.field.name;
        if let Some(datum) = values.get(name) {
            user.profile[name] = datum.to_json();
        }
    }
    user
}

/// Which members changed: their names, never their values.
fn changed(auth: &Auth, before: &User, after: &User) -> Vec<String> {
    let (before, after) = (auth.shapes.view(before), auth.shapes.view(after));
    let members = after.as_object().into_iter().flatten();
    members.filter(|(name, value)| before[name.as_str()] != **value).map(|(name, _)| name.clone()).collect()
}
