//! One HTTP address as a value.

use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, Method, Uri};
use serde_json::json;

use crate::accounts::sessions::Caller;
use crate::accounts::{Auth, Client};
use crate::forms::{Completeness, Form, Input, Value, Values};
use crate::ground::{Error, FieldErrors, Language, Message, Result, Secret};
use crate::settings::TokenMode;

use super::answer::Answer;
use super::cookies::{self, Kind, Sent, SetCookie};
use super::directory::Directory;
use super::gives::Gives;

/// What an operation does with a request that was let in and read.
pub type Run = fn(Call) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Anybody.
    Anybody,
    /// Whoever has a session.
    User,
    /// Whoever has a session and is staff.
    Staff,
}

/// What an address does with cookies beside those that show who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// Nothing.
    NoCookies,
    /// A browser may get some.
    Gives,
    /// The same, and a refresh token may be used up.
    Spends,
}

/// One address: what it is called, who may ask, and what it does.
pub struct Endpoint {
    /// Below the base path, without slashes around it.
    pub path: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// A sentence about it.
    pub description: &'static str,
    /// Who may ask.
    pub guard: Guard,
    /// Whether a credential that does not count is overlooked: so where one comes to get a new one.
    pub forgiving: bool,
    /// What it does with cookies beside those that show who asks.
    pub touches: Touches,
    /// What it does, by method.
    pub operations: Vec<Operation>,
    allow: Option<&'static str>,
}

/// What an address does for one method.
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The name of a function in a generated client: `getUser`. No two operations have the same.
    pub id: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it answers beside what every operation may answer.
    pub gives: Vec<Gives>,
    /// What the body must hold.
    pub takes: Option<Form>,
    /// Whether all of it must be there.
    pub completeness: Completeness,
    /// Where the form alone does not say what must be there: lists of members, one of which must be there whole.
    pub either: Vec<Vec<&'static str>>,
    /// Whether it changes nothing, by whatever method it is asked.
    pub changes_nothing: bool,
    /// What is done.
    pub run: Run,
}

impl Operation {
    /// Does that for the method; takes no body.
    pub fn new(method: Method, run: Run) -> Self {
        Self {
            method,
            id: "",
            summary: "",
            gives: Vec::new(),
            takes: None,
            completeness: Completeness::Whole,
            either: Vec::new(),
            changes_nothing: false,
            run,
        }
    }

    /// The same, with the name of a function in a generated client (`getUser`) and what it does in a few words.
    #[must_use]
    pub fn called(mut self, id: &'static str, summary: &'static str) -> Self {
        (self.id, self.summary) = (id, summary);
        self
    }

    /// The same, which answers that as well: a success, or a refusal that does not follow from what it takes and whom it lets in.
    #[must_use]
    pub fn gives(mut self, answer: Gives) -> Self {
        self.gives.push(answer);
        self
    }

    /// The same, with a body of that form.
    #[must_use]
    pub fn taking(mut self, form: Form) -> Self {
        self.takes = Some(form);
        self
    }

    /// The same, where these members must be there, or those of another such call. The flow sees to it; this only describes it.
    #[must_use]
    pub fn either(mut self, members: &[&'static str]) -> Self {
        self.either.push(members.to_vec());
        self
    }

    /// The same, which changes nothing, so that it does not count which site made a browser ask for it.
    #[must_use]
    pub fn changing_nothing(mut self) -> Self {
        self.changes_nothing = true;
        self
    }

    /// The same, where members may be left out.
    #[must_use]
    pub fn partially(mut self) -> Self {
        self.completeness = Completeness::Partial;
        self
    }
}

impl Endpoint {
    /// An address that anybody may ask and that does nothing yet.
    pub fn new(path: &'static str, name: &'static str) -> Self {
        Self {
            path,
            name,
            description: "",
            guard: Guard::Anybody,
            forgiving: false,
            touches: Touches::NoCookies,
            operations: Vec::new(),
            allow: None,
        }
    }

