//! Roles held on the instance or on an organisation, and the look-up of a caller with its roles.

use doorward_core::caller::{Membership, Role};

use crate::db::{Columns, Conn, Row};
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

/// A role that a user holds, as stored: perhaps one that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who holds it.
    pub user_id: String,
    /// The organisation, or `None` for the instance.
    pub organisation: Option<String>,
    /// The name of the role.
    pub role: String,
}

/// Takes a role away. Gives `false` if it was not held there.
///
/// # Errors
/// When the store cannot be written.
pub async fn delete(conn: &mut Conn, grant: &Grant) -> Result<bool> {
    let sql = "DELETE FROM grants WHERE user_id = $1 AND organisation_id = $2 AND role = $3";
    let organisation = grant.organisation.as_deref().unwrap_or_default();
    let params = [(&grant.user_id).into(), organisation.into(), (&grant.role).into()];
    Ok(conn.run(sql, &params).await? == 1)
}

/// The roles of a user, or of everybody, as they are stored.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(conn: &mut Conn, user_id: Option<&str>) -> Result<Vec<Grant>> {
    let rows = match user_id {
        Some(id) => {
            let sql = "SELECT user_id, organisation_id, role FROM grants WHERE user_id = $1 \
                       ORDER BY user_id, organisation_id, role";
            conn.all(sql, &[id.into()]).await?
        }
        None => {
            let sql =
                "SELECT user_id, organisation_id, role FROM grants ORDER BY user_id, organisation_id, role";
            conn.all(sql, &[]).await?
        }
    };
    let read = |row: Row| {
        let mut row = row.read("grants");
        let user_id = row.text("user_id")?;
        let organisation = Some(row.text("organisation_id")?).filter(|id| !id.is_empty());
        Ok(Grant { user_id, organisation, role: row.text("role")? })
    };
    rows.into_iter().map(read).collect()
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
