//! `vestibule templates …`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use vestibule::mail::convert;

use super::Failure;
use crate::output;

/// Turns a folder of Django mail templates, and says what it could not.
pub(super) fn convert(dir: &Path, out: Option<&Path>) -> Result<(), Failure> {
    if !dir.is_dir() {
        return Err(Failure::Misuse(format!("{}: is not a folder", dir.display())));
    }
    let out = out.map_or_else(|| beside(dir), Path::to_path_buf);
    let folder = convert::folder(dir);
    for (name, text) in &folder.converted {
        write(&out.join(name), text)?;
        output::say(&format!("written  {}", out.join(name).display()));
    }
    folder.skipped.iter().for_each(|name| output::say(&format!("left     {name}: no mail is made from it")));
    if !folder.converted.is_empty() {
        output::say(&format!("\nSet templates.dir to {}", out.display()));
    }
    if !folder.vars.is_empty() {
        let names: Vec<&str> = folder.vars.iter().map(String::as_str).collect();
        output::say(&format!("and in [templates.vars] {}, which were settings of Django's", names.join(", ")));
    }
    if folder.problems.is_empty() && folder.converted.is_empty() {
        return Err(Failure::Failed(format!("{}: has no template that a mail is made from", dir.display())));
    }
    if folder.problems.is_empty() { Ok(()) } else { Err(Failure::Failed(folder.problems.join("\n"))) }
}

/// `templates` → `templates-vestibule`.
fn beside(dir: &Path) -> PathBuf {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_path_buf());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    whole.with_file_name(format!("{name}-vestibule"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
