//! Which form of a sentence goes with a number: the `Plural-Forms` line of a catalogue, as GNU gettext defines it.

/// The longest rule that is read.
const LONGEST: usize = 512;

/// The deepest nesting that is read.
const DEEPEST: usize = 32;

/// The most forms a language may have; none has more than six.
const MOST_FORMS: usize = 8;

/// How many forms there are, and which one a number takes.
#[derive(Clone, Debug)]
pub(super) struct Plural {
    forms: usize,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Number(u64),
    Count,
    Not(Box<Self>),
    Pair(Operator, Box<Self>, Box<Self>),
    Choice(Box<Self>, Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    More,
    AtMost,
    AtLeast,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Longer signs stand before those that they begin with. The number is how tightly the sign binds.
const OPERATORS: [(&str, Operator, u8); 13] = [
    ("||", Operator::Or, 1),
    ("&&", Operator::And, 2),
    ("==", Operator::Equal, 3),
    ("!=", Operator::Unequal, 3),
    ("<=", Operator::AtMost, 4),
    (">=", Operator::AtLeast, 4),
    ("<", Operator::Less, 4),
    (">", Operator::More, 4),
    ("+", Operator::Add, 5),
    ("-", Operator::Subtract, 5),
    ("*", Operator::Multiply, 6),
    ("/", Operator::Divide, 6),
    ("%", Operator::Remainder, 6),
];

impl Default for Plural {
    /// One form for 1 and one for all else, as in English.
    fn default() -> Self {
        let rule = Rule::Pair(Operator::Unequal, Box::new(Rule::Count), Box::new(Rule::Number(1)));
        Self { forms: 2, rule }
    }
}

impl Plural {
    /// Reads `nplurals=2; plural=(n != 1);`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not `nplurals=…; plural=…;`", text.chars().take(80).collect::<String>());
        if text.len() > LONGEST {
            return Err(wrong());
        }
        let (forms, rule) = text.split_once(';').ok_or_else(wrong)?;
        let forms = forms.trim().strip_prefix("nplurals=").and_then(|forms| forms.trim().parse().ok()).ok_or_else(wrong)?;
        if !(1..=MOST_FORMS).contains(&forms) {
            return Err(format!("nplurals is {forms}, not 1 to {MOST_FORMS}"));
        }
        let rule = rule.trim().trim_end_matches(';').strip_prefix("plural=").ok_or_else(wrong)?;
        let mut reader = Reader { rest: rule.trim_start() };
        let rule = reader.choice(DEEPEST).filter(|_| reader.rest.is_empty()).ok_or_else(wrong)?;
        Ok(Self { forms, rule })
    }

    /// How many forms a sentence has.
    pub(super) fn forms(&self) -> usize {
        self.forms
    }

    /// The form for that number; never beyond the last one.
    pub(super) fn form(&self, count: u64) -> usize {
        usize::try_from(self.rule.value(count)).unwrap_or(usize::MAX).min(self.forms - 1)
    }
}

impl Rule {
    fn value(&self, count: u64) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Count => count,
            Self::Not(inner) => u64::from(inner.value(count) == 0),
            Self::Pair(operator, left, right) => operator.value(left.value(count), right.value(count)),
            Self::Choice(test, yes, no) if test.value(count) != 0 => yes.value(count),
            Self::Choice(_, _, no) => no.value(count),
        }
    }
}

