//! Who calls, and what the caller may do: roles, permissions and the rule that joins them.

use crate::failure::{self, Failure};

/// What an operation asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// `session.read`
    SessionRead,
    /// `session.write`
    SessionWrite,
    /// `session.delete`
    SessionDelete,
    /// `user.read`
    UserRead,
    /// `user.write`
    UserWrite,
    /// `user.delete`
    UserDelete,
    /// `user.self.delete`
    UserSelfDelete,
    /// `user.credential.write`
    CredentialWrite,
    /// `user.passkey.write`
    PasskeyWrite,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 9] = [
        Self::SessionRead,
        Self::SessionWrite,
        Self::SessionDelete,
        Self::UserRead,
        Self::UserWrite,
        Self::UserDelete,
        Self::UserSelfDelete,
        Self::CredentialWrite,
        Self::PasskeyWrite,
    ];

    /// The name in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionRead => "session.read",
            Self::SessionWrite => "session.write",
            Self::SessionDelete => "session.delete",
            Self::UserRead => "user.read",
            Self::UserWrite => "user.write",
            Self::UserDelete => "user.delete",
            Self::UserSelfDelete => "user.self.delete",
            Self::CredentialWrite => "user.credential.write",
            Self::PasskeyWrite => "user.passkey.write",
        }
    }
}

/// A named bundle of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Everything.
    IamOwner,
    /// Reads everything.
    IamOwnerViewer,
    /// Manages organisations and their users.
    IamOrgManager,
    /// Manages users.
    IamUserManager,
    /// What a login page needs.
    IamLoginClient,
    /// Manages one organisation.
    OrgOwner,
    /// Manages the users of one organisation.
    OrgUserManager,
    /// Reads one organisation.
    OrgOwnerViewer,
    /// Reads users of one organisation.
    OrgUserPermissionEditor,
    /// Reads users of one organisation.
    OrgProjectPermissionEditor,
    /// May delete its own user.
    SelfManagementGlobal,
    /// May delete its own user.
    OrgUserSelfManager,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::IamOwner,
        Self::IamOwnerViewer,
        Self::IamOrgManager,
        Self::IamUserManager,
        Self::IamLoginClient,
        Self::OrgOwner,
        Self::OrgUserManager,
        Self::OrgOwnerViewer,
        Self::OrgUserPermissionEditor,
        Self::OrgProjectPermissionEditor,
        Self::SelfManagementGlobal,
        Self::OrgUserSelfManager,
    ];

    /// The name in the store, the configuration and the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IamOwner => "IAM_OWNER",
            Self::IamOwnerViewer => "IAM_OWNER_VIEWER",
            Self::IamOrgManager => "IAM_ORG_MANAGER",
            Self::IamUserManager => "IAM_USER_MANAGER",
            Self::IamLoginClient => "IAM_LOGIN_CLIENT",
            Self::OrgOwner => "ORG_OWNER",
            Self::OrgUserManager => "ORG_USER_MANAGER",
            Self::OrgOwnerViewer => "ORG_OWNER_VIEWER",
            Self::OrgUserPermissionEditor => "ORG_USER_PERMISSION_EDITOR",
            Self::OrgProjectPermissionEditor => "ORG_PROJECT_PERMISSION_EDITOR",
            Self::SelfManagementGlobal => "SELF_MANAGEMENT_GLOBAL",
            Self::OrgUserSelfManager => "ORG_USER_SELF_MANAGER",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether the role is held on the instance rather than on one organisation.
    #[must_use]
    pub fn is_for_instance(self) -> bool {
        !self.name().starts_with("ORG_")
    }

    /// Whether the role carries the permission: the table of default roles.
    #[must_use]
    pub fn grants(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::IamOwner => true,
            Self::IamOwnerViewer => matches!(permission, P::SessionRead | P::UserRead),
            Self::IamOrgManager | Self::OrgOwner => permission != P::SessionWrite,
            Self::IamUserManager => !matches!(permission, P::SessionWrite | P::CredentialWrite),
            Self::IamLoginClient => !matches!(permission, P::UserDelete | P::UserSelfDelete),
            Self::OrgUserManager => {
                !matches!(permission, P::SessionWrite | P::CredentialWrite | P::PasskeyWrite)
            }
            Self::OrgOwnerViewer | Self::OrgUserPermissionEditor | Self::OrgProjectPermissionEditor => {
                permission == P::UserRead
            }
            Self::SelfManagementGlobal | Self::OrgUserSelfManager => permission == P::UserSelfDelete,
        }
    }
}

