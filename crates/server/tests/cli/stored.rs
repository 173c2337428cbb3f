//! What stands in a store, byte by byte: no secret, in whatever form.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorward_store::sealed::SEALED;
use doorward_store::tables::{Kind, TABLES};

use crate::home::Home;
use crate::vault::{SECRET, Vault};

/// Everything that a store holds: each value of each table as it is, and of the embedded one the files too.
async fn everything(home: &Home, vault: &Vault) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for table in TABLES {
        for (column, kind) in table.columns {
            let sql = format!("SELECT {column} FROM {} WHERE {column} IS NOT NULL", table.name);
            for row in vault.db.reading().await.unwrap().conn().unwrap().all(&sql, &[]).await.unwrap() {
                let mut row = row.read(table.name);
                let value = match kind {
                    Kind::Text => row.text(column).unwrap().into_bytes(),
                    Kind::Bytes => row.bytes(column).unwrap(),
                    Kind::Int | Kind::Flag => continue,
                };
                found.push((format!("{}.{column}", table.name), value));
            }
        }
    }
    for entry in std::fs::read_dir(home.path().join("data")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("doorward.db") {
            found.push((name, std::fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// The bytes of a text in base32, as secrets of time-based codes are shown.
fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u64, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter)?;
        (bits, held) = ((bits << 5 | digit as u64) & 0xffff, held + 5);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// The forms in which a secret could stand somewhere.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.as_bytes().to_vec(), hex.into_bytes()];
    forms.extend([STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|alphabet| alphabet.encode(secret).into_bytes()));
    let raw = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
        .map(|alphabet| alphabet.decode(secret.trim_end_matches('=')).ok());
    forms.extend(raw.into_iter().chain([from_base32(secret)]).flatten().filter(|raw| raw.len() >= 10));
    forms
}

fn contains(place: &[u8], form: &[u8]) -> bool {
    place.windows(form.len()).any(|window| window == form)
}

/// Makes sure that nothing of that is in the store, nor what is sealed there; only hashes of passwords may be.
pub async fn assert_hides(home: &Home, secrets: &[String]) {
    let vault = Vault::of(home.path());
    vault.fill(&vault.keys()[0], 3).await;
    let mut forms: Vec<_> =
        secrets.iter().filter(|secret| !secret.starts_with('$')).flat_map(|secret| forms(secret)).collect();
    // A few digits stand in some id or other by chance.
    forms.retain(|form| form.len() >= 8 || !form.iter().all(u8::is_ascii_digit));
    forms.push(SECRET.into());
    let found = everything(home, &vault).await;
    assert!(found.iter().any(|(_, value)| contains(value, b"mini@m.co")), "names are in the clear");
    for column in SEALED {
        let place = format!("{}.{}", column.table, column.column);
        assert!(found.iter().any(|(name, _)| *name == place), "{place} is looked at");
    }
    for (place, value) in &found {
        for form in &forms {
            assert!(!contains(value, form), "{} is in {place}", String::from_utf8_lossy(form));
        }
    }
}

#[test]
fn base32_is_read_as_it_is_written() {
    assert_eq!(from_base32("JBSWY3DPEBLW64TMMQ======").unwrap(), b"Hello World");
    assert_eq!(from_base32("hunter2"), None);
}
