//! A body as it was sent, before anything is believed.

/// The members of a body, in the order in which they came. No name occurs twice: the reader refuses that (T75).
#[derive(Clone, PartialEq)]
pub struct Input {
    /// How the body was written; a form cannot say `null`, and an unticked box is absent from it.
    pub source: Source,
    members: Vec<(String, Value)>,
}

/// How a body was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `application/json`, or no body at all.
    Json,
    /// `application/x-www-form-urlencoded` or `multipart/form-data`.
    Form,
}

/// One member of a body.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A JSON number as it was written.
    Number(String),
    /// A text of Unicode characters.
    Text(String),
    /// A JSON text with half of a UTF-16 pair: its number.
    Surrogate(u16),
    /// A form value whose bytes are not UTF-8.
    NotUtf8,
    /// A JSON array, as it was written.
    List(String),
    /// A JSON object, as it was written.
    Dict(String),
    /// A file in a multipart body. Its content is dropped.
    File,
}

impl Input {
    /// A body with these members.
    pub fn new(source: Source, members: Vec<(String, Value)>) -> Self {
        Self { source, members }
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }
}

impl std::fmt::Debug for Input {
    // A body of the wrong type can be one long name with everything in it, so names are not shown either.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({:?}, {} members)", self.source, self.members.len())
    }
}

impl std::fmt::Debug for Value {
    // A body may hold a password in any member, so a value never shows itself (T81).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool(…)",
            Self::Number(_) => "Number(…)",
            Self::Text(_) => "Text(…)",
            Self::Surrogate(_) => "Surrogate(…)",
            Self::NotUtf8 => "NotUtf8",
            Self::List(_) => "List(…)",
            Self::Dict(_) => "Dict(…)",
            Self::File => "File",
        })
    }
}
