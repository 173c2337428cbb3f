//! Roles held on the instance or on an organisation, and the look-up of a caller with its roles.

use doorward_core::caller::{Membership, Role};

use crate::db::{Columns, Conn};
use crate::error::Result;

/// Grants a role. Granting it again changes nothing.
///
/// # Errors
/// When the store cannot be written.
pub async fn insert(conn: &mut Conn, user_id: &str, membership: &Membership) -> Result<()> {
    let sql =
        "INSERT INTO grants (user_id, organisation_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let organisation = membership.organisation.as_deref().unwrap_or_default();
    conn.run(sql, &[user_id.into(), organisation.into(), membership.role.name().into()]).await.map(|_| ())
}

/// The roles of a user.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_user(conn: &mut Conn, user_id: &str) -> Result<Vec<Membership>> {
    let sql = "SELECT organisation_id, role FROM grants WHERE user_id = $1 ORDER BY organisation_id, role";
    let rows = conn.all(sql, &[user_id.into()]).await?;
    let memberships = rows.into_iter().map(|row| read(&mut row.read("grants")));
    Ok(memberships.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Reads the two columns of a grant. A role that this version does not know grants nothing.
pub(crate) fn read(row: &mut Columns) -> Result<Option<Membership>> {
    let (organisation, role) = (row.maybe_text("organisation_id")?, row.maybe_text("role")?);
    Ok(role.and_then(|role| Role::named(&role)).map(|role| Membership {
        organisation: organisation.filter(|organisation| !organisation.is_empty()),
        role,
    }))
}
