//! From members that a form has read to a struct of the host's, with every error at its field.

use std::cell::Cell;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::values::Datum;
use crate::ground::Message;

/// A value of one member. Nothing in a form or a profile is deeper.
#[derive(Clone, Copy)]
pub(crate) enum Scalar<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

impl<'a> Scalar<'a> {
    /// What a form has read; nothing where the field is cleared.
    pub(crate) fn of_datum(datum: &'a Datum) -> Option<Self> {
        match datum {
            Datum::Null => None,
            Datum::Text(text) => Some(Self::Text(text)),
            Datum::Secret(secret) => Some(Self::Text(secret.expose())),
            Datum::Email(address) => Some(Self::Text(address.shown())),
            Datum::Username(name) => Some(Self::Text(name.shown())),
            Datum::Integer(number) => Some(Self::Integer(*number)),
            Datum::Boolean(truth) => Some(Self::Boolean(*truth)),
        }
    }

    /// What a profile keeps; nothing where it has no value.
    pub(crate) fn of_json(value: &'a serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Some(Self::Text(text)),
            serde_json::Value::Bool(truth) => Some(Self::Boolean(*truth)),
            serde_json::Value::Number(number) => number.as_i64().map(Self::Integer),
            _ => None,
        }
    }
}

/// Why members do not make the struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The member, where it is one.
    pub(crate) field: Option<String>,
    /// Why.
    pub(crate) why: Why,
}

/// What is wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is not there.
    Missing,
    /// The type refuses it with a sentence of its own (`#[serde(try_from = "String")]`).
    Said(String),
    /// It is of another type; in words for the log.
    Shape(String),
}

impl Misfit {
    /// What a client hears.
    pub(crate) fn message(&self) -> Message {
        match &self.why {
            Why::Missing => Message::Required,
            Why::Said(sentence) => Message::own(sentence),
            Why::Shape(_) => Message::NoMatch,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Missing => write!(f, "{} is missing", self.field.as_deref().unwrap_or("something")),
            Why::Said(words) | Why::Shape(words) => write!(f, "{}: {words}", self.field.as_deref().unwrap_or("the whole")),
        }
    }
}

/// Makes the struct. A member without a value must be left out.
///
/// # Errors
/// The first thing that is wrong; that a member is missing is only told when all that are there are right.
pub(crate) fn decode<'a, T: DeserializeOwned>(members: impl Iterator<Item = (&'a str, Scalar<'a>)>) -> Result<T, Misfit> {
    let at = Cell::new(None);
    T::deserialize(Members { rest: members, value: None, at: &at }).map_err(|wrong| {
        let field = wrong.field.or_else(|| at.get().map(str::to_owned));
        Misfit { field, why: wrong.why }
    })
}

/// Makes the value of one member; nothing where the type does not fit.
pub(crate) fn decode_one<T: DeserializeOwned>(scalar: Scalar<'_>) -> Option<T> {
    T::deserialize(scalar).ok()
}

#[derive(Debug)]
pub(crate) struct Wrong {
    field: Option<String>,
    why: Why,
}

impl Wrong {
    fn shape(words: String) -> Self {
        Self { field: None, why: Why::Shape(words) }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.why)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self { field: None, why: Why::Said(words.to_string()) }
    }

    // What was sent is not repeated: it may be a secret.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Str(_) => "a text",
            Unexpected::Bool(_) => "true or false",
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => "a number",
            _ => "something else",
        };
        Self::shape(format!("{found} instead of {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::shape(format!("a value that is not {expected}"))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::shape(format!("a length that is not {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::shape(format!("none of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self { field: Some(field.to_owned()), why: Why::Shape("is not known".to_owned()) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field.to_owned()), why: Why::Missing }
    }
}

struct Members<'a, 'c, I> {
    rest: I,
    value: Option<Scalar<'a>>,
    at: &'c Cell<Option<&'a str>>,
}

impl<'de, 'a: 'de, I: Iterator<Item = (&'a str, Scalar<'a>)>> Deserializer<'de> for Members<'a, '_, I> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, 'a: 'de, I: Iterator<Item = (&'a str, Scalar<'a>)>> MapAccess<'de> for Members<'a, '_, I> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let next = self.rest.next();
        self.at.set(next.map(|(name, _)| name));
        self.value = next.map(|(_, value)| value);
        next.map(|(name, _)| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Wrong::shape("no value".to_owned())),
        }
    }
}