/// A role held somewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The organisation, or `None` for the instance.
    pub organisation: Option<String>,
    /// The role.
    pub role: Role,
}

/// Somebody who was let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The user that the token belongs to.
    pub user_id: String,
    /// The organisation that the call is made for: the caller's own unless a header names another.
    pub organisation: String,
    /// The roles held.
    pub memberships: Vec<Membership>,
    /// The fingerprint of the browser behind the token, if the token knows one.
    pub agent: Option<String>,
}

impl Caller {
    /// The operator at the command line, who may do everything.
    #[must_use]
    pub fn operator(organisation: String) -> Self {
        let memberships = vec![Membership { organisation: None, role: Role::IamOwner }];
        Self { user_id: "operator".to_owned(), organisation, memberships, agent: None }
    }

    /// Asks for a permission on an organisation, or on the instance alone.
    ///
    /// # Errors
    /// `AUTHZ-cdgFk` for a caller without any role there, `AUTH-AWfge` for one whose roles do not suffice.
    pub fn require(&self, permission: Permission, organisation: Option<&str>) -> Result<(), Failure> {
        let mut any = false;
        for membership in self.memberships_for(organisation) {
            any = true;
            if membership.role.grants(permission) {
                return Ok(());
            }
        }
        Err(if any { failure::PERMISSION_MISSING } else { failure::MEMBERSHIP_MISSING })
    }

    /// Asks for a permission unless the user concerned is the caller.
    ///
    /// # Errors
    /// As [`Caller::require`].
    pub fn require_or_self(
        &self,
        permission: Permission,
        organisation: &str,
        user_id: &str,
    ) -> Result<(), Failure> {
        if self.user_id == user_id { Ok(()) } else { self.require(permission, Some(organisation)) }
    }

    /// Asks for everything that roles carry, where they carry it: whoever can act as their holder must be able to do it
    /// anyway.
    ///
    /// # Errors
    /// `DOORWARD-R0le5` if the holder may do anything that the caller may not.
    pub fn require_all_of(&self, held: &[Membership]) -> Result<(), Failure> {
        let may = |permission, on: &Membership| self.require(permission, on.organisation.as_deref()).is_ok();
        let all = held.iter().all(|held| {
            Permission::ALL
                .into_iter()
                .all(|permission| !held.role.grants(permission) || may(permission, held))
        });
        if all { Ok(()) } else { Err(failure::ROLES_BEYOND) }
    }

    /// Asks for the permission of a whole method, on the organisation that the call is made for.
    ///
    /// # Errors
    /// `AUTHZ-cdgFk` without any role there, `AUTH-5mWD2` without the permission.
    pub fn require_for_method(&self, permission: Permission, organisation: &str) -> Result<(), Failure> {
        self.require(permission, Some(organisation)).map_err(|refusal| {
            if refusal == failure::PERMISSION_MISSING { failure::METHOD_PERMISSION_MISSING } else { refusal }
        })
    }

    /// Where the permission holds, for searches that must not show more.
    #[must_use]
    pub fn reach(&self, permission: Permission) -> Reach {
        let mut organisations = Vec::new();
        for membership in self.memberships.iter().filter(|held| held.role.grants(permission)) {
            match &membership.organisation {
                None => return Reach::Everything,
                Some(organisation) => organisations.push(organisation.clone()),
            }
        }
        Reach::Organisations(organisations)
    }

