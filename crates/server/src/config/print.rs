//! The configuration as text: the effective one for operators, and the example file.

use toml::{Table, Value};

use super::many::env_name_of;
use super::rule::{Key, Section, env_name};
use super::{Config, pick};

impl Config {
    /// The effective configuration as TOML. Secrets are redacted; keys that are not set stand as comments.
    pub fn print_toml(&self) -> String {
        let values = values(self);
        let mut out = String::new();
        for section in Self::SECTION.walk().into_iter().filter(|section| !section.keys.is_empty()) {
            if !section.path.is_empty() {
                out.push_str(&format!("\n[{}]\n", section.path));
            }
            for key in section.keys {
                match pick(&values, &section.path_of(key.name)) {
                    Some(value) => out.push_str(&format!("{} = {value}\n", key.name)),
                    None => out.push_str(&format!("# {} is not set\n", key.name)),
                }
            }
        }
        for section in Self::SECTION.many {
            for table in tables(&values, section) {
                out.push_str(&format!("\n[[{}]]\n", section.path));
                for key in section.keys {
                    match table.get(key.name) {
                        Some(value) => out.push_str(&format!("{} = {value}\n", key.name)),
                        None => out.push_str(&format!("# {} is not set\n", key.name)),
                    }
                }
            }
        }
        out
    }

    /// A file with every key, its meaning, its default and its environment variable. All keys are commented out, so
    /// that a copy of the file does not hold on to the defaults of one version.
    pub fn example_toml() -> String {
        let values = values(&Self::default());
        let mut out = String::new();
        for section in Self::SECTION.walk().into_iter().filter(|section| !section.keys.is_empty()) {
            if section.path.is_empty() {
                out.push_str(INTRODUCTION);
            } else {
                out.push('\n');
                comment(&mut out, section.about);
                out.push_str(&format!("[{}]\n", section.path));
            }
            for key in section.keys {
                let path = section.path_of(key.name);
                example(&mut out, key, &path, pick(&values, &path));
            }
        }
        for section in Self::SECTION.many {
            example_of_many(&mut out, section, &(section.defaults)());
        }
        out
    }
}

const INTRODUCTION: &str = "\
# Configuration of doorward, with every key at its default.
#
# The server reads the file named by --config or by DOORWARD_CONFIG, else doorward.toml in its working directory if
# there is one. An environment variable overrides the file, a flag (--set key=value) overrides both.
# In variables and flags, lists are separated by commas.
# Remove the # in front of a key to set it.
";

fn values(config: &Config) -> Table {
    Table::try_from(config).unwrap_or_default()
}

/// The tables of a section that there may be many of.
fn tables<'a>(values: &'a Table, section: &Section) -> impl Iterator<Item = &'a Table> {
    let tables = values.get(section.path).and_then(Value::as_array);
    tables.into_iter().flatten().filter_map(Value::as_table)
}

/// Such a section is all comment: with its header alone it would be there.
fn example_of_many(out: &mut String, section: &Section, defaults: &Table) {
    out.push('\n');
    comment(out, section.about);
    out.push_str(&format!("# [[{}]]\n", section.path));
    for key in section.keys {
        out.push_str("#\n");
        comment(out, key.doc);
        let default = defaults.get(key.name).map_or_else(|| "\"\"".to_owned(), Value::to_string);
        out.push_str(&format!("# Takes {}. Default: {default}.\n", key.rule.allowed()));
        if key.rule.is_secret() {
            out.push_str(&format!("# Environment: {}\n", env_name_of(section.path, "<ID>", key.name)));
        }
        out.push_str(&format!("# {} = {default}\n", key.name));
    }
}

fn comment(out: &mut String, lines: &[&str]) {
    for line in lines {
        out.push_str(&format!("# {}\n", line.trim()));
    }
}

fn example(out: &mut String, key: &Key, path: &str, default: Option<&Value>) {
    let default = default.map_or_else(|| "\"\"".to_owned(), Value::to_string);
    out.push('\n');
    comment(out, key.doc);
    out.push_str(&format!("# Takes {}. Default: {default}.\n", key.rule.allowed()));
    out.push_str(&format!("# Environment: {}\n", env_name(path)));
    out.push_str(&format!("#{} = {default}\n", key.name));
}
