//! `vestibule user import`: accounts of a Django project, from what `dumpdata` writes.
//!
//! The file is read twice: first for the addresses that are proven, which may stand behind the accounts, and for the greatest number,
//! then for the accounts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use vestibule::Auth;
use vestibule::accounts::import::{self, Came, Line, Record};

use super::users::failed;
use super::{Failure, open};
use crate::output;

/// How many accounts are written at once.
const BATCH: usize = 200;

/// The longest line that is read.
const LONGEST: usize = 1024 * 1024;

/// What came of a file.
#[derive(Default)]
struct Tally {
    new: u64,
    known: u64,
    without_password: u64,
    refused: u64,
    /// Members that nobody declared, with how many accounts have a value there.
    undeclared: BTreeMap<String, u64>,
}

pub(super) async fn run(config: Option<&Path>, file: &Path) -> Result<(), Failure> {
    let Seen { proven, highest } = look(file)?;
    let auth = open::service(config).await?;
    // Before anything else, so that nobody who registers meanwhile gets a number of the file.
    import::reserve(&auth, highest).await.map_err(|error| failed(&error))?;
    let declared: BTreeSet<String> = auth.settings().user.fields.iter().map(|field| field.name.clone()).collect();
    let mut tally = Tally::default();
    let mut batch: Vec<(usize, Record)> = Vec::with_capacity(BATCH);
    for (number, line) in lines(file)? {
        match read(&line?) {
            Ok(Line::User(mut record)) => {
                let address = record.email.as_deref().unwrap_or_default().to_lowercase();
                record.email_verified |= proven.contains(&(record.id, address));
                tally.leave_out(&mut record, &declared);
                batch.push((number, *record));
            }
            Ok(_) => {}
            Err(why) => tally.refuse(number, &why),
        }
        if batch.len() == BATCH {
            write(&auth, &mut batch, &mut tally).await?;
        }
    }
    write(&auth, &mut batch, &mut tally).await?;
    tally.tell()
}

/// The lines with their numbers. A file that cannot be read is a failure.
fn lines(file: &Path) -> Result<impl Iterator<Item = (usize, Result<String, Failure>)>, Failure> {
    let told = |error: std::io::Error, file: &Path| Failure::Failed(format!("{}: {error}", file.display()));
    let open = File::open(file).map_err(|error| told(error, file))?;
    let name = file.to_owned();
    let numbered = BufReader::new(open).lines().enumerate();
    Ok(numbered.map(move |(index, line)| (index + 1, line.map_err(|error| told(error, &name)))))
}

/// What a line says. What is wrong with it is only that line's.
fn read(line: &str) -> Result<Line, String> {
    match line.trim() {
        "" => Ok(Line::Other),
        text if text.len() > LONGEST => Err("is too long".to_owned()),
        text => Line::parse(text),
    }
}

/// What must be known before the first account is written.
#[derive(Default)]
struct Seen {
    /// Which addresses of which accounts are proven, in small letters.
    proven: HashSet<(i64, String)>,
    /// The greatest number of an account, also of one that is refused.
    highest: i64,
}

fn look(file: &Path) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    for (_, line) in lines(file)? {
        let line = line?;
        seen.highest = seen.highest.max(Line::number(&line).unwrap_or_default());
        if let Ok(Line::Address { user, email, verified: true }) = read(&line) {
            seen.proven.insert((user, email.to_lowercase()));
        }
    }
    Ok(seen)
}

async fn write(auth: &Auth, batch: &mut Vec<(usize, Record)>, tally: &mut Tally) -> Result<(), Failure> {
    let (numbers, records): (Vec<usize>, Vec<Record>) = batch.drain(..).unzip();
    let came = import::import(auth, records).await.map_err(|error| failed(&error))?;
    numbers.into_iter().zip(came).for_each(|(number, came)| tally.count(number, came));
    Ok(())
}

impl Tally {
    /// Takes members away that no account has here, and remembers them.
    fn leave_out(&mut self, record: &mut Record, declared: &BTreeSet<String>) {
        let (known, other): (Vec<_>, Vec<_>) =
            std::mem::take(&mut record.profile).into_iter().partition(|(name, _)| declared.contains(name));
        record.profile = known;
        other.into_iter().for_each(|(name, _)| *self.undeclared.entry(name).or_default() += 1);
    }

    fn count(&mut self, number: usize, came: Came) {
        match came {
            Came::New => self.new += 1,
            Came::WithoutPassword => {
                self.new += 1;
                self.without_password += 1;
            }
            Came::Known => self.known += 1,
            Came::Refused(why) => self.refuse(number, &why),
        }
    }

    fn refuse(&mut self, number: usize, why: &str) {
        self.refused += 1;
        output::complain(&format!("line {number}: {why}"));
    }

    fn tell(self) -> Result<(), Failure> {
        output::say(&format!("{} accounts imported, {} were there already", self.new, self.known));
        if self.without_password > 0 {
            let count = self.without_password;
            output::say(&format!(
                "{count} have a password in a form that cannot be checked: their owners choose a new one by mail"
            ));
        }
        for (name, count) in self.undeclared {
            output::say(&format!(
                "{name} of {count} accounts is left out: declare it in [[user.fields]] and import again into an empty database"
            ));
        }
        match self.refused {
            0 => Ok(()),
            refused => Err(Failure::Failed(format!("{refused} accounts were not imported"))),
        }
    }
}