    fn memberships_for<'a>(&'a self, organisation: Option<&'a str>) -> impl Iterator<Item = &'a Membership> {
        self.memberships.iter().filter(move |held| match &held.organisation {
            None => true,
            Some(held_on) => organisation == Some(held_on.as_str()),
        })
    }
}

/// Where a permission holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    /// On the whole instance.
    Everything,
    /// On these organisations only; none of them at all if the list is empty.
    Organisations(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(memberships: &[(Option<&str>, Role)]) -> Caller {
        Caller {
            user_id: "me".to_owned(),
            organisation: "home".to_owned(),
            memberships: memberships
                .iter()
                .map(|(organisation, role)| Membership {
                    organisation: organisation.map(str::to_owned),
                    role: *role,
                })
                .collect(),
            agent: None,
        }
    }

    #[test]
    fn a_caller_without_any_role_is_told_that_the_membership_is_missing() {
        let nobody = caller(&[]);
        assert_eq!(nobody.require(Permission::SessionRead, None), Err(failure::MEMBERSHIP_MISSING));
        let elsewhere = caller(&[(Some("away"), Role::OrgOwner)]);
        assert_eq!(elsewhere.require(Permission::UserRead, Some("home")), Err(failure::MEMBERSHIP_MISSING));
        assert_eq!(elsewhere.require(Permission::UserRead, None), Err(failure::MEMBERSHIP_MISSING));
    }

    #[test]
    fn a_role_on_the_instance_counts_on_every_organisation() {
        let owner = caller(&[(None, Role::IamOwner)]);
        assert_eq!(owner.require(Permission::UserDelete, Some("anything")), Ok(()));
        let viewer = caller(&[(None, Role::IamOwnerViewer)]);
        assert_eq!(viewer.require(Permission::UserWrite, Some("home")), Err(failure::PERMISSION_MISSING));
    }

    #[test]
    fn only_owner_and_login_client_may_write_sessions() {
        let writers: Vec<_> =
            Role::ALL.into_iter().filter(|role| role.grants(Permission::SessionWrite)).collect();
        assert_eq!(writers, [Role::IamOwner, Role::IamLoginClient]);
    }

    #[test]
    fn the_table_of_default_roles_is_as_documented() {
        use Permission as P;
        let columns = [
            P::SessionRead,
            P::SessionWrite,
            P::SessionDelete,
            P::UserRead,
            P::UserWrite,
            P::UserDelete,
            P::CredentialWrite,
            P::PasskeyWrite,
        ];
        let rows = [
            (Role::IamOwner, "xxxxxxxx"),
            (Role::IamOwnerViewer, "x..x...."),
            (Role::IamOrgManager, "x.xxxxxx"),
            (Role::IamUserManager, "x.xxxx.x"),
            (Role::IamLoginClient, "xxxxx.xx"),
            (Role::OrgOwner, "x.xxxxxx"),
            (Role::OrgUserManager, "x.xxxx.."),
            (Role::OrgOwnerViewer, "...x...."),
            (Role::SelfManagementGlobal, "........"),
        ];
        for (role, row) in rows {
            let held: String =
                columns.iter().map(|column| if role.grants(*column) { 'x' } else { '.' }).collect();
            assert_eq!(held, row, "{}", role.name());
        }
    }

    #[test]
    fn a_user_needs_no_role_for_what_is_its_own() {
        let nobody = caller(&[]);
        assert_eq!(nobody.require_or_self(Permission::UserRead, "home", "me"), Ok(()));
        assert!(nobody.require_or_self(Permission::UserRead, "home", "you").is_err());
    }

    #[test]
    fn the_reach_of_a_permission_names_its_organisations() {
        assert_eq!(caller(&[(None, Role::IamOwner)]).reach(Permission::SessionRead), Reach::Everything);
        let mixed = caller(&[(Some("a"), Role::OrgOwner), (Some("b"), Role::OrgOwnerViewer)]);
        assert_eq!(mixed.reach(Permission::SessionRead), Reach::Organisations(vec!["a".to_owned()]));
    }
}