    /// The same, with a sentence about it.
    #[must_use]
    pub fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The same, for those alone.
    #[must_use]
    pub fn guarded(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// The same, overlooking a credential that does not count.
    #[must_use]
    pub fn forgiving(mut self) -> Self {
        self.forgiving = true;
        self
    }

    /// The same, where cookies are given out or used up: another site must not make a browser ask for that (T44).
    #[must_use]
    pub fn giving_cookies(mut self) -> Self {
        self.touches = Touches::Gives;
        self
    }

    /// The same, where the cookie of a refresh token is used up or ended: as [`Endpoint::giving_cookies`], and that cookie speaks for
    /// the request.
    #[must_use]
    pub fn spending_cookies(mut self) -> Self {
        self.touches = Touches::Spends;
        self
    }

    /// The same, with an `Allow` header as the reference has it where it differs from what the operations say.
    #[must_use]
    pub fn allowing(mut self, allow: &'static str) -> Self {
        self.allow = Some(allow);
        self
    }

    /// The same, which does that as well.
    #[must_use]
    pub fn with(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// The operation for a method; `HEAD` is `GET` without its body.
    pub fn operation(&self, method: &Method) -> Option<&Operation> {
        let asked = if method == Method::HEAD { &Method::GET } else { method };
        self.operations.iter().find(|operation| operation.method == *asked)
    }

    /// The `Allow` header.
    pub fn allow(&self) -> String {
        if let Some(allow) = self.allow {
            return allow.to_owned();
        }
        let order = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let mut methods: Vec<&str> = order.iter().filter(|method| self.operation(method).is_some()).map(Method::as_str).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }

    /// The body of the `OPTIONS` answer, in the reference's shape.
    pub fn describe(&self, renders: &[&str]) -> serde_json::Value {
        let mut out = json!({
            "name": self.name,
            "description": self.description,
            "renders": renders,
            "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
        });
        let forms = self.operations.iter().filter(|operation| operation.completeness == Completeness::Whole);
        let actions: serde_json::Map<String, serde_json::Value> =
            forms.filter_map(|operation| Some((operation.method.to_string(), operation.takes.as_ref()?.describe()))).collect();
        if !actions.is_empty() {
            out["actions"] = serde_json::Value::Object(actions);
        }
        out
    }
}

/// One request that was let in: who asks, and what was sent.
pub struct Call {
    /// The service.
    pub auth: Auth,
    /// Where the request comes from.
    pub who: Client,
    /// The language that the client reads.
    pub language: Language,
    /// Whose session it carries, if it carries one that counts.
    pub caller: Option<Box<Caller>>,
    /// All endpoints of the service.
    pub directory: std::sync::Arc<Directory>,
    /// The cookies of the request.
    pub(super) cookies: HeaderMap,
    /// The parts of the path that stand for parameters, in their order.
    pub parameters: Vec<String>,
    /// The address that was asked for.
    pub(super) uri: Uri,
    pub(super) input: Input,
    pub(super) endpoint: std::sync::Arc<Endpoint>,
    pub(super) method: Method,
}

impl Call {
    /// Whoever asks, where the guard let in only those with a session.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the guard lets in anybody and nobody showed a session.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_deref().ok_or(Error::Unauthenticated(Message::NotAuthenticated))
    }

    /// The endpoint's own path, below the base path.
    pub fn path(&self) -> &'static str {
        self.endpoint.path
    }

    /// What stands in the path where the endpoint's has braces;
    pub fn parameter(&self) -> Option<String> {
        self.parameters.first().cloned()
    }

    /// A member of the query. One that occurs twice is none: two readers would disagree.
    pub fn query(&self, name: &str) -> Option<String> {
        let mut found = form_urlencoded::parse(self.uri.query()?.as_bytes()).filter(|(member, _)| member == name);
        let (_, value) = found.next()?;
        found.next().is_none().then(|| value.into_owned())
    }

    /// Whether only the head of the answer is asked for.
    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether something was sent to be done.
    pub fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<Secret> {
        match cookies::sent(&self.cookies, name) {
            Sent::One(value) => Some(Secret::from(value)),
            Sent::Nothing | Sent::Unusable => None,
        }
    }

    /// What removes the cookies that the request carries.
    pub fn removed_cookies(&self) -> Vec<SetCookie> {
        cookies::removed(&self.auth, &self.cookies)
    }

    /// The refresh token that the request carries: in the body, else in its cookie where cookies carry tokens.
    pub fn refresh_token(&self) -> Option<Secret> {
        match self.input.get("refresh") {
            Some(Value::Text(token)) => Some(Secret::from(token.as_str())),
            Some(_) => None,
            None => self.refresh_cookie(),
        }
    }

    /// The refresh token of the cookie.
    pub fn refresh_cookie(&self) -> Option<Secret> {
        if self.auth.settings.tokens.mode != TokenMode::JwtCookie {
            return None;
        }
        match cookies::sent(&self.cookies, Kind::Refresh.name(&self.auth)) {
            Sent::One(token) => Some(Secret::from(token)),
            Sent::Nothing | Sent::Unusable => None,
        }
    }

    /// The values of the form, all of them right.
    ///
    /// # Errors
    /// [`Error::Fields`] with everything that is wrong.
    pub fn values(&self) -> Result<Values> {
        let (values, errors) = self.read()?;
        errors.into_result()?;
        Ok(values)
    }

    /// The values that are right, and what is wrong with the others.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operation has no form.
    pub fn read(&self) -> Result<(Values, FieldErrors)> {
        let operation = self.endpoint.operation(&self.method);
        let form = operation.and_then(|operation| Some((operation.takes.as_ref()?, operation.completeness)));
        let (form, completeness) = form.ok_or_else(|| Error::internal("an operation without a form reads one"))?;
        Ok(form.read(&self.input, completeness))
    }
}