impl Operator {
    fn value(self, left: u64, right: u64) -> u64 {
        match self {
            Self::Or => u64::from(left != 0 || right != 0),
            Self::And => u64::from(left != 0 && right != 0),
            Self::Equal => u64::from(left == right),
            Self::Unequal => u64::from(left != right),
            Self::Less => u64::from(left < right),
            Self::More => u64::from(left > right),
            Self::AtMost => u64::from(left <= right),
            Self::AtLeast => u64::from(left >= right),
            Self::Add => left.wrapping_add(right),
            Self::Subtract => left.wrapping_sub(right),
            Self::Multiply => left.wrapping_mul(right),
            Self::Divide => left.checked_div(right).unwrap_or(0),
            Self::Remainder => left.checked_rem(right).unwrap_or(0),
        }
    }
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.strip_prefix(sign).map(str::trim_start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn choice(&mut self, depth: usize) -> Option<Rule> {
        let depth = depth.checked_sub(1)?;
        let test = self.pairs(1, depth)?;
        if !self.take("?") {
            return Some(test);
        }
        let yes = self.choice(depth)?;
        if !self.take(":") {
            return None;
        }
        Some(Rule::Choice(Box::new(test), Box::new(yes), Box::new(self.choice(depth)?)))
    }

    fn pairs(&mut self, tightness: u8, depth: usize) -> Option<Rule> {
        let mut left = self.one(depth)?;
        while let Some(&(sign, operator, binds)) = OPERATORS.iter().find(|(sign, _, _)| self.rest.starts_with(sign)) {
            if binds < tightness {
                break;
            }
            self.take(sign);
            let right = self.pairs(binds + 1, depth.checked_sub(1)?)?;
            left = Rule::Pair(operator, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn one(&mut self, depth: usize) -> Option<Rule> {
        let depth = depth.checked_sub(1)?;
        if self.take("!") {
            return Some(Rule::Not(Box::new(self.one(depth)?)));
        }
        if self.take("(") {
            let inner = self.choice(depth)?;
            return self.take(")").then_some(inner);
        }
        if self.take("n") {
            return Some(Rule::Count);
        }
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest.get(..digits)?.parse().ok()?;
        self.rest = self.rest.get(digits..)?.trim_start();
        Some(Rule::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms(rule: &str, counts: &[u64]) -> Vec<usize> {
        let plural = Plural::parse(rule).unwrap();
        counts.iter().map(|count| plural.form(*count)).collect()
    }

    #[test]
    fn known_rules_give_the_known_forms() {
        assert_eq!(forms("nplurals=1; plural=0;", &[0, 1, 2, 100]), [0, 0, 0, 0]);
        assert_eq!(forms("nplurals=2; plural=(n != 1);", &[0, 1, 2]), [1, 0, 1]);
        assert_eq!(forms("nplurals=2; plural=n > 1", &[0, 1, 2]), [0, 0, 1]);
        let polish = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);";
        assert_eq!(forms(polish, &[1, 2, 4, 5, 12, 14, 21, 22, 104, 112]), [0, 1, 1, 2, 2, 2, 2, 1, 1, 2]);
        let arabic = "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5;";
        assert_eq!(forms(arabic, &[0, 1, 2, 3, 11, 100]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(forms("nplurals=2; plural=!(n - 1 * 2 == 8 / 2) || n < 0;", &[6, 7]), [0, 1]);
        assert_eq!(Plural::default().form(1), 0);
        assert_eq!(Plural::default().form(0), 1);
    }

    #[test]
    fn a_form_is_never_beyond_the_last_and_nothing_is_divided_by_zero() {
        assert_eq!(forms("nplurals=2; plural=n - 5;", &[0, 5, 6, 9]), [1, 0, 1, 1]);
        assert_eq!(forms("nplurals=3; plural=n / 0 + n % 0;", &[7]), [0]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in [
            "",
            "nplurals=2",
            "nplurals=0; plural=0;",
            "nplurals=9; plural=n;",
            "nplurals=2; plural=m;",
            "nplurals=2; plural=(n;",
        ] {
            assert!(Plural::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Plural::parse(&format!("nplurals=2; plural={}n", "(".repeat(400))).is_err());
        assert!(Plural::parse(&format!("nplurals=2; plural={}n", "!".repeat(400))).is_err());
        assert!(Plural::parse("nplurals=2; plural=1 ? n;").is_err());
    }

    proptest! {
        #[test]
        fn t75_no_rule_makes_the_reader_panic(rule in r"nplurals=[0-9]; plural=(n|\(|\)|!|\?|:|%|/|-|<|>|=|&|\||[0-9]| ){0,40}", count: u64) {
            if let Ok(plural) = Plural::parse(&rule) {
                prop_assert!(plural.form(count) < plural.forms());
            }
        }
    }
}