impl<'de> Deserializer<'de> for Scalar<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Text(text) => visitor.visit_str(text),
            Self::Integer(number) => visitor.visit_i64(number),
            Self::Boolean(truth) => visitor.visit_bool(truth),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self {
            Self::Text(text) => {
                let variant: StrDeserializer<'_, Wrong> = text.into_deserializer();
                visitor.visit_enum(variant)
            }
            other => other.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ground::Secret;
    use crate::ground::names::{EmailAddress, PhoneNumber};

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(try_from = "String")]
    struct Plate(String);

    impl TryFrom<String> for Plate {
        type Error = &'static str;

        fn try_from(text: String) -> Result<Self, Self::Error> {
            if text.contains('-') { Ok(Self(text)) } else { Err("A number plate has a dash.") }
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Car {
        plate: Plate,
        color: Option<Color>,
        seats: u8,
        #[serde(default)]
        electric: bool,
        owner: Option<EmailAddress>,
        phone: Option<PhoneNumber>,
        pin: Option<Secret>,
    }

    fn car<const N: usize>(members: [(&'static str, Scalar<'static>); N]) -> Result<Car, Misfit> {
        decode(members.into_iter())
    }

    const PLATE: (&str, Scalar<'static>) = ("plate", Scalar::Text("A-1"));
    const SEATS: (&str, Scalar<'static>) = ("seats", Scalar::Integer(5));

    #[test]
    fn members_become_the_struct() {
        let least =
            Car { plate: Plate("A-1".into()), color: None, seats: 5, electric: false, owner: None, phone: None, pin: None };
        assert_eq!(car([("from_before", Scalar::Boolean(true)), PLATE, SEATS]), Ok(least));
        let whole = car([
            PLATE,
            SEATS,
            ("color", Scalar::Text("green")),
            ("electric", Scalar::Boolean(true)),
            ("owner", Scalar::Text("ana@example.org")),
            ("phone", Scalar::Text("+15550100")),
            ("pin", Scalar::Text("1234")),
        ])
        .unwrap();
        assert_eq!((whole.color, whole.electric, whole.pin), (Some(Color::Green), true, Some("1234".into())));
        assert_eq!(whole.owner.unwrap().shown(), "ana@example.org");
        assert_eq!(decode_one::<Color>(Scalar::Text("red")), Some(Color::Red));
        assert_eq!(decode_one::<u8>(Scalar::Text("red")), None);
    }

    #[test]
    fn an_error_stands_at_its_field() {
        let at = |result: Result<Car, Misfit>| {
            let misfit = result.unwrap_err();
            (misfit.field.clone().unwrap_or_default(), misfit.message())
        };
        let dash = Message::own("A number plate has a dash.");
        assert_eq!(at(car([SEATS, ("plate", Scalar::Text("A1"))])), ("plate".into(), dash));
        assert_eq!(at(car([PLATE, ("seats", Scalar::Integer(300))])), ("seats".into(), Message::NoMatch));
        assert_eq!(at(car([PLATE, ("seats", Scalar::Text("300"))])), ("seats".into(), Message::NoMatch));
        assert_eq!(at(car([PLATE, SEATS, ("color", Scalar::Text("pink"))])), ("color".into(), Message::NoMatch));
        assert_eq!(at(car([PLATE])), ("seats".into(), Message::Required));
        let wrong = car([PLATE, ("seats", Scalar::Text("hunter2"))]).unwrap_err();
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
    }
}
